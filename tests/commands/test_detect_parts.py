"""One log in parts: ``seqlab detect --state`` again and again, as the log grows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import main
from seqlab.logs.reading import LONGEST_LINE


def summary(said: str) -> dict[str, Any]:
    return json.loads(said.splitlines()[-1])


@pytest.mark.parametrize(("score", "threshold"), [("nll_max", 3.3), ("combined", None)])
def test_parts_give_the_alerts_of_the_whole(
    score: str,
    threshold: float | None,
    detect: Any,
    checkpoint: Callable[..., Path],
    sample_log: Any,
    tmp_path: Path,
) -> None:
    path, log = checkpoint(score=score, threshold=threshold), tmp_path / "hdfs.log"
    content = sample_log.log.read_bytes()
    log.write_bytes(content)
    assert detect(path, log, "--output", tmp_path / "whole")[0] == 0
    arguments = (path, log, "--output", tmp_path / "parts", "--state", tmp_path / "state")
    newline = content.index(b"\n", 700_000)
    log.write_bytes(b"")
    counts = []
    for end in (50, 200_000, newline, newline + 1, 1_000_000, len(content)):  # bytes, most of them in a line
        log.write_bytes(content[:end])
        code, _, said = detect(*arguments)
        assert code == 0, said
        told = summary(said)
        whole = content[:end].rfind(b"\n") + 1
        assert told["lines"] == content[:whole].count(b"\n")
        assert told["skipped"] == 0
        counts.append(told["open_blocks"])
    assert counts[0] == 0
    assert counts[1] > 20
    assert counts[-1] > 20
    code, _, said = detect(*arguments, "--close")
    assert code == 0
    told = summary(said)
    assert (told["open_blocks"], told["new_lines"], told["blocks"]) == (0, 0, 400)

    def alerts(name: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        return sorted(found, key=lambda alert: alert["block"])

    assert len(alerts("whole")) > 5
    assert alerts("parts") == alerts("whole")


def test_the_last_line_without_end_is_read_once_it_is_whole_or_closed(
    detect: Any, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    log = tmp_path / "hdfs.log"
    arguments = (checkpoint(), log, "--state", tmp_path / "state")
    lines, long = sample_log.lines, "x" * (2 * LONGEST_LINE)
    log.write_text(f"{lines[0]}\n{long}")
    told = summary(detect(*arguments)[2])
    assert (told["lines"], told["skipped"]) == (1, 0)
    with log.open("a") as file:
        file.write(f"yz\n{lines[1]}")
    told = summary(detect(*arguments)[2])
    assert (told["lines"], told["skipped"]) == (2, 1)
    code, _, said = detect(*arguments, "--close")
    assert code == 0
    told = summary(said)
    assert (told["lines"], told["events"], told["open_blocks"]) == (3, 2, 0)


def test_the_summary_says_what_is_open_what_is_new_and_what_to_do(
    checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "hdfs.log"
    log.write_text("\n".join(sample_log.lines[:2000]) + "\n" + sample_log.lines[2000][:30])
    arguments = ["detect", str(checkpoint()), str(log), "--state", str(tmp_path / "state")]
    advice = "  open blocks may go on; the last time, run with --close to score them to their end"

    def rows() -> list[str]:
        assert main(arguments) == 0
        return capsys.readouterr().err.splitlines()

    said = rows()
    assert f"  {'lines':<16} {'2,000':>12}" in said
    assert f"  {'new lines':<16} {'2,000':>12}" in said
    assert said[-1] == advice
    said = rows()
    assert f"  {'lines':<16} {'2,000':>12}" in said
    assert f"  {'new lines':<16} {'0':>12}" in said
    log.write_text("\n".join(sample_log.lines[:2010]) + "\n")
    assert f"  {'new lines':<16} {'10':>12}" in rows()
    arguments.append("--close")
    said = rows()
    assert f"  {'open blocks':<16} {'0':>12}" in said
    assert advice not in said


def test_close_does_not_go_with_follow(
    refused: Any, checkpoint: Callable[..., Path], sample_log: Any
) -> None:
    assert "leave one of them out" in refused(checkpoint(), sample_log.log, "--follow", "--close")
