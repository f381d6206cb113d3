"""Blocks are closed by silence whatever dates single lines have, and not because a clock was set."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seqlab.alerts import sources
from seqlab.alerts.models import load_model
from seqlab.alerts.run import Settings, Watch

IDLE = 300.0
NOON = datetime(2008, 11, 9, 12)
FUTURE, NO_DATE = "300101 120000", "081399 129999"


def at(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).strftime("%y%m%d %H%M%S")


@pytest.fixture
def closed(
    checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[dict[str, Any]]]:
    """Watches a log of (date, block) lines in pieces of so many; gives every block as it was closed."""
    model = load_model(checkpoint(score="nll_mean", threshold=-1.0))
    rest = " ".join(sample_log.lines[0].split()[2:])
    name = next(word for word in rest.split() if word.startswith("blk_"))

    def watch(
        lines: Sequence[tuple[str, int]], piece: int, part: int | None = None, **changes: Any
    ) -> list[dict[str, Any]]:
        log, output = tmp_path / "log", tmp_path / "out.jsonl"
        output.unlink(missing_ok=True)
        log.write_text("")
        texts = [f"{date} {rest.replace(name, f'blk_{10_000 + block}')}\n" for date, block in lines]
        monkeypatch.setattr(sources, "CHUNK_BYTES", piece * len(texts[0]))
        values: dict[str, Any] = {"idle": IDLE} | changes
        part = part or len(lines)
        for start in range(0, len(lines), part):  # each part by a watch of its own
            with log.open("a") as file:
                file.write("".join(texts[start : start + part]))
            is_last = start + part >= len(lines)
            watching = Watch(model, Settings(str(log), as_json=True, output=output, close=is_last, **values))
            watching.run()
            watching.close()
        alerts = [json.loads(line) for line in output.read_text().splitlines()]
        assert sum(alert["events"] for alert in alerts) == len(lines)
        return [alert | {"block": int(alert["block"][4:]) - 10_000} for alert in alerts]

    return watch


def reasons(alerts: list[dict[str, Any]]) -> Counter[str]:
    return Counter(alert["reason"] for alert in alerts)


@pytest.mark.parametrize("date", [FUTURE, NO_DATE])
def test_a_wrong_date_at_the_front_stops_nothing(date: str, closed: Callable[..., Any]) -> None:
    lines = [(at(0), 0), (date, 1), *((at(10 * number), number) for number in range(2, 300))]
    alerts = closed(lines, 10)
    assert len(alerts) == 300
    still = {alert["block"] for alert in alerts if alert["reason"] == "end of log"}
    assert still == set(range(min(still), 300))  # only the last ones
    assert len(still) < 31 + 50 + 12 + 2  # within idle, among the last 101 lines, in the last piece


def test_a_long_block_at_the_front_of_a_chunk_stops_nothing(closed: Callable[..., Any]) -> None:
    front = [(at(0), 0), *((at(number / 10), number) for number in range(1, 100)), (at(200), 0), (at(400), 0)]
    later = [(at(400 + number), 1000 + number) for number in range(1, 101)]
    alerts = closed([*front, *later, *((at(600), 2000 + number) for number in range(120))], len(front))
    assert {alert["block"] for alert in alerts if alert["reason"] == "idle"} == set(range(1, 100))


@pytest.mark.parametrize("piece", [4, 13])
def test_a_clock_set_back_closes_nothing_at_once_and_nothing_stays(
    piece: int, closed: Callable[..., Any]
) -> None:
    before = [(at(3600 + 2 * number), number % 20) for number in range(200)]
    after = [(at(400 + 2 * number), number % 20) for number in range(200)]
    silent = [(at(3600 + 399), 100 + number) for number in range(20)]
    rest = [(at(800 + 5 * number), 200 + number) for number in range(250)]
    alerts = closed([*before, *silent, *after, *rest], piece)
    counts = Counter(alert["block"] for alert in alerts)
    assert set(counts.values()) == {1}
    idle = {alert["block"] for alert in alerts if alert["reason"] == "idle"}
    assert idle >= {*range(20), *range(100, 120)}


def test_a_clock_that_was_wrong_for_long_splits_nothing_afterwards(closed: Callable[..., Any]) -> None:
    wrong = [(FUTURE, 500) for _ in range(150)]
    after = [(at(400), 500), *((at(400 + number), number % 30) for number in range(300))]
    alerts = closed([(at(0), 900), *wrong, *after], 5)
    counts = Counter(alert["block"] for alert in alerts)
    assert all(counts[number] == 1 for number in range(30))


@pytest.mark.parametrize("piece", [1, 10, 10_000])
def test_dense_lines_after_sparse_ones_close_nobody(piece: int, closed: Callable[..., Any]) -> None:
    sparse = [(at(60 * number), 100 + number) for number in range(120)]
    dense = [(at(60 * 119 + number / 10), number % 4) for number in range(400)]
    again = [(at(60 * 119 + 41), 219)]
    alerts = closed([*sparse, *dense, *again], piece)
    (block,) = [alert for alert in alerts if alert["block"] == 219]
    assert (block["events"], block["reason"]) == (2, "end of log")
    assert reasons(alerts)["idle"] in range(100, 116) if piece < 1000 else True


@pytest.mark.parametrize("piece", [1, 100])
def test_a_line_without_a_time_hides_no_silence(piece: int, closed: Callable[..., Any]) -> None:
    alerts = closed([(at(0), 1), (NO_DATE, 1), (at(1000), 1), (NO_DATE, 2), (at(1001), 2)], piece)
    assert [(alert["block"], alert["events"]) for alert in alerts] == [(1, 2), (1, 1), (2, 2)]


def test_silence_counts_on_after_a_restart(closed: Callable[..., Any], tmp_path: Path) -> None:
    """Read in parts, each to be gone on with, a log gives the sessions that it gives in one."""
    lines = [(at(7200 + 10 * number), number % 90 if number % 90 < 40 else number) for number in range(220)]
    lines += [
        (at(3600 + 10 * number), number % 90 if number % 90 < 40 else 1000 + number) for number in range(300)
    ]
    whole = closed(lines, 4)
    parts = closed(lines, 4, part=48, state=tmp_path / "state")
    assert Counter((alert["block"], alert["events"]) for alert in parts) == Counter(
        (alert["block"], alert["events"]) for alert in whole
    )
    assert reasons(parts)["idle"] == reasons(whole)["idle"] > 100
