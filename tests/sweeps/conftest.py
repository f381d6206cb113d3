"""Sweeps of tiny trials, run as a user runs them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

TINY = (
    "data.sample.num_blocks=60",
    "trainer.max_epochs=1",
    "model.network.hidden_size=4",
    "data.batch_size=32",
)
SweepCommand = Callable[..., list[str]]
SPACE = {
    "program": "train.py",
    "method": "random",
    "metric": {"name": "val/loss", "goal": "minimize"},
    "parameters": {"optimizer.lr": {"min": 0.001, "max": 0.02}},
}


def _hear_interrupts() -> None:
    """Tests that run in the background of a shell inherit a deaf ear for Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def sweep_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a sweep file: the one above with other keys."""

    def write(name: str = "tiny.yaml", **keys: object) -> Path:
        path = tmp_path / name
        path.write_text(yaml.safe_dump({k: v for k, v in (SPACE | keys).items() if v is not None}), "utf-8")
        return path

    return write


@pytest.fixture
def start(root: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts ``seqlab sweep FILE ...`` in the repository; the sweep's folder is ``tmp_path/sweep``."""

    def begin(
        file: Path, *options: str, overrides: tuple[str, ...] = TINY, **variables: str
    ) -> subprocess.Popen[str]:
        where = () if "--output" in options else ("--output", str(tmp_path / "sweep"))
        more = ("--set", *overrides) if overrides else ()
        environment = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(root / "src")}
        return subprocess.Popen(
            [sys.executable, "-m", "seqlab.cli", "sweep", str(file), *where, *options, *more],
            cwd=root,
            env=os.environ | environment | variables,
            preexec_fn=_hear_interrupts,  # noqa: PLW1509  one call, before anything runs
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


@pytest.fixture
def run(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs it to its end."""

    def whole(file: Path, *options: str, **settings: object) -> subprocess.CompletedProcess[str]:
        process = start(file, *options, **settings)
        said, complained = process.communicate(timeout=240)
        return subprocess.CompletedProcess(process.args, process.returncode, said, complained)

    return whole
