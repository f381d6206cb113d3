"""``seqlab parse`` into a folder that another process parses into, or where nothing can be written."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from seqlab.cli import main
from seqlab.data.samples.hdfs_blocks import simulate_blocks
from seqlab.data.samples.hdfs_log import write_log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6,000 lines."""
    folder = tmp_path_factory.mktemp("log")
    write_log(simulate_blocks(300, 0.05, 3), folder / "hdfs.log", folder / "labels.csv")
    return folder / "hdfs.log"


@pytest.fixture
def first(log: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that parses into ``out`` and waits for the second half of the log."""
    command = [sys.executable, "-m", "seqlab.cli", "parse", "-", "--output", str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        content = log.read_bytes()
        process.stdin.write(content[: len(content) // 2])
        process.stdin.flush()
        while not (tmp_path / "out/.unfinished").exists():
            assert process.poll() is None
            time.sleep(0.002)
        yield process
        process.kill()


def test_a_second_parse_into_the_same_folder_is_refused_and_harms_nothing(
    log: Path,
    tmp_path: Path,
    first: subprocess.Popen[bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for more in ([], ["--overwrite"]):
        assert main(["parse", str(log), "--output", str(tmp_path / "out"), *more]) == 2
        error = capsys.readouterr().err
        assert "out: another seqlab parse is writing there; wait for it, or give another --output" in error
        assert error.count("\n") == 1
    content = log.read_bytes()
    first.communicate(content[len(content) // 2 :], timeout=60)
    assert first.returncode == 0
    assert main(["parse", str(log), "--output", str(tmp_path / "alone")]) == 0
    found = [pl.read_parquet(tmp_path / name / "sessions.parquet") for name in ("out", "alone")]
    assert found[0].equals(found[1])
    assert not (tmp_path / "out/.unfinished").exists()


def test_a_killed_parse_keeps_nobody_out(log: Path, tmp_path: Path, first: subprocess.Popen[bytes]) -> None:
    first.kill()
    first.wait()
    assert (tmp_path / "out/.unfinished").exists()
    assert main(["parse", str(log), "--output", str(tmp_path / "out")]) == 0
    assert not (tmp_path / "out/.unfinished").exists()


def test_a_folder_that_cannot_be_written_is_one_message(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.unfinished").write_text("a file of somebody's")
    assert main(["parse", str(log), "--output", str(tmp_path / "out")]) == 2
    assert "out: cannot be written: File exists" in capsys.readouterr().err
    assert (tmp_path / "out/.unfinished").read_text() == "a file of somebody's"
    for more in ([], ["--overwrite"]):
        assert main(["parse", str(log), "--output", str(log), *more]) == 2
        assert "hdfs.log is a file: give a folder" in capsys.readouterr().err
