"""Real processes that watch logs, started fast: they run an exported network and load no torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqlab.alerts.alert import Alert, Guess, LineRef, Surprise
from seqlab.cli import main

PATIENCE = 60.0  # seconds until a test gives up on a process


class Process:
    """A running ``seqlab`` and what it said so far."""

    def __init__(self, arguments: tuple[str | Path, ...], folder: Path, root: Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "seqlab.cli", *map(str, arguments)]
        self.stdout, self.stderr = folder / "stdout", folder / "stderr"
        with self.stdout.open("w") as out, self.stderr.open("w") as err:
            self.popen = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=out, stderr=err, text=True
            )

    @property
    def said(self) -> str:
        return self.stderr.read_text(encoding="utf-8")

    def wait_until(self, done: Callable[[], bool]) -> None:
        """Until ``done``; fails when the process ends before."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            assert self.popen.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def end(self, signal: int | None = None) -> int:
        """Its exit code, after a signal if one is given."""
        if signal is not None:
            self.popen.send_signal(signal)
        self.popen.communicate(timeout=PATIENCE)
        return self.popen.returncode


@pytest.fixture
def alert() -> Alert:
    """An alert of an open block, one of whose lines is gone."""
    return Alert(
        id="0123456789abcdef",
        block="blk_1",
        score_name="nll_max",
        score=12.5,
        threshold=9.0,
        status="open",
        reason="certain",
        events=3,
        first_time="2008-11-09 20:36:15",
        last_time="2008-11-09 20:37:15",
        surprise=Surprise(3, "8", "Deleting block <*>", 12.5, 7, unseen=False),
        expected=(Guess("5", "Receiving block <*>", 0.75), Guess("<eos>", "(the block ends)", 0.2)),
        counts=(),
        lines=(LineRef(2, "a.log", 10, "one"), LineRef(3, "a.log", 20, None)),
    )


@pytest.fixture
def start(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Process]]:
    """Starts ``seqlab ARGUMENTS``; what still runs at the end is killed."""
    running: list[Process] = []

    def begin(*arguments: str | Path) -> Process:
        running.append(Process(arguments, tmp_path_factory.mktemp("process"), root))
        return running[-1]

    yield begin
    for process in running:
        if process.popen.poll() is None:
            process.popen.kill()
        process.popen.communicate()


@pytest.fixture(scope="session")
def exported(
    checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[dict[str, Any]], Path]:
    """Exports each checkpoint once."""
    folders: dict[Path, Path] = {}

    def make(settings: dict[str, Any]) -> Path:
        path = checkpoint(**settings)
        if path not in folders:
            folder = tmp_path_factory.mktemp("exports") / "export"
            assert main(["export", str(path), "--output", str(folder)]) == 0
            folders[path] = folder
        return folders[path]

    return make


@pytest.fixture
def export(exported: Callable[[dict[str, Any]], Path], tmp_path: Path) -> Callable[..., Path]:
    """The folder of an exported small model, a copy of the test's own: see ``checkpoint``."""

    def make(**settings: str | float | None) -> Path:
        return shutil.copytree(exported(settings), tmp_path / "export")

    return make
