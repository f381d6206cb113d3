"""A clock that is set back while a program runs: nothing is measured with it, nothing waits for it."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.sweeps import trials
from seqlab.sweeps.sweep_file import read_sweep

from .conftest import TINY, figures


@pytest.fixture
def clock_runs_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the wall clock of this process shows a minute less."""
    now = time.time()
    minutes = itertools.count(1)
    monkeypatch.setattr(time, "time", lambda: now - 60 * next(minutes))
    monkeypatch.setattr(time, "time_ns", lambda: int((now - 60 * next(minutes)) * 1e9))


@pytest.mark.usefixtures("clock_runs_backwards")
def test_a_run_measures_its_time_all_the_same(call: Callable[..., Any], whole: Any, tmp_path: Path) -> None:
    run = call(tmp_path / "run", *TINY)
    assert run.code == 0
    assert figures(run.folder) == figures(whole.folder)
    metrics = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))
    timings = {name: value for name, value in metrics.items() if name.startswith("timing/")}
    assert len(timings) == 5
    assert all(0 < value < 1e7 for value in timings.values())


@pytest.mark.usefixtures("clock_runs_backwards")
def test_a_trial_of_a_sweep_takes_no_negative_time(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Done:
        exitcode = 0

        def join(self, seconds: float) -> None:
            raise AssertionError("it has ended already")

    def start(context: Any, program: Path, overrides: Any, environment: Any, log: Path) -> Done:
        (log.parent / "metrics.json").write_text('{"val/loss": 0.5}', encoding="utf-8")
        return Done()

    monkeypatch.setattr(trials, "start_program", start)
    monkeypatch.setattr(trials, "end_program", lambda running: None)
    plan, trial = trials.Plan(read_sweep(root / "sweep.yaml"), [], [0], False), trials.Trial(0, {})
    trials.run_trial(trial, plan, tmp_path, None, {}, lambda step, value: False, lambda: False)
    assert trial.outcome == trials.FINISHED
    assert 0 < trial.seconds < 60
