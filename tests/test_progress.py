"""A line and bars move on a terminal; pipes stay as they are."""

import io
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqlab import progress
from seqlab.logs.output import line_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    found = Terminal()
    # pytest puts a stderr of its own into sys before the test is called
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=found, modules=sys.modules))
    monkeypatch.setenv("TERM", "xterm")
    return found


def test_a_line_moves_until_it_is_cleared(terminal: Terminal) -> None:
    progress.show("loading")
    limit = time.monotonic() + 30
    while "/ loading" not in terminal.getvalue() and time.monotonic() < limit:
        time.sleep(0.02)
    progress.clear()
    written = terminal.getvalue()
    assert "| loading 0 s\r" in written
    assert "/ loading" in written
    assert written.endswith("\r\x1b[K")
    progress.clear()
    assert terminal.getvalue() == written


def test_pipes_and_other_processes_of_a_run_get_nothing(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    items = [1, 2]
    progress.show("loading")
    assert progress.track(items, "judging") is items
    monkeypatch.delenv("LOCAL_RANK")
    monkeypatch.setattr(progress.sys, "stderr", io.StringIO())
    assert progress.track(items, "judging") is items
    assert terminal.getvalue() == ""


def test_a_step_has_a_bar_with_the_time_left_once_it_takes_long(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(progress.track(range(3), "judging")) == [0, 1, 2]
    assert "judging" not in terminal.getvalue()
    monkeypatch.setattr(progress, "DELAY", 0.001)
    for _ in progress.track(range(3), "judging"):
        time.sleep(0.2)
    assert "judging: " in terminal.getvalue()
    assert "batches" in terminal.getvalue()


def test_the_line_stays_away_while_a_bar_is_shown(terminal: Terminal) -> None:
    with progress.bar("training", 5, delay=0) as bar:
        bar.update(1)
        progress.show("loading")
        time.sleep(3 * progress.EVERY)
        assert "loading" not in terminal.getvalue()
    limit = time.monotonic() + 30
    while "loading" not in terminal.getvalue() and time.monotonic() < limit:
        time.sleep(0.02)
    progress.clear()
    assert "loading" in terminal.getvalue()


def test_bars_of_bytes_look_like_the_others_and_pipes_get_none(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "some.log"
    log.write_bytes(b"x" * 2_000_000)
    monkeypatch.setattr(progress, "DELAY", 0)
    with line_progress([str(log)]) as update:
        time.sleep(0.2)  # tqdm draws ten times a second
        update(1234, 1_000_000)
    assert "parsing:  50%|" in terminal.getvalue()
    assert "1.00M/2.00M" in terminal.getvalue()
    assert "1,234 lines" in terminal.getvalue()
    monkeypatch.setattr(progress.sys, "stderr", pipe := io.StringIO())
    with line_progress([str(log)]) as update:
        update(1234, 1_000_000)
    assert pipe.getvalue() == ""
