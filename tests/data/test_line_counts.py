"""The lines of every reader add up: used, or left out for a reason that the user is told."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqlab.data.conll import read_conll, read_sentences
from seqlab.data.labelled_files import read_class_labels, read_event_rows, read_labelled_texts, read_texts
from seqlab.data.line_counts import LineCounts
from seqlab.data.pairs import read_pairs
from seqlab.data.series_files import read_series
from seqlab.data.session_files import read_labels, read_sessions
from seqlab.data.session_splits import split_given
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.word_vectors import read_word_vectors
from seqlab.logs.known_templates import read_templates

BLANK = {"blank": ["", "  "]}
BLANK_ROW = {"blank": ["", " ", ",", " , "]}
VOCABULARY = Vocabulary.from_counts({f"w{number}": 9 for number in range(40)}, 9)


def series(path: Path, counts: LineCounts) -> None:
    found = read_series(path, missing="drop")
    counts.lines, counts.skipped = found.counts.lines, found.counts.skipped
    assert sum(map(len, found.tables)) == counts.used - 1


class File(NamedTuple):
    """A reader, the line of item {n}, and the lines that are left out by reason."""

    read: Callable[[Path, LineCounts], Any]
    item: str
    left_out: dict[str, list[str]]
    header: str = ""
    name: str = "given.txt"


FILES = {
    "sessions": File(read_sessions, "blk_{n},5 {n}", BLANK),
    "bare sessions": File(read_sessions, "5 {n}", BLANK),
    "table of sessions": File(read_sessions, '{n},"[5, {n}]"', BLANK_ROW, "BlockId,EventSequence"),
    "labels": File(read_labels, "Anomaly,blk_{n}", BLANK_ROW, "Label,BlockId"),
    "templates": File(read_templates, "E{n},a <*>, b", BLANK_ROW, "EventId,EventTemplate"),
    "lines of templates": File(read_templates, "at {n}", BLANK),
    "events": File(read_event_rows, "v{n},buys,open close", BLANK_ROW, name="given.csv"),
    "labels of events": File(read_class_labels, "v{n},buys", BLANK_ROW, "id,label"),
    "names": File(lambda path, counts: read_labelled_texts(path, counts=counts), "Ann {n},A", BLANK_ROW),
    "new names": File(lambda path, counts: read_texts(path, counts=counts), "Ann, {n}", BLANK),
    "table of new names": File(
        lambda path, counts: read_texts(path, counts=counts),
        "Ann,{n}",
        BLANK_ROW | {"without a text": [",5", " ,x"]},
        "name,age",
    ),
    "pairs": File(read_pairs, "a {n}\tb", BLANK),
    "columns": File(
        lambda path, counts: read_conll(path, counts=counts),
        "{n}\tw\tO",
        {
            "comments": ["# a comment"],
            "-DOCSTART-": ["-DOCSTART-\tx\tO"],
            "multiword tokens or empty nodes": ["1-2\tw\tO"],
        },
        "1\tw\tO",
    ),
    "sentences": File(lambda path, counts: read_sentences(path, counts=counts), "word {n}", BLANK),
    "vectors": File(
        lambda path, counts: read_word_vectors(path, VOCABULARY, 2, counts),
        "w{n} 0.5 -1",
        BLANK | {"of other words": ["other 1 2", "new york 1 2"]},
    ),
    "series": File(
        series, "{n},1", BLANK_ROW | {"comments": ["# of {n}"], "without every number": ["9{n},x"]}, "ds,y"
    ),
}


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=25, deadline=None)
@given(draw=st.data())
def test_lines_are_used_or_left_out_for_a_reason(name: str, draw: st.DataObject) -> None:
    file = FILES[name]
    lines, reasons = [file.header] * bool(file.header), Counter[str]()
    kinds = st.sampled_from(["", *file.left_out])
    for number, reason in enumerate(["", "", *draw.draw(st.lists(kinds, max_size=30))]):
        reasons.update([reason] * bool(reason))
        forms = file.left_out[reason] if reason else [file.item]
        lines.append(draw.draw(st.sampled_from(forms)).replace("{n}", str(number)))
    end = draw.draw(st.sampled_from(["\n", "\r\n"]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, file.name)
        path.write_bytes(end.join([*lines, ""]).encode())
        counts = LineCounts(path)
        file.read(path, counts)
    assert counts.lines == len(lines)
    assert +counts.skipped == reasons
    assert counts.used == len(lines) - reasons.total()
    assert len(counts.notices()) == bool(reasons)


def test_a_notice_says_how_many_lines_are_used_and_why_the_others_are_not() -> None:
    counts = LineCounts("a.csv", 1235, Counter({"blank": 1, "comments": 2, "of other series": 0}))
    assert counts.notices() == ["a.csv: 1,232 of 1,235 lines are used; left out: 1 blank, 2 comments"]
    assert LineCounts("a.csv", 5).notices() == []


def test_labels_of_blocks_in_no_file_are_told(tmp_path: Path) -> None:
    train, test, labels = tmp_path / "train", tmp_path / "test", tmp_path / "labels.csv"
    train.write_text("".join(f"blk_{number},5 9\n" for number in range(10)) + "\n")
    test.write_text("blk_10,5\nblk_11,9\n")
    labels.write_text("BlockId,Label\n" + "".join(f"blk_{number},0\n" for number in range(15)))
    names = ("normal", "abnormal", "train", "val", "test", "test_normal", "test_abnormal")
    _, notices = split_given(
        dict.fromkeys(names) | {"train": train, "test": test}, labels, (0.8, 0.1, 0.1), 0
    )
    assert notices[:2] == [
        f"{train}: 10 of 11 lines are used; left out: 1 blank",
        f"{labels}: 13 of 16 lines are used; left out: 3 of blocks in no file",
    ]
