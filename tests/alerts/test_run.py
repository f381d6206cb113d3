"""A real process that follows a log says what people should know of it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def said(process: Any, kind: str) -> list[dict[str, Any]]:
    lines = process.said.splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    return [notice for notice in found if notice["kind"] == kind]


def test_a_followed_log_is_reported_on_closed_when_idle_and_left_in_order(
    start: Callable[..., Any], export: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    log = tmp_path / "grow.log"
    lines = sample_log.lines
    log.write_text("\n".join(lines[:3000]) + "\nhalf a li")
    process = start(
        *("detect", "--onnx", export(score="combined", threshold=-1.0), log, "--follow", "--json"),
        *("--report", "0.3", "--stall", "1", "--idle", "400"),
    )
    process.wait_until(lambda: bool(said(process, "report")))
    report = said(process, "report")[0]
    assert report["bytes_behind"] == 0
    assert report["open_blocks"] > 50
    assert report["events_per_second"] > 0
    process.wait_until(lambda: bool(said(process, "stalled")))
    assert len(said(process, "stalled")) == 1
    with log.open("a") as file:
        file.write("ne\n" + "\n".join(lines[3000:3001]) + "\n")
    process.wait_until(lambda: bool(said(process, "resumed")))
    log.rename(tmp_path / "grow.log.1")
    log.write_text("\n".join(lines[3001:3101]) + "\n")
    process.wait_until(lambda: bool(said(process, "rotated")))
    log.write_text("\n".join(lines[3101:3111]) + "\n")
    process.wait_until(lambda: bool(said(process, "truncated")))
    later = lines[3111].replace("081109 20", "081109 23")  # hours later by the log's own time
    with log.open("a") as file:
        file.write("\n".join([later] * 60) + "\n")
    process.wait_until(lambda: process.stdout.read_text().count("\n") > 50)
    assert process.end(signal.SIGINT) == 0
    (summary,) = said(process, "summary")
    assert summary["lines"] == 3000 + 1 + 1 + 100 + 10 + 60
    assert summary["skipped"] == 1  # half a line
    assert summary["open_blocks"] > 0
    alerts = [json.loads(line) for line in process.stdout.read_text().splitlines()]
    assert {alert["reason"] for alert in alerts} == {"idle"}
    assert all(line["text"] for alert in alerts for line in alert["lines"])  # rotated away and truncated


def test_silence_closes_blocks_while_somebody_watches(
    start: Callable[..., Any], export: Callable[..., Path], sample_log: Any
) -> None:
    process = start(
        *("detect", "--onnx", export(score="combined", threshold=-1.0), "-", "--follow", "--json"),
        *("--idle", "1", "--report", "0"),
    )
    first = sample_log.lines[0]
    process.popen.stdin.write(f"{first}\n")
    process.popen.stdin.flush()
    process.wait_until(lambda: process.stdout.read_text().endswith("\n"))
    (alert,) = (json.loads(line) for line in process.stdout.read_text().splitlines())
    assert (alert["reason"], alert["events"], alert["lines"][0]["text"]) == ("idle", 1, first)
    assert process.end() == 0  # its input ends
    assert said(process, "summary")[0]["open_blocks"] == 0


def test_a_followed_log_without_events_is_told_of_once(
    start: Callable[..., Any], export: Callable[..., Path], tmp_path: Path
) -> None:
    log = tmp_path / "other.log"
    log.write_text("Dec 10 06:55:46 LabSZ sshd[1]: hello\n" * 12_000)
    process = start("detect", export(), log, "--follow", "--json", "--report", "0.1")
    process.wait_until(lambda: bool(said(process, "report")))
    with log.open("a") as file:
        file.write("again\n" * 12_000)
    process.wait_until(lambda: said(process, "report")[-1]["skipped"] == 24_000)
    assert process.end(signal.SIGINT) == 0
    (notice,) = said(process, "no_events")
    assert notice["lines"] >= 10_000
    assert "format hdfs" in notice["expected"]


@pytest.mark.parametrize("where", ["file", "pipe"])
def test_silence_closes_blocks_of_a_busy_log_without_times(
    where: str, start: Callable[..., Any], export: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    log = tmp_path / "grow.log"
    log.touch()
    process = start(
        *("detect", "--onnx", export(score="combined", threshold=-1.0), log if where == "file" else "-"),
        *("--follow", "--json", "--idle", "1", "--report", "0"),
    )
    line = sample_log.lines[0].replace("081109 ", "081399 ", 1)  # no month 13
    block = next(word for word in line.split() if word.startswith("blk_"))
    with log.open("a", buffering=1) if where == "file" else process.popen.stdin as file:
        file.write(f"{line}\n")
        file.flush()

        def write_more() -> bool:
            file.write(f"{line.replace(block, 'blk_77')}\n")
            file.flush()
            return bool(process.stdout.read_text())

        process.wait_until(write_more)
        alert = json.loads(process.stdout.read_text().splitlines()[0])
        assert (alert["block"], alert["reason"], alert["events"]) == (block, "idle", 1)
        assert alert["first_time"] is None
    if where == "file":
        assert process.end(signal.SIGINT) == 0
    else:
        process.popen.stdin = None
        assert process.end() == 0
