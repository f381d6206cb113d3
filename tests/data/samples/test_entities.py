import pytest

from seqlab.data.samples.entities import SYNTHETIC_NOTICE, simulate_sentences
from seqlab.data.tags import is_tag, tag_types, to_bio
from seqlab.errors import UserError


def test_the_same_seed_gives_the_same_sentences_and_another_others() -> None:
    first = simulate_sentences(num_sentences=50, seed=3)
    again = simulate_sentences(num_sentences=50, seed=3)
    assert (first.tokens, first.tags) == (again.tokens, again.tags)
    assert first.tokens != simulate_sentences(num_sentences=50, seed=4).tokens


def test_tags_are_valid_and_some_names_have_two_types() -> None:
    sentences = simulate_sentences()
    assert len(sentences) == 1200
    assert all(is_tag(tag) for tag in set(sentences.tags))
    assert to_bio(sentences.tags, sentences.firsts.tolist()) == (list(sentences.tags), 0)
    assert tag_types(sentences.tags) == {"PER", "LOC", "ORG"}
    names = {
        kind: {
            token for token, tag in zip(sentences.tokens, sentences.tags, strict=True) if tag == f"B-{kind}"
        }
        for kind in ("PER", "LOC", "ORG")
    }
    assert names["PER"] & names["LOC"]
    assert names["LOC"] & names["ORG"]
    assert "{" not in "".join(sentences.tokens)
    assert "Synthetic" in SYNTHETIC_NOTICE


def test_too_few_sentences() -> None:
    with pytest.raises(UserError, match=r"data\.sample\.num_sentences=3: give a whole number, at least 10"):
        simulate_sentences(num_sentences=3)
