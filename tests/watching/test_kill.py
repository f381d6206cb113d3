"""A real process that watches a growing log is killed again and again: every alert is there exactly once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import main

PATIENCE = 60.0  # seconds until a test gives up on a process
KILLS = int(os.environ.get("SEQLAB_TEST_KILLS", "5"))
SEEDS = range(int(os.environ.get("SEQLAB_TEST_SEEDS", "1")))


@pytest.fixture
def start(root: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``seqlab ARGUMENTS``; what still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []
    environment = os.environ | {"PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"}

    def begin(*arguments: str | Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "seqlab.cli", *map(str, arguments)]
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until(done: Callable[..., bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def story(alert: dict[str, Any]) -> tuple[Any, ...]:
    """What an alert says, without where its lines stand: a rotation moves them."""
    texts = [line["text"] for line in alert["lines"]]
    surprise = alert["surprise"]
    keys = [guess["key"] for guess in alert["expected"]]
    return (
        alert["block"],
        round(alert["score"], 4),
        alert["status"],
        alert["events"],
        surprise["position"],
        surprise["key"],
        keys[0],
        texts,
    )


class GrowingLog(threading.Thread):
    """Writes a log in uneven pieces, cut within lines, as far as it may, and rotates it once on the way."""

    def __init__(self, content: bytes, path: Path, rng: random.Random) -> None:
        super().__init__(daemon=True)
        self.content, self.path, self.rng = content, path, rng
        self.rotation = content.index(b"\n", len(content) // 2) + 1
        self.may_grow = threading.Semaphore(0)
        path.touch()

    def grow(self, parts: int) -> None:
        """Let another of so many parts be written."""
        self.may_grow.release(len(self.content) // parts // 1000 + 2)

    def run(self) -> None:
        place = 0
        while place < len(self.content):
            size = self.rng.randint(1, 8000)
            for _ in range(size // 1000 + 1):
                self.may_grow.acquire()
            if place < self.rotation:
                size = min(size, self.rotation - place)
            elif place == self.rotation:
                self.path.rename(self.path.with_name(f"{self.path.name}.1"))
            with self.path.open("ab") as file:
                file.write(self.content[place : place + size])
            place += size
            time.sleep(0.01)


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_moment_no_alert_is_lost_or_doubled(
    seed: int,
    start: Callable[..., subprocess.Popen[str]],
    checkpoint: Callable[..., Path],
    sample_log: Any,
    tmp_path: Path,
) -> None:
    rng = random.Random(seed)
    path = tmp_path / "export"  # without torch a process starts in a fraction of the time
    assert main(["export", str(checkpoint(threshold=3.3)), "--output", str(path)]) == 0
    whole = start("detect", path, sample_log.log, "--json", "--output", tmp_path / "whole.jsonl")
    log, output, state = tmp_path / "grow.log", tmp_path / "alerts.jsonl", tmp_path / "watch.state"
    arguments = (path, log, "--json", "--output", output, "--state", state, "--idle", "100000")
    writer = GrowingLog(sample_log.log.read_bytes(), log, rng)
    writer.start()
    cut_off = 0
    for _ in range(KILLS):
        then = state.stat().st_mtime_ns if state.exists() else 0
        process = start("detect", *arguments, "--follow")
        wait_until(lambda then=then: state.exists() and state.stat().st_mtime_ns != then, process)
        writer.grow(KILLS + 1)
        time.sleep(rng.random() * 1.5)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        cut_off += output.stat().st_size
    assert cut_off > 0
    for _ in range(KILLS):
        writer.grow(1)
    writer.join()
    before = state.stat().st_mtime_ns
    process = start("detect", *arguments, "--follow")
    wait_until(lambda: state.stat().st_mtime_ns != before, process)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, said
    assert "still open" in said
    last = start("detect", *arguments)  # without --follow: to the end of the log, and all blocks closed
    said = last.communicate(timeout=PATIENCE)[1]
    assert last.returncode == 0, said
    assert whole.wait(PATIENCE) == 0

    expected = [story(json.loads(line)) for line in (tmp_path / "whole.jsonl").read_text().splitlines()]
    found = [story(json.loads(line)) for line in output.read_text().splitlines()]
    assert len(expected) > 30
    assert sorted(found) == sorted(expected)
    summary = json.loads(said.splitlines()[-1])
    assert summary["kind"] == "summary"
    assert summary["lines"] == summary["events"] == len(sample_log.lines)
    assert summary["blocks"] == 400
    assert summary["alerts"] == len(found)
