from pathlib import Path

import numpy as np
import pytest

from seqlab.data.conll import TaggedSentences, check_bio, read_conll
from seqlab.errors import UserError


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "train.conll"
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def test_tabs_or_spaces_documents_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = (
        "\ufeff-DOCSTART- -X- O O\r\n\r\nEU NNP B-NP B-ORG\r\nrejects  VBZ B-VP O\r\n\t\r\n\r\nBonn N N B-LOC"
    )
    sentences, repaired = read_conll(written(tmp_path, text))
    assert repaired == 0
    assert sentences.tokens == ("EU", "rejects", "Bonn")
    assert sentences.tags == ("B-ORG", "O", "B-LOC")
    assert sentences.lengths.tolist() == [2, 1]
    assert sentences.is_first.tolist() == [True, False, True]


def test_a_token_may_hold_what_is_no_tab_and_no_space(tmp_path: Path) -> None:
    odd = "a\u00a0b\u2028c\x85d"
    assert read_conll(written(tmp_path, f"{odd}\tO\n"))[0].tokens == (odd,)


def test_stray_inside_tags_are_repaired_and_counted_or_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a I-PER\nb I-PER\nc O\nd I-LOC\n\ne B-PER\nf I-LOC\n")
    sentences, repaired = read_conll(path)
    assert sentences.tags == ("B-PER", "I-PER", "O", "B-LOC", "B-PER", "B-LOC")
    assert repaired == 3
    with pytest.raises(UserError, match=r"train\.conll, line 1: I-PER continues no .* \(3 in this file\)$"):
        read_conll(path, bio="strict")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"train\.conll: the file is empty; expected a token first"),
        ("\n \t\n", r"train\.conll: the file is empty"),
        ("-DOCSTART- O\n", r"train\.conll: no sentence in it"),
        ("a\tO\nalone\n", r"line 2: one column, 'alone'; expected a token first"),
        ("a N O\nb O\n", r"line 2: 2 columns, the lines before have 3"),
        ("a\tO\n\tO\n", r"line 2: the token before the first tab is empty"),
        ("a\tO\n\nb\tS-PER\n", r"line 3: tag 'S-PER' of 'b'; expected O, B-type or I-type"),
        ("a\tO\nb\t\n", r"line 2: tag '' of 'b'"),
        (b"a\tO\nb\xff\tO\n", r"line 2: byte 0xff is not UTF-8 text"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_conll(written(tmp_path, content))


def test_a_missing_file_and_an_unknown_mode(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.conll: no such file"):
        read_conll(tmp_path / "none.conll")
    with pytest.raises(UserError, match=r"data\.bio=fix: choose repair or strict"):
        check_bio("fix")


def test_sentences_are_taken_in_the_order_given() -> None:
    sentences = TaggedSentences.from_sentences([("ab", "OO"), ("c", "O"), ("def", "OOO")])
    taken = sentences.take(np.array([2, 0]))
    assert taken.tokens == ("d", "e", "f", "a", "b")
    assert taken.lengths.tolist() == [3, 2]
    assert taken.sentence(1) == (("a", "b"), ("O", "O"))
    assert len(taken) == 2
