import pytest

from seqlab.data.samples.parts_of_speech import simulate_sentences
from seqlab.errors import UserError


def test_a_seed_gives_the_same_sentences_and_another_seed_others() -> None:
    sentences = simulate_sentences(num_sentences=20, seed=3)
    assert sentences.tokens == simulate_sentences(num_sentences=20, seed=3).tokens
    assert sentences.tokens != simulate_sentences(num_sentences=20, seed=4).tokens
    assert len(sentences) == 20
    assert sentences.scheme == "plain"


def test_every_tag_occurs_and_some_words_have_several() -> None:
    sentences = simulate_sentences(num_sentences=600)
    tags: dict[str, set[str]] = {}
    for token, tag in zip(sentences.tokens, sentences.tags, strict=True):
        tags.setdefault(token, set()).add(tag)
    assert set().union(*tags.values()) == set(
        ["DET", "NOUN", "VERB", "ADJ", "ADV", "PRON", "ADP", "PROPN", "NUM", "PUNCT", "AUX", "CCONJ", "SCONJ"]
    )
    assert tags["that"] == {"DET", "PRON", "SCONJ"}
    assert tags["light"] == {"ADJ", "NOUN", "VERB"}
    assert all(
        token[0].isupper() or token[0].isdigit()
        for token in (sentences.sentence(row)[0][0] for row in range(600))
    )


def test_too_few_sentences_are_refused() -> None:
    with pytest.raises(UserError, match=r"data\.sample\.num_sentences=3: give a whole number"):
        simulate_sentences(num_sentences=3)
