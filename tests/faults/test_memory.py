"""Too little memory in a batch ends in one message; a long run holds no more memory at its end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import MOMENTS, PATIENCE, TINY, Running, figures, readers_find

Start = Callable[..., Running]
EPOCHS, WARM_UP = 200, 20


@pytest.mark.parametrize(
    "stage",
    [
        "training",
        *(pytest.param(each, marks=pytest.mark.soak) for each in ("validation", "judging", "report")),
    ],
)
def test_too_little_memory_is_told_and_a_smaller_batch_goes_on(
    stage: str, start: Start, whole: Any, tmp_path: Path, root: Path, python: Any
) -> None:
    ended = start(f"memory!{MOMENTS[stage]}").end()
    assert ended.code == 2, ended
    told = "error: not enough memory to allocate 1125899906842624 bytes: lower data.batch_"
    assert ended.message.startswith(told)
    assert "data.batch_size (now 16), " in ended.message
    assert ". Go on: python train.py resume=" in ended.message
    found = readers_find(tmp_path / "run")
    assert {"best.ckpt", "last.ckpt"} & found
    again = python.run("train.py", f"resume={tmp_path / 'run'}", cwd=root)
    assert again.returncode == 0, again.stderr
    assert figures(tmp_path / "run") == figures(whole.folder)


@pytest.mark.soak
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")
@pytest.mark.parametrize("model", ["gru", "gru_ae", "char_rnn"])
def test_200_epochs_hold_no_more_memory_than_20(model: str, tmp_path: Path, root: Path, python: Any) -> None:
    sizes = tmp_path / "memory"
    settings = [each for each in TINY if not each.startswith(("trainer.max_epochs", "detection"))]
    if model == "char_rnn":
        settings = [each for each in settings if not each.startswith("data.")]
    path = f"{python.environment['PYTHONPATH']}:{Path(__file__).parent}"
    more = (
        f"trainer.max_epochs={EPOCHS}",
        f"hydra.run.dir={tmp_path / 'run'}",
        f"+callbacks.extra.memory={{_target_:memory.WriteMemory,path:'{sizes}'}}",
        "callbacks.early_stopping.patience=null",
    )
    done = subprocess.run(
        [sys.executable, "train.py", f"model={model}", *settings, *more],
        cwd=root,
        env=python.environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE * 10,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = [int(line) for line in sizes.read_text(encoding="ascii").split()]
    assert len(pages) == EPOCHS
    print(f"{model}: {pages[WARM_UP - 1]} pages after epoch {WARM_UP}, at most {max(pages[WARM_UP:])} later")
    assert max(pages[WARM_UP:]) <= 1.02 * pages[WARM_UP - 1]
