"""Tables of templates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seqlab.errors import UserError
from seqlab.logs.known_templates import read_templates

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "templates.csv"


def test_one_template_a_line_is_numbered_from_one(path: Path) -> None:
    path.write_text("Served block <*> to <*>\n  Got, with comma  \n", encoding="utf-8")
    assert read_templates(path) == {"1": "Served block <*> to <*>", "2": "Got, with comma"}


def test_a_blank_line_keeps_its_number(path: Path) -> None:
    path.write_text("first\n\nthird\n", encoding="utf-8")
    assert read_templates(path)["3"] == "third"


@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "bom"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_table_of_ids_and_templates(path: Path, start: str, end: str) -> None:
    rows = [
        "EventId,EventTemplate",
        "E5,Receiving <*>",
        'E22,"BLOCK* allocate, <*>"',
        "E9,a, b",
        ' E1 ,"say ""x"""',
    ]
    path.write_bytes((start + end.join(rows) + end).encode("utf-8"))
    assert read_templates(path) == {
        "E5": "Receiving <*>",
        "E22": "BLOCK* allocate, <*>",
        "E9": "a, b",
        "E1": 'say "x"',
    }


def test_a_row_without_template_is_named(path: Path) -> None:
    path.write_text("EventId,EventTemplate\nE1,a\nE2\n", encoding="utf-8")
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}, line 3: expected EventId,.* got 'E2'"):
        read_templates(path)


def test_missing_empty_and_unreadable_files(path: Path) -> None:
    with pytest.raises(UserError, match=r"templates.csv: no such file; the path is relative to "):
        read_templates(path)
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"templates.csv: the file is empty; expected "):
        read_templates(path)
    path.write_bytes(b"Re\xe7u\n")
    with pytest.raises(UserError, match=r"templates.csv, line 1: byte 0xe7 is not UTF-8 text"):
        read_templates(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_templates(path.parent)


def test_published_files() -> None:
    hdfs_folder = SHARED / "hdfs"
    if not hdfs_folder.exists():
        pytest.skip("the shared data is absent")
    lines = read_templates(hdfs_folder / "loghub_sequences" / "templates.csv")
    assert lines["1"] == "<*>Adding an already existing block<*>"
    assert lines["5"].startswith("<*>Receiving block<*>")
    table = read_templates(hdfs_folder / "hdfs_100k" / "templates.csv")
    assert table["1"] == "BLOCK* NameSystem.allocateBlock:<*>"
    assert table["2"] == "Receiving block <*> src: /<*> dest: /<*>"


def test_quoted_header_and_further_columns(tmp_path: Path) -> None:
    path = tmp_path / "templates.csv"
    path.write_text('"EventId","EventTemplate","Occurrences"\nE1,"a, b",7\nE2,c,5\n\n', encoding="utf-8")
    assert read_templates(path) == {"E1": "a, b", "E2": "c"}
