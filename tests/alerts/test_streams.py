"""Real processes whose log is a pipe, or whose standard streams are full, closed or left."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def shell(root: Path) -> Shell:
    """``seqlab detect ARGUMENTS`` in a shell, and what follows it there."""

    def run(*arguments: str | Path, then: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        words = shlex.join([sys.executable, "-m", "seqlab.cli", "detect", *map(str, arguments)])
        return subprocess.run(
            ["bash", "-c", f"{words} {then}"],
            env=os.environ | {"PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_pipe_with_a_name_is_read_like_a_pipe(
    shell: Shell, export: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    path, fifo = export(), tmp_path / "fifo"
    expected = {
        json.loads(line)["block"] for line in shell(path, sample_log.log, "--json").stdout.splitlines()
    }
    assert expected
    os.mkfifo(fifo)
    threading.Thread(target=fifo.write_bytes, args=(sample_log.log.read_bytes(),), daemon=True).start()
    done = shell(path, fifo, "--json")
    assert done.returncode == 0, done.stderr
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    assert {alert["block"] for alert in alerts} == expected
    assert {line["file"] for alert in alerts for line in alert["lines"]} == {str(fifo)}
    assert all(line["text"] for alert in alerts for line in alert["lines"])
    done = shell(path, "--json", then=f"<(cat {sample_log.log}) <&-")  # of the shell; without standard input
    assert {json.loads(line)["block"] for line in done.stdout.splitlines()} == expected
    done = shell(path, fifo, "--state", tmp_path / "state")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "a pipe cannot be gone on with" in done.stderr


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ("> /dev/full", "standard output: cannot be written: No space left on device"),
        (">&-", "standard output is closed: give --output FILE"),
    ],
)
def test_standard_output_that_takes_nothing_is_one_message(
    then: str, words: str, shell: Shell, export: Callable[..., Path], sample_log: Any
) -> None:
    done = shell(export(), sample_log.log, then=then)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: {words}")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_without_standard_input_there_is_no_log_in_it(shell: Shell, export: Callable[..., Path]) -> None:
    done = shell(export(), "-", then="<&-")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "standard input is closed" in done.stderr


@pytest.mark.parametrize("then", ["2> /dev/full", "2>&-"])
def test_notices_that_nobody_can_read_end_no_watch_and_mix_into_no_alerts(
    then: str, shell: Shell, export: Callable[..., Path], sample_log: Any
) -> None:
    done = shell(export(), sample_log.log, "--json", then=then)
    assert done.returncode == 0
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    assert {alert["kind"] for alert in alerts} == {"alert"}


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_ends_it_quietly(
    unbuffered: str, export: Callable[..., Path], sample_log: Any, root: Path
) -> None:
    path = export(threshold=-1.0)
    environment = {"PYTHONPATH": str(root / "src"), "PYTHONUNBUFFERED": unbuffered, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "seqlab.cli", "detect", str(path), str(sample_log.log)],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"ALERT ")
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait() == 0
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert "BrokenPipe" not in said
    assert "  alerts " not in said  # it did not go on to its end
