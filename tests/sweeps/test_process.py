"""Processes of trials: what they are given, and that none outlives its sweep."""

import importlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seqlab.sweeps import trials

PROGRAM = """
import json, os, subprocess, sys, time
child = subprocess.Popen(["sleep", "100"])
print(json.dumps([os.getpid(), child.pid, os.environ["COLOR"], sys.argv[1], __name__]), flush=True)
time.sleep(100)
"""
SWEEP = """
import sys, time
from multiprocessing import get_context
from pathlib import Path
from seqlab.sweeps import trials
if __name__ == "__main__":
    program, log = map(Path, sys.argv[1:])
    trials.start_program(get_context("forkserver"), program, ["a=1"], {"COLOR": "red"}, log)
    time.sleep(100)
"""


def said(log: Path) -> list[object]:
    """What the program above has printed."""
    deadline = time.monotonic() + 60
    while not (log.exists() and log.read_text(encoding="utf-8").endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return json.loads(log.read_text(encoding="utf-8"))


def has_ended(pid: object) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        listed = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        if not listed.stdout.strip() or listed.stdout.startswith("Z"):
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_process_ends_with_all_that_it_started(program: Path, method: str) -> None:
    log = program.with_name("log")
    context = multiprocessing.get_context(method)
    running = trials.start_program(context, program, ["a=1"], {"COLOR": "red"}, log)
    pid, child, color, override, name = said(log)
    assert (pid, color, override, name) == (running.pid, "red", "a=1", "__main__")
    trials.end_program(running)
    assert running.exitcode == -signal.SIGKILL
    assert has_ended(child)


@pytest.mark.parametrize(
    ("program_text", "code", "last"),
    [
        ("import sys; sys.exit(3)", 3, None),
        ("raise ValueError('no')", 1, "ValueError: no"),
        ("import os; os.abort()", -signal.SIGABRT, None),
        ("print('한')", 0, "한"),
    ],
)
def test_how_a_program_ends_is_known(tmp_path: Path, program_text: str, code: int, last: str | None) -> None:
    (tmp_path / "program.py").write_text(program_text, encoding="utf-8")
    context = multiprocessing.get_context("forkserver")
    running = trials.start_program(context, tmp_path / "program.py", [], {}, tmp_path / "log")
    running.join()
    assert running.exitcode == code
    if last is not None:
        assert (tmp_path / "log").read_text(encoding="utf-8").splitlines()[-1] == last


def test_of_a_killed_sweep_no_trial_stays(program: Path, root: Path) -> None:
    sweep, log = program.with_name("sweep.py"), program.with_name("log")
    sweep.write_text(SWEEP, encoding="utf-8")
    running = subprocess.Popen(
        [sys.executable, str(sweep), str(program), str(log)],
        env=os.environ | {"PYTHONPATH": str(root / "src")},
    )
    pid, child, *_ = said(log)
    running.kill()
    running.wait()
    assert has_ended(pid)
    assert has_ended(child)


def test_what_is_imported_beforehand_exists() -> None:
    for name in trials.PRELOAD:
        importlib.import_module(name)


def test_macos_starts_processes_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setattr("sys.platform", "darwin")
    assert trials.trial_context(2, []).get_start_method() == "spawn"
    assert os.environ["OMP_NUM_THREADS"] == "2"
