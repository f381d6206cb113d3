"""Real runs that stop at a named moment: see hooked.py."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from .disk import small_disk

PIPE = subprocess.PIPE
HOOKED = Path(__file__).with_name("hooked.py")
PATIENCE = 400.0  # seconds until a test gives up on a process
TINY = (
    "data.sample.num_blocks=120",
    "data.batch_size=16",
    "model.network.hidden_size=8",
    "model.network.dropout=0.2",
    "trainer.max_epochs=2",
    "trainer.enable_progress_bar=false",
    "detection.scores=[nll_max,combined]",
    "callbacks.checkpoint.every_steps=5",
)


MOMENTS = {
    "start-up": "seqlab.training.build:build_data",
    "first checkpoint": "rename:last.ckpt",
    "training": "seqlab.tasks.base:SequenceTask.training_step@7",
    "checkpoint": "rename:last.ckpt@3",
    "validation": "seqlab.tasks.base:SequenceTask.validation_step",
    "end of training": "seqlab.training.trainer:leave_group",
    "judging": "seqlab.data.module:SequenceDataModule.open_test",
    "scores": "rename:scores.csv",
    "report": "seqlab.training.run_folder:RunFolder.write_report",
    "page": "rename:report.html",
    "figures": "rename:metrics.json",
    "logging": "seqlab.training.tracking:log_results",
}


class Ended(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """The one line on standard error."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.out
        return lines[0]


class Running:
    """A process that stops at its moment."""

    def __init__(self, popen: subprocess.Popen[str], gate: Path) -> None:
        self.popen, self.gate = popen, gate

    def wait(self) -> Running:
        """Until it has stopped there."""
        deadline = time.monotonic() + PATIENCE
        while not (self.gate / "reached").exists():
            assert self.popen.poll() is None, self.popen.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self

    def end(self, *numbers: int) -> Ended:
        """Send it signals, let it go on, and wait until it has ended."""
        for number in numbers:
            self.popen.send_signal(number)
        (self.gate / "go").touch()
        out, err = self.popen.communicate(timeout=PATIENCE)
        return Ended(self.popen.returncode, out, err)


@pytest.fixture
def start(root: Path, python: Any, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts ``python train.py TINY ...``, which stops at a moment, into ``tmp_path/run``; ``cold``: with
    imports."""
    running: list[Running] = []

    def begin(moment: str, *overrides: str, run: Path | None = None, cold: bool = False) -> Running:
        gate = tmp_path / f"gate-{len(running)}"
        gate.mkdir()
        where = f"hydra.run.dir={tmp_path / 'run' if run is None else run}"
        words = (HOOKED, moment, gate, root / "train.py", *TINY, *overrides, where)
        settings: dict[str, Any] = {"cwd": root, "stdout": PIPE, "stderr": PIPE, "text": True}
        if cold:
            command = [sys.executable, *map(str, words)]
            popen = subprocess.Popen(command, env=python.environment, **settings)
        else:
            popen = python.popen(*words, **settings)
        running.append(Running(popen, gate))
        return running[-1]

    yield begin
    for each in running:
        if each.popen.poll() is None:
            each.popen.kill()


@pytest.fixture(scope="session")
def whole(call: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same run, never interrupted."""
    return call(tmp_path_factory.mktemp("whole") / "run", *TINY)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    with small_disk(tmp_path / "disk") as folder:
        yield folder


def figures(folder: Path) -> dict[str, float]:
    found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return {name: value for name, value in found.items() if not name.startswith("timing/")}


def readers_find(folder: Path) -> set[str]:
    """Of a run folder: what a reader takes for whole, each of them tried."""
    found = {path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")}
    for name in found & {"best.ckpt", "last.ckpt", "previous.ckpt"}:
        assert torch.load(folder / "checkpoints" / name, weights_only=True)["state_dict"], name
    for name in found & {"metrics.json", "environment.json", "config.json"}:
        assert json.loads((folder / name).read_text(encoding="utf-8"))
    if "scores.csv" in found:
        assert (folder / "scores.csv").read_text(encoding="utf-8").endswith("\n")
    if "report.html" in found:
        assert (folder / "report.html").read_text(encoding="utf-8").endswith("</html>\n")
    if "metrics.json" in found:
        assert {"report.html", "scores.csv", "best.ckpt", "last.ckpt"} <= found
    return found
