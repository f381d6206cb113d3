"""A raw log given for sessions of keys is recognized, and what to do is said."""

import gzip
import pickle
from pathlib import Path

import pytest

from seqlab.data.new_sessions import read_any_sessions
from seqlab.data.raw_logs import format_of_raw_log
from seqlab.data.samples.hdfs_blocks import simulate_blocks
from seqlab.data.samples.hdfs_log import write_log
from seqlab.errors import UserError

SYSLOG = "Dec 10 06:55:46 LabSZ sshd[24200]: reverse mapping failed\n"
REGEX = {"parser": {"log_format": {"name": "regex", "header": r"^<\d> \w+ "}}}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    write_log(simulate_blocks(30, 0.1, 0), folder / "hdfs", folder / "labels.csv")
    return folder / "hdfs"


@pytest.mark.parametrize("ending", ["", ".log", ".txt", ".log.gz"])
def test_a_raw_log_is_one_however_it_is_called_and_packed(log: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"new{ending}"
    content = log.read_bytes()
    path.write_bytes(gzip.compress(content) if ending == ".log.gz" else content)
    assert format_of_raw_log(path) == "hdfs"
    with pytest.raises(UserError) as error:
        read_any_sessions(path, {"parser": {"log_format": {"name": "hdfs", "header": "^x"}}})
    said = str(error.value)
    assert f"{path} is a raw log, not sessions of keys" in said
    assert f"`seqlab parse {path} --output DIR --templates TRAINED`" in said
    assert f"`seqlab detect CHECKPOINT {path}` reads it" in said


@pytest.mark.parametrize(
    ("name", "text", "raw"),
    [
        ("a", SYSLOG * 3, True),
        ("a", "\n\n" + SYSLOG, True),
        ("a", "junk\n" + SYSLOG * 3, True),
        ("a.txt", "started the job\nended the job\n", False),
        ("a.csv", SYSLOG * 3, False),
        ("a.log", "5 5 22 11 9\n5 22\n", False),
        ("a.log", "blk_1,5 5 22\n" + SYSLOG * 3, False),
        ("a", "2008-11-09T20:36:15,5 5 22\n2008-11-09T20:36:16,E5 E7\n", False),
        ("a", "5 5 x 12:00:00\n", False),
        ("a.log", "", False),
        ("a.txt", "blk_1," + "22 " * 60 + ",Normal\n", False),
        ("a.log", "12345678901234567890123456789012 job is up 12:00:00\n" * 3, True),
        ("a.log", "\x00\x01\x02 binary 12:00:00 stuff\n", False),
    ],
)
def test_what_is_a_raw_log_and_what_is_not(tmp_path: Path, name: str, text: str, raw: bool) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert (format_of_raw_log(path) is not None) == raw


def test_pickled_sessions_and_broken_archives_are_no_raw_logs(tmp_path: Path) -> None:
    for protocol in (0, 5):
        path = tmp_path / f"{protocol}.log"
        path.write_bytes(pickle.dumps({"blk_1": [5, 22]}, protocol=protocol))
        assert format_of_raw_log(path) is None
        assert len(read_any_sessions(path, {})) == 1
    (tmp_path / "a.log.gz").write_bytes(b"no gzip")
    assert format_of_raw_log(tmp_path / "a.log.gz") is None


def test_what_to_type_depends_on_what_the_model_was_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "new one.log"
    path.write_text(SYSLOG)
    with pytest.raises(UserError, match=r"detect CHECKPOINT '.*/new one\.log' --parser TRAINED`"):
        read_any_sessions(path, {})
    with pytest.raises(UserError, match="--templates TRAINED --format regex and the other options of then`"):
        read_any_sessions(path, REGEX)
