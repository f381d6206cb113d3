"""Logs as chunks of whole lines, from plain files, gzip or standard input; and what stands in a chunk."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.errors import UserError, missing_file

CHUNK_BYTES = 16 << 20
LONGEST_LINE = 1 << 16  # bytes; longer ones are no log lines
SHOWN_BYTES = 200  # of a line that cannot be used
SHOWN_LINES = 5  # of those that cannot be used, for each reason
STDIN = "-"
NO_HEADER, NO_SESSION, NO_TIME = "no header", "no session", "no time"
NOT_UTF8, TOO_LONG = "not UTF-8", "too long"
NO_TEXT = "\x00\x02not UTF-8"  # stands in for a line that cannot be decoded: no header matches it
_TEXT = bytes({*range(7, 14), 27, *range(32, 256)})  # other control characters stand in no text
_BROKEN = (OSError, EOFError, zlib.error)
_BOM = "\ufeff"  # some editors begin a file with it
_BEGINS_PACKED = (b"x", b"\x1f", b"\x28")  # the first bytes of zlib, gzip and zstd


class Chunk(NamedTuple):
    """Whole lines of one file."""

    file: int  # which of the logs, or which of the files of a log that is followed; from 0
    offset: int  # byte in that file (unpacked) where ``content`` begins
    first_number: int  # of the first line; a file's first is 1
    content: bytes  # every line with its end; the last of a file may lack it
    cut: tuple[int, bytes] | None = None  # byte and beginning of a line before these, too long to be kept

    @property
    def end(self) -> int:
        """Byte after the last line."""
        return self.offset + len(self.content)


class LineCutter:
    """Cuts the bytes of one file into chunks of whole lines; the unfinished last line waits.

    A line of more than LONGEST_LINE bytes is dropped as it comes, so memory is bounded without newlines too.
    """

    def __init__(self, file: int, offset: int = 0, number: int = 1) -> None:
        self.file = file
        self.offset = offset  # byte where the unfinished line begins
        self.number = number  # of the unfinished line
        self.rest = b""  # of it; its beginning where it is dropped
        self._dropped = 0  # bytes of the unfinished line, where it is dropped

    @property
    def position(self) -> int:
        """Byte after all that was put in."""
        return self.offset + self.unfinished_bytes

    @property
    def unfinished_bytes(self) -> int:
        """Bytes of the last line, which no newline ended yet."""
        return self._dropped or len(self.rest)

    def put(self, block: bytes) -> Chunk | None:
        """The whole lines that the block ends; None where it ends none."""
        cut = None
        if self._dropped:
            newline = block.find(b"\n")
            if newline < 0:
                self._dropped += len(block)
                return None
            cut = self._cut(newline + 1)
            block = block[newline + 1 :]
        last = block.rfind(b"\n") + 1
        content = b"".join((self.rest, memoryview(block)[:last])) if last else b""
        self.rest = block[last:] if last else self.rest + block
        chunk = self._chunk(content, content.count(b"\n"), cut)
        if len(self.rest) > LONGEST_LINE:
            self._dropped, self.rest = len(self.rest), self.rest[:SHOWN_BYTES]
        return chunk

    def finish(self) -> Chunk | None:
        """The last line, where no newline ends it."""
        cut = self._cut(0) if self._dropped else None
        content, self.rest = self.rest, b""
        return self._chunk(content, 1, cut)

    def _cut(self, end: int) -> tuple[int, bytes]:
        """Leave out a dropped line, whose last bytes are ``end`` more."""
        cut = (self.offset, self.rest)
        self.offset += self._dropped + end
        self.number += 1
        self.rest, self._dropped = b"", 0
        return cut

    def _chunk(self, content: bytes, lines: int, cut: tuple[int, bytes] | None) -> Chunk | None:
        if not content and cut is None:
            return None
        chunk = Chunk(self.file, self.offset, self.number, content, cut)
        self.offset = chunk.end
        self.number += lines if content else 0
        return chunk


def find_logs(paths: Sequence[str]) -> list[str]:
    """The paths, looked at.

    Raises:
        UserError: a path that is missing, a folder, given twice, or no text.
    """
    seen: set[Path] = set()
    for path in paths:
        file = Path(path)
        if path != STDIN and not file.exists():
            raise missing_file(path)
        if file.is_dir():
            raise UserError(f"{path} is a folder: give its files, such as {path.rstrip('/')}/*.log")
        if file.resolve() in seen:
            raise UserError(f"{path} is given twice; each log is read once")
        seen.add(file.resolve())
        if path != STDIN and file.is_file():  # a pipe is not touched
            refuse_binary(path)
    return list(paths)


def is_gzip(path: str) -> bool:
    return path.lower().endswith(".gz")


def text_bytes(path: str) -> int | None:
    """Bytes of a log's text; None where they are not known before reading."""
    is_plain = path != STDIN and not is_gzip(path) and Path(path).is_file()
    return Path(path).stat().st_size if is_plain else None


def refuse_binary(path: str, reader: str = "seqlab parse -") -> None:
    """Raise UserError for a file that begins with no text; it names the command that reads a pipe."""
    try:
        with _open(path) as file:
            head = file.read(512)
    except _BROKEN as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    if head.lstrip(b"\x00").translate(None, _TEXT):  # a crash may leave zeros before the text
        raise UserError(
            f"{path} holds no lines of text. A gzip is known by its name (.gz); unpack what is packed "
            f"otherwise, or pipe it: unzip -p LOG.zip | {reader}. Text must be UTF-8"
        )


