"""``seqlab detect --labels``: figures of a new labelled log."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.alerts.labelled import LabelledSessions
from seqlab.cli import main

Detect = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture
def abnormal(sample_log: Any) -> dict[str, bool]:
    """Whether each block of the log is abnormal."""
    with sample_log.log.with_name("labels.csv").open() as file:
        return {row["BlockId"]: row["Label"] == "Anomaly" for row in csv.DictReader(file)}


def write_labels(path: Path, abnormal: dict[str, bool]) -> Path:
    rows = [f"{block},{'Anomaly' if bad else 'Normal'}\n" for block, bad in abnormal.items()]
    path.write_text("BlockId,Label\n" + "".join(rows))
    return path


@pytest.mark.parametrize("score", ["nll_max", "nll_mean"])  # alerts of open blocks, and of closed ones alone
def test_the_figures_are_those_of_the_alerts_and_the_labels(
    score: str,
    detect: Detect,
    checkpoint: Callable[..., Path],
    sample_log: Any,
    abnormal: dict[str, bool],
    tmp_path: Path,
) -> None:
    left_out = [*abnormal][:10]
    known = {block: bad for block, bad in abnormal.items() if block not in left_out}
    labels = write_labels(tmp_path / "labels.csv", known | dict.fromkeys(["blk_1", "blk_2", "blk_3"], True))
    code, written, said = detect(checkpoint(score=score), sample_log.log, "--labels", labels)
    assert code == 0
    alerts = {alert["block"] for alert in written[:-1]}
    found, false_alarms = (sum(known.get(block) is bad for block in alerts) for bad in (True, False))
    num_bad = sum(known.values())
    assert found > 0
    expected = {
        "recall": found / num_bad,
        "precision": found / (found + false_alarms),
        "false_positive_rate": false_alarms / (len(known) - num_bad),
        "found": found,
        "missed": num_bad - found,
        "false_alarms": false_alarms,
        "rightly_quiet": len(known) - num_bad - false_alarms,
        "sessions_without_label": 10,
        "labels_without_session": 3,
    }
    assert written[-1] == {"kind": "labels", "file": str(sample_log.log)} | expected
    summary = next(json.loads(line) for line in said.splitlines() if '"kind": "summary"' in line)
    assert summary["labels"] == expected


def test_a_block_that_is_read_in_parts_counts_once(
    detect: Detect,
    checkpoint: Callable[..., Path],
    sample_log: Any,
    abnormal: dict[str, bool],
    tmp_path: Path,
) -> None:
    labels = write_labels(tmp_path / "labels.csv", abnormal)
    code, written, said = detect(checkpoint(), sample_log.log, "--labels", labels, "--idle", "5")
    assert code == 0
    summary = next(json.loads(line) for line in said.splitlines() if '"kind": "summary"' in line)
    assert summary["blocks"] > len(abnormal)
    counts = [written[-1][name] for name in ("found", "missed", "false_alarms", "rightly_quiet")]
    assert sum(counts) == len(abnormal)
    assert counts[0] + counts[2] == len({alert["block"] for alert in written[:-1]})


def test_a_rate_of_no_session_is_none(tmp_path: Path) -> None:
    labelled = LabelledSessions(write_labels(tmp_path / "labels.csv", {"a": False, "b": False}))
    labelled.judged("a", is_alert=True)
    labelled.judged("a", is_alert=False)
    labelled.judged("b", is_alert=False)
    figures = labelled.figures()
    assert (figures["recall"], figures["precision"], figures["false_positive_rate"]) == (None, 0.0, 0.5)
    assert (figures["false_alarms"], figures["rightly_quiet"]) == (1, 1)


def test_people_read_them_below_the_summary(
    checkpoint: Callable[..., Path], sample_log: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = sample_log.log.with_name("labels.csv")
    assert main(["detect", str(checkpoint()), str(sample_log.log), "--labels", str(labels)]) == 0
    out, said = capsys.readouterr()
    assert "kind" not in out
    rows = [line.split() for line in said.splitlines()]
    assert ["against", str(labels)] in rows
    assert ["sessions", "without", "label", "0"] in rows
    assert any(row[0] == "recall" and 0 < float(row[1]) <= 1 for row in rows)


def test_labels_of_another_log_say_what_to_give(
    detect: Detect, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    labels = write_labels(tmp_path / "labels.csv", {"node-1": True})
    code, written, said = detect(checkpoint(), sample_log.log, "--labels", labels)
    assert code == 2
    assert all(alert["kind"] == "alert" for alert in written)
    error = said.splitlines()[-1]
    assert error.startswith(f"error: --labels {labels}: labels none of the 400 sessions")
    for word in ("it names node-1", "the log blk_", "BlockId,Label", "give the labels of this log"):
        assert word in error


def test_mistakes_are_said_before_the_log_is_read(
    refused: Callable[..., str], checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    labels = sample_log.log.with_name("labels.csv")
    given = (checkpoint(), sample_log.log, "--labels")
    for more in (("--follow",), ("--state", tmp_path / "state")):
        assert "leave --follow and --state out" in refused(*given, labels, *more)
    assert "--labels is the same file as the log" in refused(*given, sample_log.log)
    assert "no such file" in refused(*given, tmp_path / "none.csv")
    assert "labelled twice" in refused(*given, _twice(tmp_path / "twice.csv"))


def _twice(path: Path) -> Path:
    path.write_text("BlockId,Label\nblk_1,Normal\nblk_1,Anomaly\n")
    return path
