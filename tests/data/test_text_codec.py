import numpy as np
import pytest

from seqlab.data.text_codec import TextCodec, clean_text
from seqlab.errors import UserError

TEXT = "To be, or not\nto be.\n\nSo it is."


def test_characters_are_tokens_and_come_back_as_they_were() -> None:
    codec = TextCodec.fit(TEXT, "char")
    assert len(codec) == 4 + len(set(TEXT))
    assert codec.decode(codec.encode(TEXT).tolist()) == TEXT
    assert codec.vocabulary.counts[codec.vocabulary.id("\n")] == 3


def test_words_end_their_lines_and_come_back_with_their_marks() -> None:
    codec = TextCodec.fit(TEXT, "word")
    ids = codec.encode(TEXT)
    assert int((ids == codec.vocabulary.eos).sum()) == 3
    assert codec.decode(ids.tolist()) == TEXT
    assert codec.decode(codec.encode("To  be ,\tor").tolist()) == "To be <unk> or".replace(" <unk>", "")


def test_what_training_lacks_is_unknown_and_named_once() -> None:
    codec = TextCodec.fit("abba", "char")
    assert codec.encode("abxa").tolist()[2] == codec.vocabulary.unk
    assert codec.unseen("xayx") == ["x", "y"]
    words = TextCodec.fit("a b a", "word", min_count=2)
    assert words.unseen("a b\nc b") == ["b", "c"]
    assert TextCodec.fit("a b b c c c", "word", max_tokens=2).unseen("a b c") == ["a"]


def test_pieces_join_into_the_text() -> None:
    for unit in ("char", "word"):
        codec = TextCodec.fit(TEXT, unit)
        ids = codec.encode(TEXT).tolist()
        assert "".join(codec.written(ids, TEXT)) == TEXT


def test_unknown_tokens_are_shown() -> None:
    assert TextCodec.fit("ab", "char").written([4, 3], "aé") == ["a", "é"]
    words = TextCodec.fit("a a", "word")
    assert words.written(words.encode("a b\nb a").tolist(), "a b\nb a") == [
        "a",
        " <unk>",
        "\n",
        "<unk>",
        " a",
    ]


def test_lines_have_their_tokens_and_their_break() -> None:
    codec = TextCodec.fit(TEXT, "char")
    np.testing.assert_array_equal(codec.line_lengths("ab\n\nc"), [3, 1, 1])
    words = TextCodec.fit(TEXT, "word")
    np.testing.assert_array_equal(words.line_lengths(TEXT), [6, 4, 1, 4])
    assert words.line_lengths(TEXT).sum() == len(words.encode(TEXT))


def test_a_text_begins_after_a_line_or_with_what_is_frequent() -> None:
    codec = TextCodec.fit("a\nb", "char")
    assert codec.vocabulary.tokens[codec.start] == "\n"
    assert TextCodec.fit("abb", "char").start == TextCodec.fit("abb", "char").vocabulary.id("a")
    words = TextCodec.fit("a b", "word")
    assert words.start == words.vocabulary.eos


def test_special_tokens_are_never_written() -> None:
    codec = TextCodec.fit("ab", "char")
    special = codec.vocabulary
    assert codec.unwritable == [special.pad, special.bos, special.unk, special.eos]
    assert TextCodec.fit("ab", "word").unwritable == [special.pad, special.bos, special.unk]
    assert codec.decode([0, 1, 2, 3, 4]) == "a"


def test_a_checkpoint_keeps_it() -> None:
    codec = TextCodec.fit(TEXT, "word")
    again = TextCodec.from_state(codec.state())
    assert again.encode(TEXT).tolist() == codec.encode(TEXT).tolist()
    assert (again.unit_name, TextCodec.fit("a", "char").unit_name) == ("words", "characters")


def test_line_ends_and_accents_are_of_one_kind() -> None:
    assert clean_text("e\u0301\r\nb") == "é\nb"


def test_another_unit_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.unit=byte: choose char or word"):
        TextCodec.fit("a", "byte")
