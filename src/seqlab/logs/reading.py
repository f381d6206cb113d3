"""Log files as chunks of whole lines: plain, gzip, zip, tar, standard input; memory is that of a chunk."""

from __future__ import annotations

import gzip
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple, cast

from seqlab.errors import UserError

CHUNK_BYTES = 8 << 20
LONGEST_LINE = 1 << 16  # bytes; longer ones are no log lines
STDIN = "-"


class Chunk(NamedTuple):
    """Whole lines of one log."""

    source: int  # which of the logs, from 0
    start: int  # byte in that log (unpacked) where the chunk begins
    end: (
        int  # byte after the chunk's last newline; beyond start + len(content) where a monstrous line was cut
    )
    content: bytes
    cut_lines: int = 0  # lines so long that they were not kept at all


class Source(NamedTuple):
    """A log: a file, or a member of an archive."""

    path: str
    member: str | None = None

    @property
    def name(self) -> str:
        return self.path if self.member is None else f"{self.path}:{self.member}"

    @property
    def plain_bytes(self) -> int | None:
        """Bytes of a plain file; None where they are not known before reading."""
        if self.path == STDIN or self.member is not None or _packed(self.path):
            return None
        return Path(self.path).stat().st_size


def _packed(path: str) -> bool:
    return path.endswith((".gz", ".zip", ".tgz", ".tar"))


def find_sources(paths: Sequence[str]) -> list[Source]:
    """The logs of all paths, in order; archives give one for each file in them.

    Raises:
        UserError: a path that is missing, a folder, given twice, or a broken archive.
    """
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise UserError(f"{twice} is given twice; each log is read once")
    found: list[Source] = []
    for path in paths:
        if path == STDIN:
            found.append(Source(STDIN))
            continue
        file = Path(path)
        if not file.exists():
            raise UserError(f"{path}: no such file; the path is relative to {Path.cwd()}")
        if file.is_dir():
            raise UserError(f"{path} is a folder: give its files, such as {path.rstrip('/')}/*.log")
        try:
            found += _members(path)
        except (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, zlib.error) as error:
            raise UserError(f"{path}: cannot be read as an archive: {error}") from None
    if not found:
        raise UserError(f"{', '.join(paths)}: no file in it")
    return found


def _members(path: str) -> list[Source]:
    if path.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            return [Source(path, name) for name in archive.namelist() if _is_log(name)]
    if path.endswith((".tar", ".tar.gz", ".tgz")):
        with tarfile.open(path) as archive:
            return [Source(path, entry.name) for entry in archive if entry.isfile() and _is_log(entry.name)]
    return [Source(path)]


def _is_log(name: str) -> bool:
    """Archives hold label tables and read-me files beside their logs."""
    return name.endswith((".log", ".txt", ".out")) and "readme" not in name.lower()


def open_source(source: Source, stack: ExitStack) -> IO[bytes]:
    """The bytes of a log, unpacked; closed with ``stack``."""
    if source.path == STDIN:
        return sys.stdin.buffer
    if source.member is None:
        if source.path.endswith(".gz"):
            return cast(IO[bytes], stack.enter_context(gzip.open(source.path)))
        return stack.enter_context(Path(source.path).open("rb"))
    if source.path.endswith(".zip"):
        zipped = stack.enter_context(zipfile.ZipFile(source.path))
        return stack.enter_context(zipped.open(source.member))
    packed = stack.enter_context(tarfile.open(source.path))  # noqa: SIM115
    member = packed.extractfile(source.member)
    assert member is not None  # find_sources lists files alone
    return stack.enter_context(member)


def read_chunks(
    sources: Sequence[Source], first: int = 0, start: int = 0, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[Chunk]:
    """All lines, in order, in chunks.

    Args:
        first, start: the log and the byte in it to begin at: the end of a chunk before.

    Raises:
        UserError: a log that cannot be read to its end, by name and place.
    """
    for number in range(first, len(sources)):
        begin = start if number == first else 0
        place = begin
        with ExitStack() as stack:
            try:
                file = open_source(sources[number], stack)
                _skip(file, begin)
                for chunk in _chunks(file, number, begin, chunk_bytes):
                    place = chunk.end
                    yield chunk
            except (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
                raise UserError(
                    f"{sources[number].name}: broken after byte {place:,} of its text: {error}"
                ) from None


def _skip(file: IO[bytes], count: int) -> None:
    if count and file.seekable():
        file.seek(count)
        return
    while count:
        got = len(file.read(min(count, CHUNK_BYTES)))
        if not got:
            raise EOFError(f"shorter by {count:,} bytes than when it was read before")
        count -= got


def _chunks(file: IO[bytes], number: int, begin: int, chunk_bytes: int) -> Iterator[Chunk]:
    rest = b""
    cutting = False  # inside a line too long to keep
    place = begin  # of rest's first byte
    while True:
        block = file.read(chunk_bytes)
        if not block:
            break
        if cutting:
            newline = block.find(b"\n")
            if newline < 0:
                place += len(block)
                continue
            place += newline + 1
            block = block[newline + 1 :]
            yield Chunk(number, place, place, b"", cut_lines=1)
            cutting = False
        block = rest + block if rest else block
        last = block.rfind(b"\n") + 1
        if last:
            yield Chunk(number, place, place + last, block[:last])
            place += last
        rest = block[last:]
        if len(rest) > max(chunk_bytes, LONGEST_LINE):
            place += len(rest)
            rest, cutting = b"", True
    if cutting:
        yield Chunk(number, place, place, b"", cut_lines=1)
    elif rest:
        yield Chunk(number, place, place + len(rest), rest)


def split_lines(content: bytes) -> tuple[list[bytes], list[int]]:
    """The lines of a chunk without their ends, and the byte in it where each begins."""
    lines = content.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    starts, place = [], 0
    for line in lines:
        starts.append(place)
        place += len(line) + 1
    return [line.removesuffix(b"\r") for line in lines], starts
