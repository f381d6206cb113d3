"""The bytes of a chunk become lines, messages, times and session keys; what cannot is named."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from seqlab.errors import UserError
from seqlab.logs.formats import FORMATS, LogFormat, group_names, mask, mask_pattern
from seqlab.logs.line_reader import LineReader
from seqlab.logs.reading import (
    LONGEST_LINE,
    NO_HEADER,
    NO_SESSION,
    NOT_UTF8,
    TOO_LONG,
    Chunk,
    Lines,
    read_lines,
)

HEAD = "081109 203615 148 INFO dfs.DataNode: "


@pytest.mark.parametrize(
    ("content", "lines", "starts"),
    [
        (b"", [], []),
        (b"a\nbc\n\nd", ["a", "bc", "", "d"], [0, 2, 5, 6]),
        (b"a\r\nbc\r\n", ["a", "bc"], [0, 3]),
        (b"a\r\nbc\nd", ["a", "bc", "d"], [0, 3, 6]),
        ("é\nb\n".encode(), ["é", "b"], [0, 3]),
        (b"a\x00b\nc\n", ["a\x00b", "c"], [0, 4]),
    ],
)
def test_lines_and_where_they_begin(content: bytes, lines: list[str], starts: list[int]) -> None:
    found, places = read_lines(content)
    assert found.to_list() == lines
    assert places.tolist() == starts


def test_a_line_that_is_not_utf8_costs_no_other() -> None:
    content = (
        f"{HEAD}Receiving blk_1\n".encode() + b"\xff\xfe broken blk_2\n" + f"{HEAD}Receiving blk_3".encode()
    )
    lines, starts = read_lines(content)
    found = LineReader(FORMATS["hdfs"])(lines)
    assert found.event_session.to_list() == ["blk_1", "blk_3"]
    assert {reason: places.tolist() for reason, places in found.skipped.items()} == {NOT_UTF8: [1]}
    assert content[starts[2] :].startswith(HEAD.encode())


def test_every_line_knows_its_byte_and_its_number() -> None:
    lines = Lines.of(Chunk(0, 100, 7, "eins\nzwölf\r\n\ndrei".encode()))
    assert lines.texts == ["eins", "zwölf", "", "drei"]
    assert lines.offsets.tolist() == [100, 105, 113, 114]
    assert [lines.number(place) for place in range(4)] == [7, 8, 9, 10]
    assert lines.num_read == 4
    empty = Lines.of(Chunk(0, 0, 1, b""))
    assert (empty.texts, empty.num_read, empty.skipped({})) == ([], 0, {})


def test_lines_that_are_no_text_are_skipped_and_the_others_keep_their_places() -> None:
    content = f"{HEAD}good blk_1\n".encode() + b"\xff\xfe\x00garbage\r\n" + b"x" * (LONGEST_LINE + 1) + b"\n"
    content += f"{HEAD}last \x00 nul blk_1\n".encode()
    lines = Lines.of(Chunk(0, 1000, 5, content, cut=(10, b"y" * 200)))
    found = LineReader(FORMATS["hdfs"])(lines.column)
    assert found.place.tolist() == [0, 3]
    assert [content[start:].startswith(HEAD.encode()) for start in lines.starts[found.place]] == [True, True]
    skipped = lines.skipped(found.skipped)
    assert skipped[NOT_UTF8] == (1, [(6, 1000 + content.index(b"\xff"), "\\xff\\xfe\x00garbage")])
    assert skipped[TOO_LONG] == (
        2,
        [(4, 10, "y" * 200), (7, 1000 + content.index(b"xx"), "x" * 200)],
    )
    assert lines.num_read == 5


def test_a_byte_order_mark_belongs_to_no_line() -> None:
    assert Lines.of(Chunk(0, 0, 1, "\ufeffone\n\ufefftwo\n".encode())).texts == ["one", "\ufefftwo"]
    assert Lines.of(Chunk(0, 7, 2, "\ufeffone\n".encode())).texts == [
        "\ufeffone"
    ]  # within the file it is text


def test_events_of_hand_written_lines() -> None:
    lines = pl.Series(
        [
            f"{HEAD}Receiving block blk_1 src: /10.0.0.1:50010",
            "no header at all",
            f"{HEAD}Deleting block blk_-7 file /mnt/a/blk_-7",
            f"{HEAD}ask 10.0.0.2:1 to delete blk_1 blk_-7 blk_1 blk_9",
            f"{HEAD}nothing to do",
            f"{HEAD}Receiving block blk_9 src: /10.0.0.9:50010",
            f"{HEAD}{'x' * 70_000} blk_5",
            "",
        ]
    )
    found = LineReader(FORMATS["hdfs"])(lines)
    assert found.place.tolist() == [0, 2, 3, 5]
    events = [(int(found.place[m]), s) for m, s in zip(found.event_message, found.event_session, strict=True)]
    assert events == [(0, "blk_1"), (2, "blk_-7"), (3, "blk_1"), (3, "blk_-7"), (3, "blk_9"), (5, "blk_9")]
    assert [found.distinct[code] for code in found.code] == [
        "Receiving block <var> src: <var>",
        "Deleting block <var> file <var>",
        "ask <var> to delete <var> <var> <var> <var>",
        "Receiving block <var> src: <var>",
    ]
    assert {reason: places.tolist() for reason, places in found.skipped.items()} == {
        NO_HEADER: [1, 7],
        NO_SESSION: [4],
        TOO_LONG: [6],
    }
    assert found.time.to_list() == [datetime(2008, 11, 9, 20, 36, 15)] * 4


def test_masks_hide_addresses_paths_and_numbers_and_leave_words() -> None:
    texts = [
        "size 67108864 from /10.250.19.102",
        "10.0.0.1:50010 Served",
        "/user/root/rand/_temporary/_task_1_m_0/part-00000. done",
        "rc=-1 at 0xDEADbeef",
        "node7 and 7nodes, E5",
        "either/or",
    ]
    assert mask(pl.Series(texts), mask_pattern()).to_list() == [
        "size <var> from <var>",
        "<var> Served",
        "<var> done",
        "rc=<var> at <var>",
        "node7 and 7nodes, E5",
        "either/or",
    ]


def test_the_loghub_lines_have_the_contents_that_loghub_says(loghub: tuple[str, Path]) -> None:
    name, path = loghub
    truth = pd.read_csv(f"{path}_structured.csv", dtype=str, keep_default_na=False)
    known = FORMATS[name]
    reader = LineReader(LogFormat(name, known.header, known.time_format))
    lines, _ = read_lines(path.read_bytes())
    messages, has_header = reader.messages(lines)
    assert has_header.all(), lines.filter(~has_header).head(3).to_list()
    ours = messages.str.strip_chars().str.replace_all(r"\s+", " ").to_list()
    theirs = [" ".join(text.split()) for text in truth["Content"]]
    different = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    assert len(different) <= 2, different[:3]
    assert reader(lines).time.is_not_null().all()


def test_labels_in_the_header() -> None:
    line = "1117838570 2005.06.03 R02 2005-06-03-15.42.50.675872 R02 RAS KERNEL INFO cache error"
    found = LineReader(FORMATS["bgl"])(pl.Series([f"- {line}", f"KERNDTLB {line}"]))
    assert found.abnormal.to_list() == [False, True]


@pytest.mark.parametrize("name", [name for name, known in FORMATS.items() if known.time_at])
def test_times_that_are_cut_out_are_those_that_are_searched(name: str) -> None:
    known = FORMATS[name]
    time = pl.Series(["2026-01-31 12:34:56.789"]).str.to_datetime().dt.strftime(known.time_format)
    start, length = known.time_at
    lines = "[" * start + time + "]" * start + " 1 INFO  [main] a.b: - x"
    cut = LineReader(known)._times(lines)
    assert cut.equals(
        LineReader(replace(known, header=f"^.{{{start}}}(?P<time>.{{{length}}})", time_at=None))._times(lines)
    )
    assert cut.null_count() == 0


def test_times_of_public_logs_are_cut_out_where_they_stand(loghub: tuple[str, Path]) -> None:
    name, path = loghub
    lines, _ = read_lines(path.read_bytes())
    searched = LineReader(replace(FORMATS[name], time_at=None))._times(lines)
    assert LineReader(FORMATS[name])._times(lines).equals(searched)
    assert searched.null_count() == 0


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [("a", []), (r"(a)(?:b)\((c)", ["1", "2"]), ("(?P<x>a)[](](?<y>b)", ["x", "y"])],
)
def test_groups_of_a_pattern(pattern: str, groups: list[str]) -> None:
    assert group_names(pattern) == groups


@pytest.mark.parametrize(
    ("session", "line", "expected"),
    [
        (r"blk_(\d+)|task_(\d+)", "task_7 on blk_3", ["7", "3"]),
        (r"(?:from|to) (\w+)", "copy from a to a", ["a"]),
        (r"(?:from|to) (\w+)", "copy from a to b", ["a", "b"]),
        (r"id=(\d+)?", "id= nothing", []),
        (r"id[]()]\w+", "id]7 id(8", ["id]7", "id(8"]),
    ],
)
def test_sessions_are_named_by_whichever_group_matched_once_a_line(
    session: str, line: str, expected: list[str]
) -> None:
    found = LineReader(LogFormat("regex", "^", session=session))(pl.Series([line, "id=5 blk_5 from e"]))
    named = found.event_session.gather(np.flatnonzero(found.place[found.event_message] == 0)).to_list()
    assert named == expected
    assert found.event_session.null_count() == 0


@pytest.mark.parametrize("start", [b"x^2", b"x\x01", b"x\x9c", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"])
def test_lines_that_begin_as_packed_files_do_are_lines(start: bytes) -> None:
    lines, starts = read_lines(start + b" one\ntwo\n")
    assert len(lines) == 2
    assert lines[1] == "two"
    assert starts.tolist() == [0, len(start) + 5]


def test_times_without_a_year_and_of_the_epoch() -> None:
    form = LogFormat("regex", r"^(?P<time>\w+ \d+) ", "%b %d", session="s")
    assert LineReader(form)(pl.Series(["Feb 29 s", "Mar 01 s"])).time.to_list() == [
        datetime(1972, 2, 29),
        datetime(1972, 3, 1),
    ]
    form = LogFormat("regex", r"^(?P<time>\d+) ", "%s", session="s")
    assert LineReader(form)(pl.Series(["86400 s"])).time.to_list() == [datetime(1970, 1, 2)]
    form = LogFormat("regex", r"^(?P<time>[\d.]+) ", "%s%.f", session="s")
    assert LineReader(form)(pl.Series(["86400.5 s"])).time.to_list() == [
        datetime(1970, 1, 2, 0, 0, 0, 500000)
    ]


@pytest.mark.parametrize("first", ["12/31/2015 23:59:59", "7/1/2015 9:05:03"])
def test_times_without_padding(first: str) -> None:
    form = LogFormat("regex", r"^(?P<time>\S+ \S+) ", "%m/%d/%Y %H:%M:%S", session="s")
    expected = {
        "7/1/2015 9:05:03": datetime(2015, 7, 1, 9, 5, 3),
        "12/31/2015 23:59:59": datetime(2015, 12, 31, 23, 59, 59),
        "07/01/2015 09:05:03": datetime(2015, 7, 1, 9, 5, 3),
    }
    lines = [first, *expected]
    assert LineReader(form)(pl.Series([f"{line} s" for line in lines])).time.to_list() == [
        expected[line] for line in lines
    ]


def test_a_line_that_begins_with_the_marker_of_headers_has_none() -> None:
    assert LineReader(FORMATS["hdfs"])(pl.Series(["\x02 blk_1"])).skipped[NO_HEADER].tolist() == [0]


def test_a_pattern_that_is_none_or_matches_the_empty_text() -> None:
    with pytest.raises(UserError, match=r"--session '\(': not a regular expression"):
        LogFormat("regex", "^", session="(")
    with pytest.raises(UserError, match="matches the empty text"):
        LogFormat("regex", "^", session="a*")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (
            r"user=(\w+",
            "unclosed group; look-around and back-references are not supported",
        ),
        (r"\d+ é\q", "unrecognized escape sequence; look-around"),
        (
            r"(?<=user=)\w+",
            "look-around, including look-ahead and look-behind, is not supported",
        ),
        (r"(a)\1", "backreferences are not supported"),
        ("a{1000}{1000}{100}", "Compiled regex exceeds size limit of 10485760 bytes"),
    ],
)
@pytest.mark.parametrize("what", ["header", "session", "mask"])
def test_what_is_wrong_with_a_pattern(what: str, pattern: str, reason: str) -> None:
    given = {"header": "^"} | {what: pattern} if what != "mask" else {"header": "^", "masks": (pattern,)}
    with pytest.raises(UserError) as error:
        LogFormat("regex", **given)
    assert str(error.value).startswith(f"--{what} '{pattern}': not a regular expression: {reason}")
    assert "\n" not in str(error.value)


def test_masks_that_do_not_go_together() -> None:
    with pytest.raises(UserError, match=r"not a regular expression: duplicate capture group name"):
        LogFormat("regex", "^", masks=("(?P<n>a)", "(?P<n>b)"))
    with pytest.raises(UserError, match=r"all of --mask, '\(\?:a\{.*exceeds size limit"):
        LogFormat("regex", "^", masks=("a{1000}{220}", "b{1000}{220}"))
