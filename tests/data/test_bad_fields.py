"""Fields that are long, many-digit, no text or alone: read right, or refused in one short line."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.data.conll import read_conll, read_sentences
from seqlab.data.labelled_files import read_class_labels, read_event_rows, read_labelled_texts, read_texts
from seqlab.data.pairs import read_pairs
from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL
from seqlab.data.series_files import read_series
from seqlab.data.session_files import read_labels, read_sessions
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.word_vectors import read_word_vectors
from seqlab.errors import UserError
from seqlab.logs.formats import FORMATS
from seqlab.logs.known_templates import read_known_templates, read_templates

LONG = "x" * 200_000  # more than Python's csv takes by itself
DIGITS = "7" * 5_000  # more than Python's int() takes
Read = Callable[[Path], Any]


def written(tmp_path: Path, content: str | bytes, name: str = "given.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def refused(read: Read, path: Path, message: str) -> None:
    """The file is refused in one line of at most 500 characters."""
    with pytest.raises(UserError, match=message) as caught:
        read(path)
    told = str(caught.value).replace(str(path), "")
    assert len(told) <= 500
    assert "\n" not in told


@pytest.mark.parametrize(
    ("read", "content", "found"),
    [
        (read_labels, f"BlockId,Label,Note\nblk_1,Anomaly,{LONG}\n", {"blk_1": LABEL_ABNORMAL}),
        (read_templates, f"EventId,EventTemplate\nE1,{LONG}\n", {"E1": LONG}),
        (lambda path: read_event_rows(path).texts, f"v1,buys,{LONG}\n", (LONG,)),
        (read_class_labels, f"id,label\nv1,{LONG}\n", {"v1": LONG}),
        (lambda path: read_labelled_texts(path).texts, f"{LONG},A\nb,B\n", (LONG, "b")),
        (read_texts, f"text,note\nhello,{LONG}\n", ["hello"]),
        (lambda path: read_series(path).tables[0].column("y")[0], f"ds,y,note\n1,2,{LONG}\n2,3,a\n", 2),
        (
            lambda path: read_sessions(path).lengths.tolist(),
            f"BlockId,EventSequence\nb,{'5 ' * 100_000}\n",
            [100_000],
        ),
        (read_pairs, f"{LONG}\tb\n", [(LONG, "b")]),
        (lambda path: read_conll(path)[0].tokens, f"{LONG}\tO\n", (LONG,)),
        (lambda path: read_sentences(path).tokens, f"{LONG}\n", (LONG,)),
    ],
    ids=[
        "labels",
        "templates",
        "events",
        "class_labels",
        "names",
        "texts",
        "series",
        "sessions",
        "pairs",
        "columns",
        "sentences",
    ],
)
def test_a_field_may_be_long(read: Read, content: str, found: Any, tmp_path: Path) -> None:
    assert read(written(tmp_path, content)) == found


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (
            read_labels,
            f"BlockId,Label\nblk_1,{LONG}\n",
            r", line 2: label 'x{200}\.\.\. \(200,000 characters\)'",
        ),
        (read_labels, f"BlockId,{LONG}\n", r", line 1: columns BlockId, x+\.\.\."),
        (
            read_labels,
            f"BlockId,Label\n{LONG},0\n{LONG},1\n",
            r", line 3: block x+\.\.\. .* is labelled twice",
        ),
        (read_templates, f"EventId,EventTemplate\n{LONG}\n", r", line 2: expected EventId,.* got 'x+\.\.\."),
        (read_sessions, f"blk_1,{LONG}\n", r", line 1: 'x+\.\.\. \(200,000 characters\)' is no event key"),
        (read_sessions, f"{LONG},5\n{LONG},5\n", r", line 2: block x+\.\.\. .* stands at line 1 too"),
        (read_class_labels, f"id,{LONG}\na,b\nc,d\n", r", line 1: a header without a column label or class"),
        (read_class_labels, f"{LONG},a\n{LONG},b\n", r", line 2: session x+\.\.\. .* is labelled twice"),
        (read_pairs, f"{LONG}\n", r", line 1: no tab in 'x+\.\.\."),
        (read_conll, f"{LONG}\t{LONG}\n", r", line 1: tag 'x{200}\.\.\. .*' of 'x{40}\.\.\. .*'; expected O"),
        (
            read_series,
            f"ds,{LONG},y\n1,2,3\n2,3\n",
            r", line 3: 2 cells, the file has 3 columns \(ds, x+\.\.\.",
        ),
        (read_series, f"ds,y\n{LONG},1\n", r", line 2: 'x+\.\.\. .*' is no date"),
    ],
)
def test_a_message_repeats_little_of_a_field(read: Read, content: str, message: str, tmp_path: Path) -> None:
    refused(read, written(tmp_path, content), message)


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (read_labels, 'BlockId,Label\nblk_1,"\x1b[2J\no"\n', r", line 3: label '\\x1b\[2J\\no'"),
        (read_sessions, "blk_1,5\nblk_2,\x1b[2J\n", r", line 2: '\\x1b\[2J' is no event key"),
        (read_templates, 'EventId,EventTemplate,Count\n"E\n1",b\n', r", line 3: expected .*, got 'E\\n1'"),
        (read_series, 'ds,y\n"a\nb",1\n', r", line 3: 'a\\nb' is no date"),
        (read_conll, "a\tO\nb\t\x07\n", r", line 2: tag '\\x07' of 'b'"),
    ],
)
def test_control_characters_are_escaped(read: Read, content: str, message: str, tmp_path: Path) -> None:
    refused(read, written(tmp_path, content), message)


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (read_labels, "BlockId,Label\n", "a header and no label"),
        (read_templates, "EventId,EventTemplate\n", "a header and no template"),
        (read_sessions, "BlockId,EventSequence\n", "no session in it"),
        (read_class_labels, "id,label\n", "a header and no row below it"),
        (read_event_rows, "id,label,events\n", "a header and no row below it"),
        (read_labelled_texts, "text,label\n", "it holds 0 texts with a label"),
        (read_texts, "text\n", "no text in it"),
        (read_series, "ds,y\n", "a header and no line of numbers"),
        (read_conll, "-DOCSTART- O\n", "no sentence in it"),
    ],
)
def test_a_header_alone_is_refused(read: Read, content: str, message: str, tmp_path: Path) -> None:
    refused(read, written(tmp_path, content), message)


@pytest.mark.parametrize("blank", ["\u00a0\n", "\ufeff\u2003\n\n", "\x1c\x1d\n", "\r\r"])
@pytest.mark.parametrize(
    "read",
    [read_labels, read_templates, read_sessions, read_class_labels, read_event_rows, read_labelled_texts,
     read_texts, read_series, read_conll, read_sentences, read_pairs],
)  # fmt: skip
def test_a_file_of_white_space_is_empty(read: Read, blank: str, tmp_path: Path) -> None:
    refused(read, written(tmp_path, blank), "the file is empty")


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_a_carriage_return_ends_a_line_of_a_table(end: str, tmp_path: Path) -> None:
    labels = written(tmp_path, f"Label,BlockId\nNormal,blk_1{end}Anomaly,blk_2\nNormal,blk_3\n")
    assert read_labels(labels) == {"blk_1": LABEL_NORMAL, "blk_2": LABEL_ABNORMAL, "blk_3": LABEL_NORMAL}
    templates = written(tmp_path, f"EventId,EventTemplate\nE1,a{end}E2,b\n")
    assert read_templates(templates) == {"E1": "a", "E2": "b"}
    names = written(tmp_path, f"a,A{end}b,B\nc,C\n")
    assert read_labelled_texts(names).texts == ("a", "b", "c")
    series = written(tmp_path, f"ds,y\n1,5{end}2,6\n3,7\n")
    assert read_series(series).tables[0].column("y").tolist() == [5, 6, 7]
    tagged = written(tmp_path, f"a\tO{end}b\tO\nc\tO\n")
    assert read_conll(tagged)[0].tokens == ("a", "b", "c")


def test_files_of_carriage_returns_alone_have_lines(tmp_path: Path) -> None:
    assert read_pairs(written(tmp_path, "a\tb\rc\td\r")) == [("a", "b"), ("c", "d")]
    assert read_pairs(written(tmp_path, "a\tb\rc\nd\te\n")) == [("a", "b c"), ("d", "e")]  # within a sentence


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"blk_1": [5], "blk_\ud800": [5]}, r", entry 2: .* half a character \(a lone surrogate\)"),
        ({"blk_1": ["\udfff"]}, r", entry 1: '\\udfff' is no event key"),
        ({"blk_1": [5, 10**5000]}, r", entry 1: a number of more than 4,300 digits"),
        ({10**5000: [5]}, r", entry 1: a number of more than 4,300 digits"),
        ({"blk_1": [10**5000, 2.5]}, r", entry 1: .*(digits|0) is no block id|is no block id and a list"),
    ],
)
def test_pickles_of_what_no_text_can_hold(value: Any, message: str, tmp_path: Path) -> None:
    refused(read_sessions, written(tmp_path, pickle.dumps(value)), message)


def test_pickles_nested_without_end_are_told_in_a_line(tmp_path: Path) -> None:
    wide: list[Any] = ["x" * 1000]
    for _ in range(30):
        wide = [wide] * 10  # its repr has 10^30 characters
    refused(read_sessions, written(tmp_path, pickle.dumps({"blk_1": wide})), ", entry 1: .* is no block id")


@pytest.mark.parametrize("name", [DIGITS, "E" + DIGITS, str(10**9 + 1)])
def test_template_ids_of_many_digits_are_refused(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"EventId,EventTemplate\n{name},a\n")
    refused(lambda path: read_known_templates(path, FORMATS["hdfs"]), path, "give each its own number, up to")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("EventId,EventTemplate\nE1,a\nE2,b\nE1,c\n", ", line 4: template E1 stands there twice"),
        ("EventId,EventTemplate\n,a\n", ", line 2: expected EventId,EventTemplate, got ''"),
        ("EventId,EventTemplate,Count\nE1,a\n", ", line 2: expected EventId,EventTemplate,Count, got 'E1'"),
    ],
)
def test_templates_that_would_be_lost_are_told(content: str, message: str, tmp_path: Path) -> None:
    refused(read_templates, written(tmp_path, content), re.escape(message))


def test_label_tables_lose_no_line(tmp_path: Path) -> None:
    refused(read_labels, written(tmp_path, "BlockId,Label\nblk_1\n"), ", line 2: 1 fields, the header has 2")
    refused(
        read_labels, written(tmp_path, "BlockId,Label\n,Normal\n"), ", line 2: a label without a block id"
    )
    quoted = written(tmp_path, 'BlockId,Label\nblk_1,"Normal\nblk_2,Anomaly\n')
    refused(read_labels, quoted, ", line 2: broken quotes or fields")


@pytest.mark.parametrize("number", ["1e39", "-1e308", "1e999", "nan", DIGITS])
def test_a_vector_of_no_single_precision_is_refused(number: str, tmp_path: Path) -> None:
    vocabulary = Vocabulary.from_counts({"the": 1}, 1)
    path = written(tmp_path, f"of 1 1\nthe 3e38 {number}\n")
    refused(
        lambda path: read_word_vectors(path, vocabulary, 2),
        path,
        ", line 2: no finite numbers; expected a word",
    )
