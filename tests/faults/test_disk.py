"""A disk that is full, read-only or gone: the message names the folder, and what was saved stays."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from .conftest import MOMENTS, Running, figures, readers_find
from .disk import fill, make_read_only

Start = Callable[..., Running]
STAGES = [
    *("start-up", "first checkpoint", "training", "checkpoint"),
    *("end of training", "judging", "scores", "report"),
]


def stages(short: str) -> list[Any]:
    """All of them, one of which is not for ``make soak`` alone."""
    return [pytest.param(stage, marks=() if stage == short else pytest.mark.soak) for stage in STAGES]


def resume(run: Path, whole: Any, root: Path, python: Any) -> None:
    """Go on, to the figures of the run that nothing stopped."""
    again = python.run("train.py", f"resume={run}", cwd=root)
    assert again.returncode == 0, again.stderr
    readers_find(run)
    assert figures(run) == figures(whole.folder)


@pytest.mark.parametrize("stage", stages("checkpoint"))
def test_a_full_disk_stops_a_run_and_room_lets_it_go_on(
    stage: str, start: Start, whole: Any, disk: Path, root: Path, python: Any
) -> None:
    run = disk / "run"
    process = start(MOMENTS[stage], run=run).wait()
    filler = fill(disk)
    ended = process.end()
    assert ended.code == 2, ended
    assert ended.message.startswith(f"error: {run}")
    assert ": the disk is full; make room there. What was saved before is kept" in ended.message
    found = readers_find(run)
    assert ("Go on: python train.py resume=" in ended.message) == ("last.ckpt" in found)
    filler.unlink()
    if "last.ckpt" in found:
        resume(run, whole, root, python)


@pytest.mark.parametrize("stage", stages("training"))
@pytest.mark.parametrize(
    "is_moved", [True, pytest.param(False, marks=pytest.mark.soak)], ids=["moved", "deleted"]
)
def test_a_run_whose_folder_is_gone_stops(
    stage: str, is_moved: bool, start: Start, whole: Any, tmp_path: Path, root: Path, python: Any
) -> None:
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    process = start(MOMENTS[stage]).wait()
    had_checkpoint = (run / "checkpoints" / "last.ckpt").exists()
    shutil.move(run, elsewhere)
    if not is_moved:
        shutil.rmtree(elsewhere)
    ended = process.end()
    assert ended.code == 2, ended
    assert ended.message == f"error: {run}: the folder is gone: it was moved or deleted while it was in use"
    assert not run.exists()
    if is_moved and had_checkpoint:
        assert torch.load(elsewhere / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        resume(elsewhere, whole, root, python)


def test_a_read_only_disk_takes_no_run_and_no_resume(
    start: Start, disk: Path, python: Any, root: Path
) -> None:
    run = disk / "run"
    start(MOMENTS["judging"], run=run).wait().end(15)
    make_read_only(disk)
    for refused in (
        start("rename:nothing", run=disk / "other").end(),
        start("rename:nothing", f"resume={run}", run=run).end(),
    ):
        assert refused.code == 2, refused
        assert refused.message.startswith(f"error: {disk}")
        assert "Read-only file system" in refused.message
