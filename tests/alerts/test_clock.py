"""What the log's clock shows, on times that can be followed by hand."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from seqlab.alerts.alert import NO_TIME
from seqlab.alerts.clock import LogClock

SECOND = 1_000_000
FAR = 10**9  # seconds


def hear(clock: LogClock, seconds: np.ndarray, piece: int = 1) -> list[tuple[int, int]]:
    """(number of the last line, up to which line all are silent) after each piece."""
    shown = []
    for start in range(0, len(seconds), piece):
        times = seconds[start : start + piece].astype(np.int64) * SECOND
        numbers = clock.hear(np.where(seconds[start : start + piece] < 0, NO_TIME, times))
        shown.append((int(numbers[-1]), clock.silent))
    return shown


@pytest.mark.parametrize("piece", [1, 7, 50, 1000])
def test_a_log_in_order_is_silent_for_as_long_as_its_lines_say(piece: int) -> None:
    rng = np.random.default_rng(0)
    seconds = np.cumsum(rng.choice([0, 1, 60], size=3000))
    clock = LogClock(600 * SECOND)
    for last, silent in hear(clock, seconds, piece):
        if silent >= 1:  # the last 50 lines may hold wrong dates: they do not count yet
            assert seconds[max(last - 51, 0)] - seconds[silent - 1] > 600 - 60
        exact = int(np.searchsorted(seconds, seconds[max(last - 51, 0)] - 600))
        assert silent <= exact
        assert silent >= exact - piece - 51


def test_dense_lines_after_sparse_ones_make_nobody_silent() -> None:
    sparse = 60 * np.arange(150)
    seconds = np.concatenate((sparse, np.full(300, sparse[-1] + 1)))
    shown = hear(LogClock(600 * SECOND), seconds)
    assert max(silent for _, silent in shown) <= 150 - 10
    assert shown[-1][1] >= 150 - 12


@pytest.mark.parametrize("wrong", [FAR, -1])
def test_single_wrong_or_missing_dates_change_nothing(wrong: int) -> None:
    right = 10 * np.arange(1000)
    seconds = right.copy()
    seconds[::10] = wrong
    exact = hear(LogClock(600 * SECOND), right)[-1][1]
    clock = LogClock(600 * SECOND)
    _, silent = hear(clock, seconds)[-1]
    lines = silent if wrong > 0 else round(silent / 0.9)  # those without a time are not counted
    assert abs(lines - exact) < 15


def test_a_clock_that_goes_back_is_followed_and_silence_counts_on() -> None:
    clock = LogClock(600 * SECOND)
    seconds = np.concatenate((7200 + 10 * np.arange(200), 5600 + 10 * np.arange(200)))
    shown = hear(clock, seconds)
    assert clock.median == (5600 + 10 * 149) * SECOND
    before, after = shown[199][1], [silent for _, silent in shown[200:]]
    assert before == 200 - 50 - 61
    assert after[51] <= before + 60  # nothing came of going back
    assert after[-1] == 400 - 50 - 61


def test_a_long_wrong_date_leaves_nothing_behind() -> None:
    clock = LogClock(600 * SECOND)
    seconds = np.concatenate((10 * np.arange(200), np.full(150, FAR), 2000 + 10 * np.arange(500)))
    shown = hear(clock, seconds)
    assert all(silent <= max(last - 50, 0) for last, silent in shown)
    assert shown[-1][1] == 850 - 50 - 61


def test_it_goes_on_from_its_state() -> None:
    rng = np.random.default_rng(1)
    seconds = 5000 + np.cumsum(rng.integers(0, 30, 2000))
    seconds[900:] -= 4000
    whole, first = LogClock(600 * SECOND), LogClock(600 * SECOND)
    hear(first, seconds[:1000])
    second = LogClock(**json.loads(json.dumps(asdict(first))))
    hear(second, seconds[1000:])
    hear(whole, seconds)
    assert json.dumps(asdict(second)) == json.dumps(asdict(whole))
    assert len(whole.marks) < 1100


def test_nobody_asks() -> None:
    clock = LogClock(None)
    assert hear(clock, np.arange(500))[-1] == (500, -1)