def read_chunks(paths: Sequence[str], chunk_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """All lines, in order, in chunks.

    Raises:
        UserError: a log that cannot be read to its end, by name and byte; what comes before was given.
    """
    for number, path in enumerate(paths):
        cutter = LineCutter(number)
        try:
            with _open(path) as file:
                for block in _blocks(file, chunk_bytes):
                    if (chunk := cutter.put(block)) is not None:
                        yield chunk
        except _BROKEN as error:
            raise UserError(f"{path}: broken after byte {cutter.position:,} of its text: {error}") from None
        if (chunk := cutter.finish()) is not None:
            yield chunk


def _open(path: str) -> Any:
    if path == STDIN:
        return nullcontext(sys.stdin.buffer)
    return (gzip.open if is_gzip(path) else open)(path, "rb")


def _blocks(file: Any, size: int) -> Iterator[bytes]:
    """Blocks of ``size`` bytes, a smaller one at the end or before what cannot be read."""
    parts: list[bytes] = []
    left = size
    try:
        while part := file.read1(left):  # read() would lose what precedes an error
            parts.append(part)
            left -= len(part)
            if not left:
                yield b"".join(parts)
                parts, left = [], size
    except _BROKEN:
        yield b"".join(parts)
        raise
    yield b"".join(parts)


def read_lines(content: bytes) -> tuple[pl.Series, NDArray[np.int64]]:
    """(L,) lines without their ends, and the byte where each begins. Ends are LF or CRLF.

    A line that is no UTF-8 is NO_TEXT.
    """
    # polars unpacks what begins like a zlib, gzip or zstd stream; what begins with a line's end does not
    looks_packed = content.startswith(_BEGINS_PACKED)
    try:
        lines = pl.read_lines(io.BytesIO(b"\n" + content if looks_packed else content)).to_series()
        lines = lines.slice(1) if looks_packed else lines
        plain = b"\r" not in content
    except pl.exceptions.ComputeError:  # bytes that are no UTF-8: line by line
        raw = [line.removesuffix(b"\r") for line in content.removesuffix(b"\n").split(b"\n")]
        lines, plain = pl.Series([_decode(line) for line in raw], dtype=pl.String), False
    if not plain:
        starts = np.flatnonzero(np.frombuffer(content, np.uint8) == ord("\n")) + 1
        starts = np.concatenate(([0], starts))[: len(lines)]
    else:  # ten times as fast
        sizes = lines.str.len_bytes().to_numpy().astype(np.int64) + 1
        starts = np.cumsum(sizes) - sizes
    return lines, starts


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return NO_TEXT


class SkippedLine(NamedTuple):
    """A line that gives no event."""

    number: int  # in its file, from 1
    offset: int  # byte in its file where it begins
    text: str  # its beginning


Skipped = dict[str, tuple[int, list[SkippedLine]]]  # by reason: how many lines, and the first SHOWN_LINES


@dataclass(frozen=True)
class Lines:
    """The L lines of a chunk."""

    chunk: Chunk
    column: pl.Series  # (L,) see ``read_lines``
    starts: NDArray[np.int64]  # (L,) byte in the chunk where each begins

    @classmethod
    def of(cls, chunk: Chunk) -> Lines:
        lines, starts = read_lines(chunk.content)
        if chunk.offset == 0 and chunk.content.startswith(_BOM.encode()):
            lines = pl.concat([lines.head(1).str.strip_prefix(_BOM), lines.slice(1)])
        return cls(chunk, lines, starts)

    @property
    def num_read(self) -> int:
        """Lines, one that was too long to keep counted."""
        return len(self.column) + (self.chunk.cut is not None)

    @property
    def offsets(self) -> NDArray[np.int64]:
        """(L,) byte in the file where each begins."""
        return self.starts + self.chunk.offset

    @cached_property
    def texts(self) -> list[str]:
        """(L,) the column as Python's texts; slow, so for a few chunks only."""
        return self.column.to_list()

    def number(self, place: int) -> int:
        """The number of a line in its file, from 1."""
        return self.chunk.first_number + place

    def skipped(self, places: dict[str, NDArray[np.int64]]) -> Skipped:
        """What is said of lines without an event, given by reason; one too long to keep is added."""
        found = {
            reason: (len(where), [self._skipped(place) for place in where[:SHOWN_LINES].tolist()])
            for reason, where in places.items()
        }
        if self.chunk.cut is not None:
            count, lines = found.get(TOO_LONG, (0, []))
            offset, beginning = self.chunk.cut
            line = SkippedLine(self.chunk.first_number - 1, offset, _shown(beginning))
            found[TOO_LONG] = (count + 1, [line, *lines])
        return found

    def _skipped(self, place: int) -> SkippedLine:
        start = int(self.starts[place])
        beginning = self.chunk.content[start : start + SHOWN_BYTES].split(b"\n", 1)[0].rstrip(b"\r")
        return SkippedLine(self.number(place), self.chunk.offset + start, _shown(beginning))


def _shown(beginning: bytes) -> str:
    return beginning.decode("utf-8", "backslashreplace")
