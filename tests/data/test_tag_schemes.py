import pytest

from seqlab.data.coders import check_coder
from seqlab.data.tagged_text import TaggedText
from seqlab.data.tags import BioTags, PlainTags, looks_bio, scheme_from_state
from seqlab.errors import UserError


def test_bio_tags_are_numbered_by_type_and_those_that_training_lacks_come_last() -> None:
    scheme = BioTags.of(("B-PER", "O", "B-LOC"), [("B-ORG", "O")])
    assert scheme.names == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER", "B-ORG", "I-ORG")
    assert scheme.encode(("I-PER", "O", "B-ORG")) == [4, 0, 5]
    assert scheme.num_tags == 5
    assert scheme.kinds_of(("B-PER", "I-PER", "O", "B-PER")) == {"PER": 2}


def test_plain_tags_stand_by_falling_frequency() -> None:
    scheme = PlainTags.of(("VERB", "NOUN", "NOUN", "ADV"), [("X", "NOUN"), ("NOUN", "INTJ")])
    assert scheme.names == ("NOUN", "ADV", "VERB", "INTJ", "X")
    assert scheme.num_tags == 3
    assert scheme.kinds_of(("NOUN", "NOUN", "X")) == {"NOUN": 2, "X": 1}


@pytest.mark.parametrize("scheme", [BioTags(("LOC", "PER")), PlainTags(("NOUN", "VERB"))])
def test_the_state_gives_the_same_tags_again(scheme: BioTags | PlainTags) -> None:
    again = check_coder(scheme, scheme.names, scheme.state())
    assert scheme_from_state(scheme.state()).names == scheme.names
    assert (again.key, again.names) == (scheme.key, scheme.names)


def test_tags_that_nothing_is_learned_from() -> None:
    with pytest.raises(UserError, match=r"every training token has the tag '_'.*data\.tag_column="):
        PlainTags.of(("_", "_"), [])
    with pytest.raises(UserError, match=r"data\.scheme=pos: choose bio, plain or auto"):
        TaggedText(scheme="pos")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-PER I-PER O", True),
        ("S-PER B-LOC E-LOC O O", True),
        ("O O O", True),
        ("B-PER O X-LOC", True),  # one of two other than O: a mistake in a BIO file
        ("B-PER O X-LOC Y", False),
        ("NOUN VERB", False),
        ("O O O COMMA", False),  # mostly O, and yet no entities
    ],
)
def test_what_looks_like_bio(tags: str, expected: bool) -> None:
    assert looks_bio(tags.split()) is expected
