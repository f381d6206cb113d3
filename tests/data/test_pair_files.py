import gzip
import unicodedata
from pathlib import Path

import pytest

from seqlab.data.pairs import clean, read_pairs
from seqlab.errors import UserError


def test_columns_beyond_the_second_are_ignored(tmp_path: Path) -> None:
    file = tmp_path / "kor.txt"
    file.write_text("Go.\t가.\tCC-BY 2.0 (France)\n\nHi.\t안녕.\n", encoding="utf-8")
    assert read_pairs(file) == [("Go.", "가."), ("Hi.", "안녕.")]


def test_texts_are_composed_and_their_spaces_single() -> None:
    decomposed = unicodedata.normalize("NFD", "가 ä")
    assert clean(f"  {decomposed}\u00a0\t b ") == "가 ä b"


def test_parallel_files_plain_and_packed(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("one\n\nthree\n", encoding="utf-8")
    (tmp_path / "a.de.gz").write_bytes(gzip.compress(b"eins\nzwei\ndrei\n"))
    found = read_pairs([tmp_path / "a.en", tmp_path / "a.de.gz"])
    assert found == [("one", "eins"), ("", "zwei"), ("three", "drei")]


def test_a_line_without_a_tab_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("a\tb\nalone\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.tsv, line 2: no tab in 'alone'; expected source, a tab, target"):
        read_pairs(tmp_path / "a.tsv")


def test_files_of_different_length_are_no_pair(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("one\ntwo\n", encoding="utf-8")
    (tmp_path / "a.de").write_text("eins\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.en has 2 lines and .*a\.de has 1: parallel files"):
        read_pairs([tmp_path / "a.en", tmp_path / "a.de"])


def test_three_files_are_refused() -> None:
    with pytest.raises(UserError, match="3 files, a, b, c: give one of columns"):
        read_pairs(["a", "b", "c"])
