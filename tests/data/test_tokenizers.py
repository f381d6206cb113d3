from pathlib import Path

import pytest
import torch

from seqlab.data.tokenizers import (
    StoredTokenizer,
    SubwordTokenizer,
    Tokenizer,
    WordTokenizer,
    split_words,
    tokenizer_from_state,
)
from seqlab.errors import UserError
from seqlab.schemas import fitted

TEXTS = ["I feel hungry.", "Größe über alles!", "don't pay 3.5", "나는 배가 고프다.", "(a) b-c … d"] * 4
PAD, BOS, EOS, UNK = range(4)


def subwords(vocab_size: int = 60) -> SubwordTokenizer:
    return SubwordTokenizer.train(TEXTS, vocab_size=vocab_size)


def test_words_and_marks_remember_where_no_space_stood() -> None:
    assert split_words("I'm (not) hungry. 3.5") == [
        "I", "￭'", "￭m", "(", "￭not", "￭)", "hungry", "￭.", "3", "￭.", "￭5",
    ]  # fmt: skip


@pytest.mark.parametrize("tokenizer", [WordTokenizer.train(TEXTS), subwords()], ids=["word", "bpe"])
def test_what_training_held_is_decoded_as_it_was_written(tokenizer: Tokenizer) -> None:
    for text in TEXTS:
        assert tokenizer.decode(tokenizer.encode(text)) == text
        assert min(tokenizer.encode(text)) > UNK


@pytest.mark.parametrize("tokenizer", [WordTokenizer.train(TEXTS), subwords()], ids=["word", "bpe"])
def test_special_tokens_have_one_id_everywhere_and_are_not_written(tokenizer: Tokenizer) -> None:
    assert tokenizer.pieces(range(4)) == ["<pad>", "<bos>", "<eos>", "<unk>"]
    ids = tokenizer.encode("I feel")
    assert tokenizer.decode([BOS, *ids, UNK, EOS, PAD]) == "I feel"


@pytest.mark.parametrize("tokenizer", [WordTokenizer.train(TEXTS), subwords()], ids=["word", "bpe"])
def test_what_training_did_not_hold_is_unk(tokenizer: Tokenizer) -> None:
    assert UNK in tokenizer.encode("☃")
    assert tokenizer.encode("") == []


@pytest.mark.parametrize(
    "tokenizer", [WordTokenizer.train(TEXTS, lower=True), subwords()], ids=["word", "bpe"]
)
def test_a_checkpoint_holds_it_as_plain_values(tokenizer: Tokenizer, tmp_path: Path) -> None:
    torch.save(tokenizer.state(), tmp_path / "state.pt")
    again = tokenizer_from_state(torch.load(tmp_path / "state.pt", weights_only=True))
    for text in (*TEXTS, "Something ELSE ☃"):
        assert again.encode(text) == tokenizer.encode(text)
    assert len(again) == len(tokenizer)


def test_rare_words_and_those_beyond_the_most_are_unk() -> None:
    texts = ["a a a b b c"]
    assert len(WordTokenizer.train(texts)) == 4 + 3
    assert WordTokenizer.train(texts, min_count=2).encode("a b c") == [4, 5, UNK]
    assert WordTokenizer.train(texts, max_tokens=1).encode("a b c") == [4, UNK, UNK]


def test_spaces_alone_divide_where_asked_for() -> None:
    tokenizer = WordTokenizer.train(["I feel  Hungry."], lower=True, at_spaces=True)
    assert tokenizer.pieces(tokenizer.encode("hungry. feel hungry")) == ["hungry.", "feel", "<unk>"]
    assert tokenizer.decode(tokenizer.encode("I FEEL hungry.")) == "i feel hungry."
    again = tokenizer_from_state(tokenizer.state())
    assert again.encode("Hungry. I") == tokenizer.encode("Hungry. I")


def test_lower_case_where_asked_for() -> None:
    tokenizer = WordTokenizer.train(["Ein Hund"], lower=True)
    assert tokenizer.decode(tokenizer.encode("EIN hund")) == "ein hund"


def test_a_small_text_gives_fewer_subwords_than_asked_for() -> None:
    assert 60 < len(subwords(100_000)) < 500


def test_fewer_subwords_than_characters_are_refused() -> None:
    with pytest.raises(UserError, match=r"data\.vocab_size=10: the training text has \d\d distinct"):
        subwords(10)


def test_another_kind_of_tokenizer_is_refused() -> None:
    with pytest.raises(UserError, match="kind is 'unigram': input should be 'word', 'space' or 'bpe'"):
        fitted(StoredTokenizer, {"kind": "unigram", "lower": False})
