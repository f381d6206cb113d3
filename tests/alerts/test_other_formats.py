"""Logs without a year, with the year 0, and with windows of time for sessions."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import main

EVENTS = (
    "Invalid user webmaster from {}",
    "Connection closed by {} [preauth]",
    "Failed password for {} port 22",
)


@pytest.fixture
def parsed(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """A log of such lines, and what ``seqlab parse`` made of it."""

    def make(lines: list[str], *options: str) -> tuple[Path, Path]:
        log, folder = tmp_path / "other.log", tmp_path / "parsed"
        log.write_text("\n".join(lines) + "\n")
        assert main(["parse", str(log), "--output", str(folder), *options]) == 0
        return log, folder

    return make


@pytest.fixture
def bare_export(export: Callable[..., Path]) -> Callable[..., Path]:
    """An exported network that was trained on bare keys, as it were: it has no parser of its own."""

    def make(**choices: Any) -> Path:
        folder = export(**choices)
        settings = json.loads((folder / "settings.json").read_text())
        del settings["data"]["parser"]
        (folder / "settings.json").write_text(json.dumps(settings))
        return folder

    return make


def alerts(export: Path, log: Path, parser: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["detect", "--onnx", str(export), str(log), "--parser", str(parser), "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_log_without_a_year_shows_none(
    parsed: Any, bare_export: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        f"Dec {day:>2} 06:55:4{second} LabSZ sshd[{day}]: {EVENTS[second % 3].format('10.0.0.1')}"
        for day in range(1, 20)
        for second in range(5)
    ]
    log, folder = parsed(lines, "--format", "openssh")
    exported = bare_export(threshold=-1.0)
    found = alerts(exported, log, folder, capsys)
    assert len(found) == 19
    times = {alert["block"]: (alert["first_time"], alert["last_time"]) for alert in found}
    assert times["5"][0] == "Dec  5 06:55:40"
    assert "1972" not in str(times)
    assert times["12"][0] == "Dec 12 06:55:40"
    options = ["--log", str(log), "--parser", str(folder), "--json"]
    assert main(["explain", "--onnx", str(exported), "5", *options]) == 0
    shown = capsys.readouterr().out
    assert json.loads(shown)["events"][1]["time"] == "Dec  5 06:55:41"


def test_the_year_0_is_a_year(
    parsed: Any, bare_export: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        f"{year} 12-10 06:55:4{second} job_{block} {EVENTS[second % 3].format('10.0.0.1')}"
        for block, year in enumerate(["2008", "0000", "9999"] * 5)
        for second in range(5)
    ]
    options = (
        *("--format", "regex", "--header", r"^(?P<time>\d{4} \d\d-\d\d \d\d:\d\d:\d\d) job_\d+ "),
        *("--time-format", "%Y %m-%d %H:%M:%S", "--session", r"job_\d+"),
    )
    log, folder = parsed(lines, *options)
    found = {
        alert["block"]: alert["first_time"]
        for alert in alerts(bare_export(threshold=-1.0), log, folder, capsys)
    }
    assert len(found) == 15
    assert found["job_1"] == "0000-12-10 06:55:40"
    assert found["job_2"] == "9999-12-10 06:55:40"


def test_a_followed_window_of_time_is_not_cut_by_silence_within_it(
    parsed: Any, bare_export: Callable[..., Path], start: Callable[..., Any]
) -> None:
    lines = [
        f"2015-07-{day} {hour:02}:{minute:02} {EVENTS[minute % 3].format('10.0.0.1')}"
        for day in (29, 30)
        for hour in range(24)
        for minute in (0, 1, 30, 59)  # silent for 29 minutes
    ]
    options = (
        *("--format", "regex", "--header", r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d) "),
        *("--time-format", "%Y-%m-%d %H:%M", "--window", "3600"),
    )
    log, folder = parsed(lines, *options)
    output = log.with_name("alerts.jsonl")
    process = start(
        *("detect", "--onnx", bare_export(score="combined", threshold=-1.0), log, "--parser", folder),
        *("--follow", "--json", "--output", output, "--report", "0.2"),
    )
    process.wait_until(lambda: '"report"' in process.said)
    assert process.end(signal.SIGINT) == 0
    summary = json.loads(process.said.splitlines()[-1])
    assert (summary["events"], summary["blocks"]) == (192, 48)
    closed = [json.loads(line) for line in output.read_text().splitlines()]
    assert {alert["events"] for alert in closed} == {4}
    assert len({alert["block"] for alert in closed}) == len(closed) > 2


def test_a_parser_that_contradicts_the_model_s_own_is_refused(
    parsed: Any, export: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"Dec 10 06:55:46 LabSZ sshd[{number}]: {EVENTS[0].format('10.0.0.1')}" for number in range(9)]
    log, folder = parsed(lines, "--format", "openssh")
    assert main(["detect", "--onnx", str(export()), str(log), "--parser", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "--parser: template 1 is 'Invalid user webmaster from <*>'" in said
    assert "leave --parser out" in said
