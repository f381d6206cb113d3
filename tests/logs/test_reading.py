"""Logs are read in whole lines, whatever they are packed in."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqlab.errors import UserError
from seqlab.logs.reading import LONGEST_LINE, Chunk, LineCutter, Lines, find_logs, read_chunks, text_bytes

LINES = b"".join(b"line %d\n" % number for number in range(1000))


def pack(folder: Path, kind: str) -> Path:
    path = folder / f"a{kind}"
    path.write_bytes(gzip.compress(LINES) if kind == ".log.gz" else LINES)
    return path


@pytest.mark.parametrize("kind", [".log", ".log.gz"])
@pytest.mark.parametrize("chunk_bytes", [7, 100, 1 << 20])
def test_all_lines_in_order(tmp_path: Path, kind: str, chunk_bytes: int) -> None:
    logs = find_logs([str(pack(tmp_path, kind))])
    chunks = list(read_chunks(logs, chunk_bytes=chunk_bytes))
    assert b"".join(chunk.content for chunk in chunks) == LINES
    assert all(chunk.content == LINES[chunk.offset : chunk.end] for chunk in chunks)
    assert all(chunk.content.endswith(b"\n") for chunk in chunks)


@pytest.mark.parametrize("kind", [".log", ".log.gz"])
@pytest.mark.parametrize("change", [str.upper, str.title])
def test_endings_may_be_written_large(tmp_path: Path, kind: str, change: Callable[[str], str]) -> None:
    path = pack(tmp_path, kind)
    large = path.rename(path.with_name(change(path.name)))
    assert b"".join(chunk.content for chunk in read_chunks(find_logs([str(large)]))) == LINES
    assert text_bytes(str(large)) == (None if kind == ".log.gz" else len(LINES))


def test_the_last_line_needs_no_end_and_logs_follow_each_other(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"a\nb")
    (tmp_path / "2").write_bytes(b"")
    (tmp_path / "3").write_bytes(b"c\n")
    logs = find_logs([str(tmp_path / name) for name in "123"])
    assert list(read_chunks(logs)) == [
        Chunk(0, 0, 1, b"a\n"),
        Chunk(0, 2, 2, b"b"),
        Chunk(2, 0, 1, b"c\n"),
    ]


def test_a_line_without_end_is_cut_and_counted_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"before\n" + b"x" * 1_000_000 + b"\nafter\n" + b"y" * 500_000)
    chunks = list(read_chunks(find_logs([str(path)]), chunk_bytes=1 << 10))
    assert b"".join(chunk.content for chunk in chunks) == b"before\nafter\n"
    assert [chunk.cut for chunk in chunks if chunk.cut] == [(7, b"x" * 200), (1_000_014, b"y" * 200)]
    after = next(chunk for chunk in chunks if chunk.content == b"after\n")
    assert (after.offset, after.first_number) == (7 + 1_000_001, 3)
    assert chunks[-1].end == path.stat().st_size
    assert max(len(chunk.content) for chunk in chunks) < 1 << 17


def broken_gzip(folder: Path) -> Path:
    path = folder / "a.log.gz"
    path.write_bytes(gzip.compress(LINES * 50)[:-40])
    return path


def test_a_broken_archive_is_named_with_the_place(tmp_path: Path) -> None:
    path = broken_gzip(tmp_path)
    with pytest.raises(UserError, match=r"a\.log\.gz: broken after byte [\d,]+ of its text"):
        list(read_chunks(find_logs([str(path)]), chunk_bytes=1 << 10))


def test_what_is_no_gzip_is_told_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.log.gz"
    path.write_bytes(LINES)
    with pytest.raises(UserError, match=r"a\.log\.gz: cannot be read: Not a gzipped file"):
        find_logs([str(path)])


def test_what_is_no_log_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.log: no such file"):
        find_logs([str(tmp_path / "nowhere.log")])
    with pytest.raises(UserError, match=r"is a folder: give its files"):
        find_logs([str(tmp_path)])
    path = pack(tmp_path, ".log")
    with pytest.raises(UserError, match="given twice"):
        find_logs([str(path), str(path)])
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(
        UserError, match=r"b\.zip holds no lines of text.*unzip -p LOG\.zip \| seqlab parse -"
    ):
        find_logs([str(tmp_path / "b.zip")])


def test_the_same_file_by_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(tmp_path, ".log")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"\./a\.log is given twice"):
        find_logs(["a.log", "./a.log"])


@pytest.mark.parametrize("seed", range(5))
def test_any_cut_of_a_file_gives_the_same_lines(seed: int) -> None:
    rng = np.random.default_rng(seed)
    long = b"y" * (LONGEST_LINE + 5000)
    content = b"".join(
        [*(b"line %d\n" % number for number in range(50)), long + b"\n", b"\n", b"after\n", b"end"]
    )
    cutter = LineCutter(3)
    chunks, place = [], 0
    while place < len(content):
        size = int(rng.choice([1, 7, 300, 40_000]))
        chunks.append(cutter.put(content[place : place + size]))
        place = min(place + size, len(content))
        assert cutter.position == place
    chunks.append(cutter.finish())
    found = [Lines.of(chunk) for chunk in chunks if chunk is not None]
    kept = [line for lines in found for line in zip(lines.texts, lines.offsets.tolist(), strict=True)]
    texts = [text for text, _ in kept if len(text) < LONGEST_LINE]
    assert texts == [*(f"line {number}" for number in range(50)), "", "after", "end"]
    assert all(content[start:].split(b"\n")[0].decode() == text for text, start in kept)
    cut = [lines.chunk.cut for lines in found if lines.chunk.cut is not None]
    assert len(kept) + len(cut) == 54
    assert cut in ([], [(content.index(b"yy"), b"y" * 200)])
    numbers = [lines.number(place) for lines in found for place in range(len(lines.texts))]
    assert numbers == [number for number in range(1, 55) if not cut or number != 51]
    assert cutter.finish() is None


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    cutter = LineCutter(0)
    for _ in range(100):
        assert cutter.put(b"z" * LONGEST_LINE) is None
        assert len(cutter.rest) <= LONGEST_LINE
    assert cutter.finish() == Chunk(0, 100 * LONGEST_LINE, 2, b"", (0, b"z" * 200))


def test_what_stands_before_a_broken_place_is_read(tmp_path: Path) -> None:
    chunks = read_chunks(find_logs([str(broken_gzip(tmp_path))]))
    assert len(LINES) * 40 < len(next(chunks).content) < len(LINES) * 50
    with pytest.raises(UserError, match="broken after byte"):
        next(chunks)
