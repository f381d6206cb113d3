"""Logs are read in whole lines, whatever they are packed in."""

import gzip
import io
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from seqlab.errors import UserError
from seqlab.logs.reading import Chunk, find_sources, read_chunks

LINES = b"".join(b"line %d\n" % number for number in range(1000))


def pack(folder: Path, kind: str) -> Path:
    path = folder / f"a{kind}"
    if kind == ".log":
        path.write_bytes(LINES)
    elif kind == ".log.gz":
        path.write_bytes(gzip.compress(LINES))
    elif kind == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("README.md", "about")
            archive.writestr("a.log", LINES)
    else:
        with tarfile.open(path, "w:gz" if kind == ".tar.gz" else "w") as archive:
            for name, content in (("labels.csv", b"BlockId,Label\n"), ("x/a.log", LINES)):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize("kind", [".log", ".log.gz", ".zip", ".tar.gz", ".tar"])
@pytest.mark.parametrize("chunk_bytes", [7, 100, 1 << 20])
def test_all_lines_in_order(tmp_path: Path, kind: str, chunk_bytes: int) -> None:
    sources = find_sources([str(pack(tmp_path, kind))])
    chunks = list(read_chunks(sources, chunk_bytes=chunk_bytes))
    assert b"".join(chunk.content for chunk in chunks) == LINES
    assert all(chunk.content == LINES[chunk.start : chunk.end] for chunk in chunks)
    assert all(chunk.content.endswith(b"\n") for chunk in chunks)


@pytest.mark.parametrize("kind", [".log", ".log.gz", ".zip", ".tar.gz", ".tar"])
@pytest.mark.parametrize("change", [str.upper, str.title])
def test_endings_may_be_written_large(tmp_path: Path, kind: str, change: Callable[[str], str]) -> None:
    path = pack(tmp_path, kind)
    large = path.rename(path.with_name(change(path.name)))
    sources = find_sources([str(large)])
    assert b"".join(chunk.content for chunk in read_chunks(sources)) == LINES
    assert [source.plain_bytes for source in sources] == [None if kind == ".log.gz" else len(LINES)]


def test_members_with_large_endings_are_logs(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("README.TXT", "A.LOG", "b.Txt", "LABELS.CSV"):
            archive.writestr(name, name)
    assert [source.name for source in find_sources([str(path)])] == [f"{path}:A.LOG", f"{path}:b.Txt"]


def test_the_last_line_needs_no_end_and_logs_follow_each_other(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"a\nb")
    (tmp_path / "2").write_bytes(b"")
    (tmp_path / "3").write_bytes(b"c\n")
    sources = find_sources([str(tmp_path / name) for name in "123"])
    assert list(read_chunks(sources)) == [
        Chunk(0, 0, 2, b"a\n"),
        Chunk(0, 2, 3, b"b"),
        Chunk(2, 0, 2, b"c\n"),
    ]


def test_a_line_without_end_is_cut_and_counted_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"before\n" + b"x" * 1_000_000 + b"\nafter\n" + b"y" * 500_000)
    chunks = list(read_chunks(find_sources([str(path)]), chunk_bytes=1 << 10))
    assert b"".join(chunk.content for chunk in chunks) == b"before\nafter\n"
    assert sum(chunk.cut_lines for chunk in chunks) == 2
    after = next(chunk for chunk in chunks if chunk.content == b"after\n")
    assert after.start == 7 + 1_000_001
    assert max(len(chunk.content) for chunk in chunks) < 1 << 17


def broken_gzip(folder: Path) -> Path:
    path = folder / "a.log.gz"
    path.write_bytes(gzip.compress(LINES * 50)[:-40])
    return path


def test_a_broken_archive_is_named_with_the_place(tmp_path: Path) -> None:
    path = broken_gzip(tmp_path)
    with pytest.raises(UserError, match=r"a\.log\.gz: broken after byte [\d,]+ of its text"):
        list(read_chunks(find_sources([str(path)]), chunk_bytes=1 << 10))


def test_what_is_no_gzip_is_told_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.log.gz"
    path.write_bytes(LINES)
    with pytest.raises(UserError, match=r"a\.log\.gz: cannot be read: Not a gzipped file"):
        find_sources([str(path)])


def test_what_is_no_log_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.log: no such file"):
        find_sources([str(tmp_path / "nowhere.log")])
    with pytest.raises(UserError, match=r"is a folder: give its files"):
        find_sources([str(tmp_path)])
    path = pack(tmp_path, ".log")
    with pytest.raises(UserError, match="given twice"):
        find_sources([str(path), str(path)])
    (tmp_path / "b.zip").write_bytes(b"PK no zip")
    with pytest.raises(UserError, match=r"b\.zip: cannot be read as an archive"):
        find_sources([str(tmp_path / "b.zip")])


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_members_of_the_same_name_are_each_read_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile says that a name comes twice
        if kind == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("a.log", "1\n")
                archive.writestr("a.log", "2\n")
        else:
            with tarfile.open(path, "w") as packed:
                for content in (b"1\n", b"2\n"):
                    entry = tarfile.TarInfo("a.log")
                    entry.size = 2
                    packed.addfile(entry, io.BytesIO(content))
    assert [chunk.content for chunk in read_chunks(find_sources([str(path)]))] == [b"1\n", b"2\n"]


def test_hidden_members_are_no_logs_and_an_archive_without_any_says_what_it_looked_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("._a.log", "of a file system")
        archive.writestr("a.bin", "x")
    with pytest.raises(UserError, match=r"a\.zip: no file in it ends in \.log, \.txt, \.out"):
        find_sources([str(path)])


def test_the_same_file_by_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(tmp_path, ".log")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"\./a\.log is given twice"):
        find_sources(["a.log", "./a.log"])
