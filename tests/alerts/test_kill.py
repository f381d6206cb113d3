"""A real process that watches a growing log is killed again and again: no alert is lost."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest


def told(path: Path) -> dict[str, tuple[Any, ...]]:
    """What alerts say, by id; the same id always says the same."""
    found: dict[str, tuple[Any, ...]] = {}
    for line in path.read_text().splitlines():
        alert = json.loads(line)
        texts = [ref["text"] for ref in alert["lines"]]
        where = (alert["surprise"]["position"], alert["surprise"]["key"], alert["expected"][0]["key"])
        story = (alert["block"], round(alert["score"], 4), alert["status"], alert["events"], where, texts)
        assert found.setdefault(alert["id"], story) == story
    return found


class GrowingLog(threading.Thread):
    """Writes a log in uneven pieces, cut within lines, as far as it may; after a quarter it is rotated."""

    def __init__(self, content: bytes, path: Path, rng: random.Random) -> None:
        super().__init__(daemon=True)
        self.content, self.path, self.rng = content, path, rng
        self.may_grow, self.may_rotate = threading.Semaphore(0), threading.Semaphore(0)
        path.touch()

    def grow(self, parts: int) -> None:
        """Let another of so many parts be written."""
        self.may_grow.release(len(self.content) // parts // 1000 + 2)

    def run(self) -> None:
        place, rotated = 0, self.content.index(b"\n", len(self.content) // 4) + 1
        while place < len(self.content):
            size = self.rng.randint(1, 8000)
            if place < rotated:
                size = min(size, rotated - place)
            for _ in range(size // 1000 + 1):
                self.may_grow.acquire()
            with self.path.open("ab") as file:
                file.write(self.content[place : place + size])
            place += size
            if place == rotated:
                self.may_rotate.acquire()
                self.path.rename(self.path.with_suffix(".1"))
            time.sleep(0.002)


def inode_read(state: Path) -> int:
    """Of the file that a state says is read."""
    return json.loads(pl.read_parquet_metadata(state)["seqlab_detect"])["source"]["inode"]


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.soak)])
def test_killed_at_any_moment_no_alert_is_lost_and_none_is_new(
    kills: int, start: Callable[..., Any], export: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    rng = random.Random(kills)
    path = export(threshold=3.3)
    whole = start("detect", path, sample_log.log, "--json", "--output", tmp_path / "whole.jsonl")
    log, output, state = tmp_path / "grow.log", tmp_path / "alerts.jsonl", tmp_path / "watch.state"
    arguments = (path, log, "--json", "--output", output, "--state", state, "--idle", "100000")
    writer = GrowingLog(sample_log.log.read_bytes(), log, rng)
    writer.start()
    first = log.stat().st_ino
    for kill in range(kills):
        process = start("detect", *arguments, "--follow")
        then = state.stat().st_mtime_ns if state.exists() else 0
        process.wait_until(lambda then=then: state.exists() and state.stat().st_mtime_ns != then)
        writer.grow(kills + 1)
        if kill == kills // 2:  # a rotation that nobody sees loses what the old file held more
            writer.may_rotate.release()
            process.wait_until(lambda: inode_read(state) != first)
        time.sleep(rng.random() * 0.5)
        assert process.end(signal.SIGKILL) == -signal.SIGKILL
        with output.open("ab") as file:  # a write that the kill tore
            file.write(b'{"kind": "alert", "id": "12'[: rng.randint(0, 27)])
    writer.grow(1)
    writer.join()
    assert output.stat().st_size > 0

    last = start("detect", *arguments, "--close")  # to the end of the log, and all blocks closed
    assert last.end() == 0, last.said
    assert whole.end() == 0, whole.said
    expected = told(tmp_path / "whole.jsonl")
    assert len(expected) > 30
    assert told(output) == expected
    summary = json.loads(last.said.splitlines()[-1])
    assert summary["lines"] == summary["events"] == len(sample_log.lines)
    assert (summary["blocks"], summary["alerts"]) == (400, len(expected))
