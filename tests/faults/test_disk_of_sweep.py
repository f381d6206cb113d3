"""A sweep on a disk that runs full, or that cannot be written, says so; with room it goes on."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from ..sweeps.conftest import TINY, run, start, sweep_file  # noqa: F401  fixtures
from ..sweeps.test_optuna_engine import FAULT, HERE, STARTED
from .conftest import PATIENCE
from .disk import fill, make_read_only


@pytest.mark.soak
def test_a_sweep_on_a_full_disk_goes_on_once_there_is_room(
    sweep_file: Callable[..., Path],  # noqa: F811
    start: Callable[..., subprocess.Popen[str]],  # noqa: F811
    run: Callable[..., subprocess.CompletedProcess[str]],  # noqa: F811
    disk: Path,
) -> None:
    folder = disk / "sweep"
    words = (sweep_file(), "--trials", "3", "--output", str(folder))
    sweep = start(*words, overrides=(*TINY, FAULT), PYTHONPATH=HERE, FAULT_SECONDS="4")
    deadline = time.monotonic() + 3 * PATIENCE
    while not (folder / "trial-1" / "seed-0" / STARTED).exists():
        assert sweep.poll() is None, sweep.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    filler = fill(disk)
    _, said = sweep.communicate(timeout=PATIENCE)
    assert sweep.returncode == 2, said
    assert said.splitlines()[-1].startswith(f"error: {folder}")
    assert "the disk is full" in said
    assert "Traceback" not in said
    filler.unlink()
    done = run(*words, overrides=(*TINY, FAULT), PYTHONPATH=HERE)
    assert done.returncode == 0, done.stderr
    study = optuna.load_study(study_name="tiny", storage=f"sqlite:///{folder / 'study.db'}")
    assert [trial.state.name for trial in study.trials].count("COMPLETE") >= 1
    assert study.trials[0].state.name == "COMPLETE"  # it had finished before


@pytest.mark.soak
def test_a_read_only_disk_takes_no_sweep(
    sweep_file: Callable[..., Path],  # noqa: F811
    run: Callable[..., subprocess.CompletedProcess[str]],  # noqa: F811
    disk: Path,
) -> None:
    make_read_only(disk)
    done = run(sweep_file(), "--trials", "1", "--output", str(disk / "sweep"))
    assert done.returncode == 2
    told = f"error: --output {disk / 'sweep'}: cannot be made: Read-only file system\n"
    assert done.stderr == told
