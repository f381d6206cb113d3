"""`seqlab parse` given what is no log: one clear message, exit code 2, nothing left behind."""

import bz2
import gzip
import lzma
import os
import random
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from seqlab.cli import main

LINE = b"081109 203615 1 INFO dfs.DataNode: Receiving block blk_1 src: /10.0.0.1:1\n"


def parquet(path: Path) -> None:
    pl.DataFrame({"session": ["blk_1"], "keys": [[1, 2]]}).write_parquet(path)


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("empty.log", "")


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("folder", Path.mkdir, "folder is a folder: give its files, such as"),
        ("a.log", b"", "a.log: no line in it"),
        ("a.log.gz", gzip.compress(b"", mtime=0), "a.log.gz: no line in it"),
        ("a.zip", zipped, "a.zip holds no lines of text. A gzip is known by its name (.gz)"),
        ("a.log", b"\n" * 9 + b"junk\n", "none of the first 10 lines could be used (no header)"),
        (
            "a.log",
            b"\n\njunk\n",
            "the first: 'junk'; --format hdfs expects lines with the header '^(?P<time>",
        ),
        ("a.log", "2026년 시작\n".encode("euc-kr") * 5, "could be used (not UTF-8); the first: '2026"),
        ("a.bin", random.Random(0).randbytes(100_000), "a.bin holds no lines of text"),
        ("a.parquet", parquet, "a.parquet holds no lines of text"),
        ("a.log", gzip.compress(LINE, mtime=0), "a.log holds no lines of text. A gzip is known by its name"),
        ("a.log", zipped, "a.log holds no lines of text"),
        ("a.log.xz", lzma.compress(LINE), "or pipe it: unzip -p LOG.zip | seqlab parse -"),
        ("a.log.bz2", bz2.compress(LINE * 9), "a.log.bz2 holds no lines of text"),
        ("a.log", LINE.decode().encode("utf-16"), "Text must be UTF-8"),
        ("a.csv", b"BlockId,Label\nblk_1,Normal\n", "the first: 'BlockId,Label'; --format hdfs expects"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_log_is_one_message(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    make: bytes | Callable[[Path], None],
    message: str,
) -> None:
    path = tmp_path / name
    if isinstance(make, bytes):
        path.write_bytes(make)
    else:
        make(path)
    assert main(["parse", str(path), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert (error.count("\n"), error.startswith("error: ")) == (1, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "first",
    [b"", b"PAR1 is up\n", b"BZh is up\n", b"\xff\xfe is up\n", b"\n\n\n\n\n\n", b"\x00" * 600 + b"\n"],
)
def test_logs_whose_first_line_looks_odd_are_parsed(tmp_path: Path, first: bytes) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(first + LINE)
    assert main(["parse", str(path), "--output", str(tmp_path / "out")]) == 0
    assert pl.read_parquet(tmp_path / "out/sessions.parquet")["session"].to_list() == ["blk_1"]


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(LINE,))
    writer.start()
    assert main(["parse", str(pipe), "--output", str(tmp_path / "out")]) == 0
    writer.join()
