"""Raw lines to events with the templates of a parse: which lines give none."""

import json
from pathlib import Path

import polars as pl

from seqlab.cli import main
from seqlab.logs.line_reader import LineParser

HEADER = r"^(?P<time>\S+ \S+) "
GOOD = ["2026-01-01 00:00:00 up 1", "2026-01-01 00:00:30 down 2", "2026-01-01 00:02:00 up 3"]


def parser_of(log: Path, *arguments: str) -> LineParser:
    folder = log.with_name("parsed")
    words = ["--header", HEADER, "--time-format", "%Y-%m-%d %H:%M:%S", *arguments]
    assert main(["parse", str(log), "--output", str(folder), "--format", "regex", *words]) == 0
    return LineParser.from_state(json.loads((folder / "parse.json").read_text())["parser"])


def test_lines_without_a_time_are_in_no_window_and_counted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(GOOD) + "\n")
    parser = parser_of(log, "--window", "60")
    lines = ["2026-13-01 00:00:00 up 4", GOOD[0], "one", "yesterday noon up 5", *GOOD[1:]]
    events = parser(pl.Series(lines))
    assert events.line.tolist() == [1, 4, 5]
    skipped = {reason: places.tolist() for reason, places in events.skipped.items()}
    assert skipped == {"no header": [2], "no time": [0, 3]}
    assert events.session.to_list() == ["2026-01-01T00:00:00", "2026-01-01T00:00:00", "2026-01-01T00:02:00"]
    assert parser(pl.Series(GOOD)).skipped == {}


def test_lines_without_a_time_are_events_of_the_session_they_name(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(GOOD) + "\n")
    events = parser_of(log, "--session", r"\d+$")(pl.Series(["2026-13-01 00:00:00 up 4", *GOOD, "x y none"]))
    assert events.session.to_list() == ["4", "1", "2", "3"]
    assert events.skipped["no session"].tolist() == [4]
