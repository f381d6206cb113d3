"""A watch is started again while its log is away: rotation has renamed it, and made no new one yet."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.watching.tail import FileSource
from tests.watching.test_tail import append, log, read_all

__all__ = ["log"]


def test_a_restart_without_the_log_begins_with_the_rotated_file(log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    state = source.state()
    append(log, "b\n")
    log.rename(log.with_name("app.log.1"))
    source = FileSource(str(log), follow=True, state=state)
    assert read_all(source) == ["b"]
    assert [kind for kind, _ in source.news()] == ["rotated", "missing"]
    state = source.state()
    source = FileSource(str(log), follow=True, state=state)
    assert read_all(source) == []
    log.write_text("new\n")
    assert read_all(source) == ["new"]


@pytest.mark.parametrize("returns", ["the same", "another", "rotated meanwhile"])
def test_a_restart_without_any_file_waits_and_keeps_its_state(returns: str, log: Path) -> None:
    log.write_text("a\n")
    os.utime(log, (1, 1))
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    state = source.state()
    elsewhere = log.with_name("elsewhere")
    log.rename(elsewhere)
    source = FileSource(str(log), follow=True, state=state)
    assert read_all(source) == []
    assert not source.caught_up()
    assert source.lag().bytes == 0
    assert source.line(0, 0) is None
    assert [kind for kind, _ in source.news()] == ["missing"]  # once
    assert source.state() == state
    append(elsewhere, "b\n")
    if returns == "the same":
        elsewhere.rename(log)
    else:
        log.write_text("new\n")
        if returns == "rotated meanwhile":
            elsewhere.rename(log.with_name("app.log.1"))
    expected = {"the same": ["b"], "another": ["new"], "rotated meanwhile": ["b", "new"]}
    assert read_all(source) == expected[returns]
    said = [kind for kind, _ in source.news()]
    assert said == {"the same": [], "another": ["lost"], "rotated meanwhile": ["rotated", "rotated"]}[returns]


def test_without_following_a_log_that_is_away_stays_an_error(log: Path) -> None:
    log.write_text("a\n")
    state = FileSource(str(log)).state()
    log.rename(log.with_name("app.log.1"))
    with pytest.raises(FileNotFoundError):
        FileSource(str(log), state=state)


def test_a_watch_starts_again_while_its_log_is_away(
    start: Callable[..., Any], export: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    content = sample_log.log.read_bytes()
    half = content.index(b"\n", len(content) // 2) + 1
    path, grow, state = export(threshold=3.3), tmp_path / "grow.log", tmp_path / "state"
    output = tmp_path / "alerts.jsonl"
    arguments = (path, grow, "--json", "--output", output, "--state", state, "--idle", "100000")
    process = start("detect", *arguments, "--follow")
    assert process.end() == 2
    assert "no such file" in process.said  # there is no state yet
    grow.write_bytes(content[:half])
    assert start("detect", *arguments).end() == 0
    grow.rename(tmp_path / "grow.log.1")
    process = start("detect", *arguments)
    assert process.end() == 2
    assert "no such file" in process.said  # it would never come

    process = start("detect", *arguments, "--follow")
    process.wait_until(lambda: '"missing"' in process.said)
    cuts = [content.index(b"\n", half + size) + 1 for size in (100_000, 200_000, 300_000)]
    with (tmp_path / "grow.log.1").open("ab", buffering=0) as late:  # its writer is told late
        late.write(content[half : cuts[0] - 10])
        grow.write_bytes(content[cuts[2] :])
        process.wait_until(lambda: process.said.count('"rotated"') == 2)
        late.write(content[cuts[0] - 10 : cuts[1] - 10])
        written = state.stat().st_mtime_ns
        process.wait_until(lambda: state.stat().st_mtime_ns != written)
        assert process.end(signal.SIGKILL) == -signal.SIGKILL
        late.write(content[cuts[1] - 10 : cuts[2]])
    process = start("detect", *arguments, "--follow")
    written = state.stat().st_mtime_ns
    process.wait_until(lambda: state.stat().st_mtime_ns != written)
    assert process.end(signal.SIGTERM) == 0, process.said
    last = start("detect", *arguments, "--close")
    assert last.end() == 0, last.said
    summary = json.loads(last.said.splitlines()[-1])
    assert summary["lines"] == summary["events"] == len(sample_log.lines)
    assert summary["blocks"] == 400


def test_a_log_that_comes_back_as_something_unreadable_is_waited_for(log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    state = source.state()
    elsewhere = log.rename(log.with_name("elsewhere"))
    source = FileSource(str(log), follow=True, state=state)
    assert read_all(source) == []
    log.mkdir()  # nobody can read it as a file, root included
    assert read_all(source) == []
    assert read_all(source) == []
    assert [kind for kind, _ in source.news()] == ["missing", "unreadable"]  # each once
    assert source.state() == state
    log.rmdir()
    append(elsewhere, "b\n")
    elsewhere.rename(log)
    assert read_all(source) == ["b"]
