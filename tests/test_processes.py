"""What tests/processes.py forks is a process like any other."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import atexit, os, sys, time
atexit.register(print, "bye")
print(os.getpid(), os.getcwd(), sys.argv, __name__, os.environ.get("COLOR"), flush=True)
word = sys.stdin.readline().strip()
if word == "wait":
    time.sleep(60)
if word == "fail":
    raise ValueError("no")
sys.exit(int(word))
"""


@pytest.fixture
def started(python: Any, tmp_path: Path) -> Any:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environment = os.environ | {"COLOR": "red"}
    with python.popen("program.py", "a", cwd=tmp_path, env=environment, text=True, **streams) as process:
        expected = f"{process.pid} {tmp_path} ['program.py', 'a'] __main__ red\n"
        assert process.stdout.readline() == expected
        assert process.poll() is None
        yield process


def test_its_exit_code_and_what_it_does_at_its_end(started: Any) -> None:
    assert started.communicate("3\n", timeout=60) == ("bye\n", "")
    assert (started.returncode, started.poll()) == (3, 3)


def test_an_error_is_a_traceback(started: Any) -> None:
    said = started.communicate("fail\n", timeout=60)[1]
    assert started.returncode == 1
    assert said.startswith("Traceback")
    assert said.endswith("ValueError: no\n")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_signals_reach_it(started: Any, number: int) -> None:
    started.stdin.write("wait\n")
    started.stdin.flush()
    started.send_signal(number)
    started.communicate(timeout=60)
    assert started.returncode == -number


def test_a_module_runs_as_the_main_program(python: Any, tmp_path: Path) -> None:
    done = python.run("-m", "seqlab.cli", "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: seqlab ")


def test_what_is_read_at_start_up_cannot_be_asked_for(python: Any) -> None:
    with pytest.raises(AssertionError, match="PYTHONDEVMODE: start a cold process"):
        python.run("-m", "seqlab.cli", "--help", env=os.environ | {"PYTHONDEVMODE": "1"})
