from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqlab.cli import main
from seqlab.training.checkpoints import read_checkpoint

GARBAGE = np.random.default_rng(0).bytes(200_000)
Detect = Callable[..., tuple[int, list[dict[str, Any]], str]]


def notices(said: str, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [notice for notice in found if notice["kind"] == kind]


def blocks(alerts: list[dict[str, Any]]) -> list[str]:
    return sorted(alert["block"] for alert in alerts)


def test_a_log_plain_packed_or_piped_gives_the_same_alerts(
    detect: Detect,
    checkpoint: Callable[..., Path],
    sample_log: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = checkpoint()
    code, alerts, said = detect(path, sample_log.log)
    assert code == 0
    assert alerts
    (summary,) = notices(said, "summary")
    assert summary["lines"] == summary["events"] == len(sample_log.lines)
    assert (summary["blocks"], summary["alerts"], summary["skipped"]) == (400, len(alerts), 0)
    assert summary["lines_per_second"] > 0
    packed = tmp_path / "hdfs.log.gz"
    packed.write_bytes(gzip.compress(sample_log.log.read_bytes()))
    code, from_packed, _ = detect(path, packed)
    assert code == 0
    assert blocks(from_packed) == blocks(alerts)
    with sample_log.log.open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        code, from_pipe, _ = detect(path, "-")
    assert code == 0
    assert blocks(from_pipe) == blocks(alerts)
    texts = {alert["block"]: [line["text"] for line in alert["lines"]] for alert in alerts}
    for other in (*from_packed, *from_pipe):
        assert [line["text"] for line in other["lines"]] == texts[other["block"]]
    assert {line["file"] for alert in from_pipe for line in alert["lines"]} == {"stdin"}


def test_text_for_people(
    checkpoint: Callable[..., Path], sample_log: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(checkpoint()), str(sample_log.log)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("ALERT blk_")
    assert "nll_max" in out
    assert "most surprising: event" in out
    assert "  > " in out
    assert f"{sample_log.log} @" in out
    rows = [line.split() for line in err.splitlines()]
    assert ["blocks", "400"] in rows
    assert ["events", f"{len(sample_log.lines):,}"] in rows
    assert any(row[:2] == ["alerts", str(out.count("ALERT "))] for row in rows)


def test_bad_lines_are_skipped_counted_and_named(
    detect: Detect, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    lines = [line.encode() for line in sample_log.lines]
    bad = {
        10: b"\x00\xff\xfe\x80binary\x01",
        50: b"081109 203518 35 INFO dfs: " + b"x" * 1_000_000,
        51: b"no header at all",
        90: "081109 203518 35 INFO dfs.Fs: ümläut without a session".encode("latin-1"),
        91: b"",
        120: b"081109 203518 35 INFO dfs.FSNamesystem: no session here",
    }
    for place, line in bad.items():
        lines.insert(place, line)
    log = tmp_path / "bad.log"
    log.write_bytes(b"\r\n".join(lines) + b"\r\n" + b"\x89PNG\r\n\x1a\x00" * 3)
    code, alerts, said = detect(checkpoint(), log)
    assert code == 0
    assert "Traceback" not in said
    named = {notice["line"]: notice["reason"] for notice in notices(said, "skipped_line")}
    assert {line: reason.split(" ")[0] for line, reason in named.items() if line <= 121} == {
        11: "not",
        51: "too",
        52: "no",
        91: "not",
        92: "no",
        121: "no",
    }
    (summary,) = notices(said, "summary")
    assert summary["events"] == len(sample_log.lines)
    assert (
        summary["skipped"]
        == summary["lines"] - summary["events"]
        == sum(summary["skipped_by_reason"].values())
    )
    assert blocks(alerts) == blocks(detect(checkpoint(), sample_log.log)[1])


@pytest.mark.parametrize("content", [b"\n", b"\x00" * 300_000, b"just words\n" * 50, b"\xff"])
def test_a_log_without_any_event_ends_in_a_summary_and_an_error_that_shows_what_came(
    content: bytes, detect: Detect, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    log = tmp_path / "garbage"
    log.write_bytes(content)
    code, alerts, said = detect(checkpoint(), log)
    assert (code, alerts) == (2, [])
    (summary,) = notices(said, "summary")
    assert summary["events"] == summary["blocks"] == 0
    assert summary["skipped"] == summary["lines"] > 0
    error = said.splitlines()[-1]
    assert error.startswith(f"error: {log}: none of {summary['lines']:,} lines is an event")
    assert r"format hdfs: lines with the header '^(?P<time>\d{6} \d{6})" in error
    assert r"session 'blk_-?\d+'" in error
    first = notices(said, "skipped_line")[0]
    assert f": line 1 is {first['text'].split(': ')[-1]}" in error
    assert "Traceback" not in said


def test_a_log_that_is_no_text_is_refused(
    detect: Detect, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    log = tmp_path / "garbage"
    log.write_bytes(GARBAGE)
    code, alerts, said = detect(checkpoint(), log)
    assert (code, alerts) == (2, [])
    assert said.startswith(f"error: {log} holds no lines of text")
    assert said.count("\n") == 1


def test_an_empty_log_is_no_error(detect: Detect, checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    log = tmp_path / "empty"
    log.touch()
    code, alerts, said = detect(checkpoint(), log)
    assert (code, alerts) == (0, [])
    assert notices(said, "summary")[0]["lines"] == 0


def test_an_unseen_message_is_an_alert_with_its_line(
    detect: Detect, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    block = next(word for word in sample_log.lines[0].split() if word.startswith("blk_"))
    header = " ".join(sample_log.lines[0].split()[:5])
    fresh = [f"{header} Disk {number} lost {block} for ever and ever" for number in range(3)]
    log = tmp_path / "log"
    log.write_text("\n".join([*sample_log.lines[:30], *fresh, *sample_log.lines[30:60]]) + "\n")
    code, alerts, _ = detect(checkpoint(), log)
    assert code == 0
    alert = next(alert for alert in alerts if alert["block"] == block)
    assert alert["surprise"]["unseen"]
    assert alert["lines"][-1]["text"] == fresh[0]
    assert alert["status"] == "open"


def test_drift_is_said_when_unseen_keys_become_many(
    detect: Detect, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    changed = [line.replace("terminating", "is closing now") for line in sample_log.lines[4000:]]
    log = tmp_path / "log"
    log.write_text("\n".join([*sample_log.lines[:4000], *changed]) + "\n")
    code, _, said = detect(checkpoint(), log)
    assert code == 0
    (drift,) = notices(said, "drift")
    assert drift["share"] > 0.01
    assert "is closing now" in drift["example"]
    usual = read_checkpoint(checkpoint())["seqlab"]["judge"]["unseen_share"]
    assert drift["usual"] == usual
    assert drift["bound"] == pytest.approx(usual + 0.01)
    assert not notices(detect(checkpoint(), sample_log.log)[2], "drift")
    assert notices(detect(checkpoint(), sample_log.log, "--drift-share", "0")[2], "drift")


def test_a_checkpoint_of_bare_keys_asks_for_a_parser_and_takes_one(
    detect: Detect, checkpoint: Callable[..., Path], sample_log: Any
) -> None:
    path = checkpoint(f"data.normal={sample_log.sessions}", threshold=3.0)
    code, _, said = detect(path, sample_log.log)
    assert code == 2
    assert "seqlab parse" in said
    assert "data.sessions=" in said
    code, alerts, said = detect(path, sample_log.log, "--parser", sample_log.parsed)
    assert code == 0
    assert notices(said, "summary")[0]["events"] == len(sample_log.lines)
    assert alerts[0]["surprise"]["template"] or alerts[0]["surprise"]["key"] == "<eos>"
    assert detect(path, sample_log.log, "--parser", sample_log.parsed / "parse.json")[1] == alerts


def test_mistakes_are_one_message(
    detect: Detect, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    path, log = checkpoint(), sample_log.log
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(b"x\n"))
    foreign = tmp_path / "state"
    foreign.write_bytes(b"something else")
    for arguments, words in [
        ((path, tmp_path / "none.log"), "no such file"),
        ((path, tmp_path), "is a folder"),
        ((tmp_path / "none.ckpt", log), "no such checkpoint"),
        ((path, log, "--idle", "-1"), "--idle -1"),
        ((path, log, "--idle", "inf"), "--idle inf: give 0 to 1e+09"),
        ((path, log, "--idle", "nan"), "--idle nan"),
        ((path, log, "--output", tmp_path / ("x" * 300)), "File name too long"),
        ((path, log, "--max-open", "0"), "--max-open 0"),
        ((path, log, "--drift-share", "2"), "--drift-share 2"),
        ((path, packed, "--follow"), "--follow"),
        ((path, "-", "--state", tmp_path / "s"), "standard input"),
        ((path, log, "--output", tmp_path / "no/out"), "in a folder that exists"),
        ((path, log, "--output", tmp_path), "give the name of a file"),
        ((path, log, "--state", foreign), "not a state of seqlab detect"),
        ((path, log, "--onnx"), "no export"),
        ((path, log, "--onnx", "--trust", "mylab"), "an export names no code"),
        ((path, log, "--parser", tmp_path), "no such file"),
    ]:
        code, alerts, said = detect(*arguments)
        assert (code, alerts) == (2, []), arguments
        assert words in said, said
        assert said.count("\n") == 1
        assert "Traceback" not in said


def test_a_broken_packed_log_is_scored_as_far_as_it_goes(
    detect: Detect, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    packed = tmp_path / "hdfs.log.gz"
    content = gzip.compress(sample_log.log.read_bytes())
    packed.write_bytes(content[: len(content) * 2 // 3])
    code, alerts, said = detect(checkpoint(), packed)
    assert code == 2
    assert alerts
    assert "broken after byte" in said.splitlines()[-1]
    assert 0 < notices(said, "summary")[0]["events"] < len(sample_log.lines)
