import io
import json

import numpy as np
import pytest

from seqlab.alerts.notices import (
    DRIFT_WINDOW,
    Drift,
    Notices,
    SkippedLines,
    Stall,
)
from seqlab.logs.reading import SkippedLine


@pytest.fixture
def notices() -> Notices:
    return Notices("a.log", as_json=True, out=io.StringIO())


def told(notices: Notices) -> list[dict]:
    assert isinstance(notices.out, io.StringIO)
    return [json.loads(line) for line in notices.out.getvalue().splitlines()]


@pytest.mark.parametrize("piece", [1, 700, 1000, 50_000])
def test_drift_is_told_once_each_way_however_events_come(piece: int, notices: Notices) -> None:
    rng = np.random.default_rng(0)
    unseen = np.concatenate([rng.random(20_000) < share for share in (0.002, 0.05, 0.0)])
    drift = Drift(notices, usual=0.002, bound=0.02)
    for start in range(0, len(unseen), piece):
        drift.add(unseen[start : start + piece], f"line {start}")
    assert [notice["kind"] for notice in told(notices)] == ["drift", "drift_over"]
    rise, fall = told(notices)
    assert 0.02 < rise["share"] < 0.03
    assert fall["share"] <= 0.01
    assert rise["window"] == DRIFT_WINDOW
    assert "the last such line is\n        line " in rise["text"]
    assert "train again" not in fall["text"]


def test_the_first_bad_lines_of_each_reason_are_named_and_all_counted(notices: Notices) -> None:
    skipped = SkippedLines(notices, "format hdfs", live=False)
    first = [SkippedLine(number, 0, "x") for number in range(1, 6)]
    skipped.add(20, 17, {"no header": (3, first[:3])})
    skipped.add(30, 14, {"no header": (16, [*first[3:], SkippedLine(7, 0, "x")])})
    skipped.add(30, 29, {"too long": (1, [SkippedLine(20, 0, "y" * 100)])})
    assert [notice["line"] for notice in told(notices)] == [1, 2, 3, 4, 5, 20]
    assert f"line 20: too long: '{'y' * 60}'..." in told(notices)[-1]["text"]
    assert skipped.counts == {"no header": 19, "too long": 1}


def test_a_stall_is_told_once_and_its_end(notices: Notices) -> None:
    stall = Stall(notices, seconds=10, now=0)
    for now in (5, 9, 11, 15):
        stall.look(now)
    stall.line_came(20)
    stall.line_came(21)
    stall.look(25)
    assert [(notice["kind"], notice["seconds"]) for notice in told(notices)] == [
        ("stalled", 11),
        ("resumed", 20),
    ]


def test_lines_without_events_are_told_once_until_events_come_again(notices: Notices) -> None:
    skipped = SkippedLines(notices, "format regex, header ^x", live=True)
    chunks = [(9_999, 0), (1, 0), (20_000, 0), (5, 1), (9_999, 0), (1, 0)]
    for number, (lines, events) in enumerate(chunks):
        skipped.add(lines, events, {"no header": (lines - events, [SkippedLine(number, 0, "Dec 10")])})
    found = [notice for notice in told(notices) if notice["kind"] == "no_events"]
    assert [(notice["kind"], notice["lines"]) for notice in found] == [("no_events", 10_000)] * 2
    assert "none of the last 10,000 lines" in found[0]["text"]
    assert "(format regex, header ^x): line 0 is 'Dec 10' (no header)" in found[0]["text"]
    assert ": line 4 is" in found[1]["text"]
