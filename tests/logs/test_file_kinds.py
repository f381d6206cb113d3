"""Real archives and tables, under their own names and under others."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from seqlab.errors import UserError
from seqlab.logs import file_kinds

READER = "seqlab detect CKPT -"


def refuse_other_kinds(path: str, endings: Sequence[str] = (".gz",)) -> None:
    file_kinds.refuse_other_kinds(path, READER, endings)


TEXT = b"081109 203518 35 INFO dfs.FSNamesystem: BLOCK* ask\n" * 20


def a_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.log", TEXT)


def a_tar(mode: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
            entry = tarfile.TarInfo("a.log")
            entry.size = len(TEXT)
            archive.addfile(entry, io.BytesIO(TEXT))

    return make


def a_table(path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(path)


def an_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.arange(3))


@pytest.mark.parametrize(
    ("ending", "make", "kind", "way_out"),
    [
        (".zip", a_zip, "a zip archive", "unzip -p {} | seqlab detect CKPT -"),
        (".tar", a_tar("w"), "a tar archive", "tar xOf {} | seqlab detect CKPT -"),
        (".tar.gz", a_tar("w:gz"), "a tar.gz archive", "tar xzOf {} | seqlab detect CKPT -"),
        (".tgz", a_tar("w:gz"), "a tar.gz archive", "tar xzOf {} | seqlab detect CKPT -"),
        (".bz2", lambda path: path.write_bytes(bz2.compress(TEXT)), "packed with bzip2", "bzcat {} | "),
        (".xz", lambda path: path.write_bytes(lzma.compress(TEXT)), "packed with xz", "xzcat {} | "),
        (".parquet", a_table, "a Parquet table", "give a log"),
        (".npy", an_array, "a NumPy array", "give a log"),
    ],
)
def test_what_is_no_log_is_refused_by_name_and_by_content(
    ending: str, make: Callable[[Path], None], kind: str, way_out: str, tmp_path: Path
) -> None:
    named, disguised = tmp_path / f"x{ending}", tmp_path / "hdfs.log"
    make(named)
    disguised.write_bytes(named.read_bytes())
    for path in (named, disguised):
        with pytest.raises(UserError) as caught:
            refuse_other_kinds(str(path))
        assert f"{path} is {kind}" in str(caught.value)
        assert way_out.format(path) in str(caught.value)


def test_a_tar_hidden_in_gz_and_a_gz_without_its_name(tmp_path: Path) -> None:
    a_tar("w:gz")(tmp_path / "x.tgz")
    path = (tmp_path / "x.tgz").rename(tmp_path / "x.gz")
    with pytest.raises(UserError, match=r"a tar\.gz archive"):
        refuse_other_kinds(str(path))
    bare = tmp_path / "hdfs.log.1"
    bare.write_bytes(gzip.compress(TEXT))
    with pytest.raises(UserError, match=r"unpack it, or name it \.gz, or pipe it: zcat"):
        refuse_other_kinds(str(bare))
    windows = tmp_path / "notepad.log"
    windows.write_bytes("text".encode("utf-16"))
    with pytest.raises(UserError, match="iconv -f UTF-16"):
        refuse_other_kinds(str(windows))


def test_a_reader_of_archives_names_the_endings_it_knows(tmp_path: Path) -> None:
    bare = tmp_path / "hdfs.log"
    for make, ending in ((a_zip, ".zip"), (a_tar("w"), ".tar"), (a_tar("w:gz"), ".tar.gz")):
        make(bare)
        with pytest.raises(UserError, match=f"unpack it, or name it {re.escape(ending)}, or pipe it: "):
            refuse_other_kinds(str(bare), [".gz", ".zip", ".tar", ".tar.gz"])
        named = bare.rename(tmp_path / f"x{ending}")
        refuse_other_kinds(str(named), [".gz", ".zip", ".tar", ".tar.gz"])


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", TEXT, b"\x00" * 600 + TEXT, "zwölf\n".encode(), b"ORC started\n", b"BZh: on\n", b"PAR1 up"],
)
def test_logs_pass(content: bytes, tmp_path: Path) -> None:
    path, packed = tmp_path / "a.log", tmp_path / "a.log.gz"
    path.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    refuse_other_kinds(str(path))
    refuse_other_kinds(str(packed))
    packed.write_bytes(packed.read_bytes()[:-9])  # broken: its reader says where
    refuse_other_kinds(str(packed))
