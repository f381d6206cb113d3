"""``seqlab parse`` into a folder that another process parses into, or that one was ended in."""

import json
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
from seqlab.logs.engines import Threads
from seqlab.logs.formats import FORMATS
from seqlab.logs.parse_run import parse
from seqlab.logs.parse_settings import ParseSettings


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


@pytest.mark.parametrize("mistyped", [True, False])
def test_a_second_parse_into_the_same_folder_is_refused_and_harms_nothing(
    log: Path,
    tmp_path: Path,
    first: subprocess.Popen[bytes],
    capsys: pytest.CaptureFixture[str],
    mistyped: bool,
) -> None:
    second = str(tmp_path / "missing.log" if mistyped else log)
    for more in ([], ["--overwrite"], ["--resume"]):
        assert main(["parse", second, "--output", str(tmp_path / "out"), *more]) == 2
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
    for more in ([], ["--resume"], ["--overwrite"]):
        assert main(["parse", str(log), "--output", str(log), *more]) == 2
        assert "hdfs.log is a file: give a folder" in capsys.readouterr().err


@pytest.fixture
def ended(log: Path, tmp_path: Path) -> Path:
    """A folder in which a parse was ended after its first chunk."""
    return ended_early(log, tmp_path / "out")


def ended_early(log: Path, output: Path) -> Path:
    settings = ParseSettings((str(log),), output, FORMATS["hdfs"], chunk_bytes=100_000)
    engine = Threads()

    def stop(lines: int, position: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        parse(settings, engine, report=stop)
    engine.close()
    return output


def test_a_parse_that_was_ended_early_is_replaced_only_when_that_is_said(
    log: Path, tmp_path: Path, ended: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.log"
    wrong.write_text("no header\n" * 20_000)
    before = {path.name: path.read_bytes() for path in (ended / ".unfinished").iterdir()}
    for given in (wrong, log, tmp_path / "missing.log"):
        assert main(["parse", str(given), "--output", str(ended)]) == 2
        error = capsys.readouterr().err
        assert "out holds a parse that was ended early: --resume goes on with it, --overwrite" in error
        assert error.count("\n") == 1
        assert {path.name: path.read_bytes() for path in (ended / ".unfinished").iterdir()} == before
    assert main(["parse", str(tmp_path / "missing.log"), "--output", str(ended), "--overwrite"]) == 2
    assert {path.name: path.read_bytes() for path in (ended / ".unfinished").iterdir()} == before
    assert main(["parse", str(log), "--output", str(ended), "--resume"]) == 0
    assert " of them now in " in capsys.readouterr().out


def test_overwrite_begins_anew(log: Path, ended: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", str(log), "--output", str(ended), "--overwrite"]) == 0
    assert " of them now in " not in capsys.readouterr().out


def test_a_parse_beside_a_whole_one_goes_on_and_one_of_standard_input_is_nothing_to_go_on_with(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert main(["parse", str(log), "--output", str(output)]) == 0
    ended_early(log, output)
    assert main(["parse", str(log), "--output", str(output)]) == 2
    assert "ended early" in capsys.readouterr().err
    assert main(["parse", str(log), "--output", str(output), "--resume"]) == 0
    progress = ended_early(log, tmp_path / "in") / ".unfinished/progress.json"
    progress.write_text(json.dumps(json.loads(progress.read_text()) | {"settings": {"logs": ["-"]}}))
    assert main(["parse", str(log), "--output", str(tmp_path / "in")]) == 0
