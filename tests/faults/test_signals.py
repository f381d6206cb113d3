"""Signals at every stage of a run: one message, what was saved stays, it goes on to the same figures."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from .conftest import MOMENTS, Ended, Running, figures, readers_find

Start = Callable[..., Running]
SIGNALS = {
    "SIGKILL": (signal.SIGKILL,),
    "SIGTERM": (signal.SIGTERM,),
    "Ctrl-C": (signal.SIGINT,),
    "Ctrl-C twice": (signal.SIGINT, signal.SIGINT),
}
SHORT = {("start-up", "SIGTERM"), ("judging", "Ctrl-C twice"), ("report", "SIGTERM")}
CELLS = [
    pytest.param(moment, kind, marks=() if (moment, kind) in SHORT else pytest.mark.soak)
    for moment in MOMENTS
    for kind in SIGNALS
]


def assert_told(ended: Ended, kind: str, found: set[str], saved_before: int | None) -> None:
    """The exit code and the one message."""
    *_, last = SIGNALS[kind]
    if last == signal.SIGKILL:
        assert (ended.code, ended.err) == (-signal.SIGKILL, "")
        return
    # a second Ctrl-C may come once all is said: it ends the process, and a shell shows the same 130
    assert ended.code in {128 + last, -last} if len(SIGNALS[kind]) > 1 else ended.code == 128 + last
    name = signal.Signals(last).name
    if "metrics.json" in found:
        assert ended.message == f"interrupted ({name}) when the run was finished: its figures are kept"
    elif "last.ckpt" not in found:
        assert ended.message == f"interrupted ({name}) before anything was saved"
    else:
        told = (
            rf"interrupted \({name}\); (saved after step (\d+)|the last checkpoint is kept)\. Go on: python "
        )
        match = re.match(told + "train.py resume=", ended.message)
        assert match, ended.message
        if match[2]:
            assert saved_before == int(match[2])


@pytest.mark.parametrize(("moment", "kind"), CELLS)
def test_nothing_is_lost(
    moment: str, kind: str, start: Start, whole: Any, tmp_path: Path, root: Path, python: Any
) -> None:
    run = tmp_path / "run"
    ended = start(MOMENTS[moment]).wait().end(*SIGNALS[kind])
    if moment == "start-up" and kind != "SIGKILL":
        assert not run.exists()
    found = readers_find(run)
    last = run / "checkpoints" / "last.ckpt"
    step = torch.load(last, weights_only=True)["global_step"] if last.exists() else None
    assert_told(ended, kind, found, step)
    if "metrics.json" in found:
        assert figures(run) == figures(whole.folder)
    elif (run / ".hydra").exists():
        again = python.run("train.py", f"resume={run}", cwd=root)
        assert again.returncode == 0, again.stderr
        if step is not None:
            assert f"going on after step {step} " in again.stdout
        readers_find(run)
        assert figures(run) == figures(whole.folder)


def test_of_two_runs_into_one_folder_the_second_is_refused(start: Start, whole: Any, tmp_path: Path) -> None:
    first = start(MOMENTS["start-up"]).wait()
    second = start(MOMENTS["start-up"], "seed=4")
    _, err = second.popen.communicate()
    assert second.popen.returncode == 2
    assert err.startswith(f"error: hydra.run.dir={tmp_path / 'run'}: another run is writing there; ")
    assert err.count("\n") == 1
    assert first.end().code == 0
    assert figures(tmp_path / "run") == figures(whole.folder)
    record = (tmp_path / "run/.hydra/overrides.yaml").read_text(encoding="utf-8")
    assert "seed=4" not in record  # what a resume would read


def test_a_run_refused_by_a_finished_one_leaves_it_as_it_was(start: Start, whole: Any) -> None:
    before = {path: path.read_bytes() for path in whole.folder.rglob("*") if path.is_file()}
    refused = start("seqlab.training.build:build_data", "seed=4", run=whole.folder).end()
    assert refused.code == 2
    assert "a finished run lies there" in refused.message
    after = {path: path.read_bytes() for path in whole.folder.rglob("*") if path.is_file()}
    changed = {path.name for path in after if after[path] != before.get(path)}
    assert changed == {"train.log"}  # which tells of it


@pytest.mark.soak
def test_a_finished_run_that_trains_further_and_is_killed_goes_on(
    start: Start, tmp_path: Path, root: Path, python: Any
) -> None:
    run, longer, constant = tmp_path / "run", "trainer.max_epochs=4", "scheduler=constant"
    assert start("rename:nothing", constant).end().code == 0
    first = figures(run)
    start(MOMENTS["training"], f"resume={run}", longer).wait().end(signal.SIGKILL)
    assert not (run / "metrics.json").exists()
    assert json.loads((run / "earlier-metrics.json").read_text(encoding="utf-8")).items() >= first.items()
    again = python.run("train.py", f"resume={run}", longer, cwd=root)
    assert again.returncode == 0, again.stderr
    straight = start("rename:nothing", longer, constant, run=tmp_path / "straight")
    assert straight.end().code == 0
    assert figures(run) == figures(tmp_path / "straight")
    assert not (run / "earlier-metrics.json").exists()


@pytest.mark.soak
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("module", ["hydra", "omegaconf", "numpy", "torch", "pytorch_lightning", "pandas"])
def test_ctrl_c_while_python_imports(module: str, times: int, start: Start) -> None:
    ended = start(f"import:{module}", cold=True).wait().end(*[signal.SIGINT] * times)
    assert ended.code in {130, -signal.SIGINT}
    # pandas comes when scores are written: there is a checkpoint
    kept = r"; the last checkpoint is kept\. Go on: python .*"
    told = rf"interrupted( \(SIGINT\)( before anything was saved|{kept}))?"
    assert re.fullmatch(told, ended.message), ended.message
