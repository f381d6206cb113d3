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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

KILLS = int(os.environ.get("SEQLAB_TEST_KILLS", "5"))
SEEDS = range(int(os.environ.get("SEQLAB_TEST_SEEDS", "1")))


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
    start: Callable[..., Any],
    export: Callable[..., Path],
    sample_log: Any,
    tmp_path: Path,
) -> None:
    rng = random.Random(seed)
    path = export(threshold=3.3)
    whole = start("detect", path, sample_log.log, "--json", "--output", tmp_path / "whole.jsonl")
    log, output, state = tmp_path / "grow.log", tmp_path / "alerts.jsonl", tmp_path / "watch.state"
    arguments = (path, log, "--json", "--output", output, "--state", state, "--idle", "100000")
    writer = GrowingLog(sample_log.log.read_bytes(), log, rng)
    writer.start()
    written = 0
    for _ in range(KILLS):
        process = start("detect", *arguments, "--follow")
        then = state.stat().st_mtime_ns if state.exists() else 0
        process.wait_until(lambda then=then: state.exists() and state.stat().st_mtime_ns != then)
        writer.grow(KILLS + 1)
        time.sleep(rng.random() * 1.5)
        assert process.end(signal.SIGKILL) == -signal.SIGKILL
        written += output.stat().st_size
    assert written > 0
    for _ in range(KILLS):
        writer.grow(1)
    writer.join()

    process = start("detect", *arguments, "--follow")
    written_at = {state.stat().st_mtime_ns}

    def has_read() -> bool:
        """Its first state is written before it reads, the next one after."""
        written_at.add(state.stat().st_mtime_ns)
        return len(written_at) > 2

    process.wait_until(has_read)
    assert process.end(signal.SIGTERM) == 0, process.said
    assert json.loads(process.said.splitlines()[-1])["open_blocks"] > 0
    last = start("detect", *arguments, "--close")  # to the end of the log, and all blocks closed
    assert last.end() == 0, last.said
    assert whole.end() == 0, whole.said

    expected = [story(json.loads(line)) for line in (tmp_path / "whole.jsonl").read_text().splitlines()]
    found = [story(json.loads(line)) for line in output.read_text().splitlines()]
    assert len(expected) > 30
    assert sorted(found) == sorted(expected)
    summary = json.loads(last.said.splitlines()[-1])
    assert summary["kind"] == "summary"
    assert summary["lines"] == summary["events"] == len(sample_log.lines)
    assert summary["blocks"] == 400
    assert summary["alerts"] == len(found)


KILLED_AFTER_ITS_FIRST_ALERTS = """
import os, signal, sys
from seqlab.cli import main
from seqlab.alerts.output import AlertOutput

def write_and_die(self, alerts, write=AlertOutput.write):
    write(self, alerts)
    if alerts:
        os.kill(os.getpid(), signal.SIGKILL)

AlertOutput.write = write_and_die
main(sys.argv[1:])
"""


def test_killed_before_its_first_state_no_alert_is_doubled(
    start: Callable[..., Any], export: Callable[..., Path], sample_log: Any, tmp_path: Path, root: Path
) -> None:
    path, output, whole = export(threshold=3.3), tmp_path / "alerts.jsonl", tmp_path / "whole.jsonl"
    assert start("detect", path, sample_log.log, "--json", "--output", whole).end() == 0
    output.write_text("of another day\n")
    arguments = [path, sample_log.log, "--json", "--output", output, "--state", tmp_path / "state", "--close"]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER_ITS_FIRST_ALERTS, "detect", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(root / "src")},
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert output.read_text().count("\n") > 1
    assert start("detect", *arguments).end() == 0
    assert output.read_text() == "of another day\n" + whole.read_text()
