"""The lines of a chunk, where each begins, and those that cannot be used."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.logs.reading import SHOWN_BYTES, Chunk

NO_HEADER, NO_SESSION, NO_TIME = "no header", "no session", "no time"
NOT_UTF8, TOO_LONG = "not UTF-8", "too long"
SHOWN_LINES = 5  # of those that cannot be used, for each reason
_PACKED = (b"x", b"\x1f", b"\x28")  # the first bytes of zlib, gzip and zstd
_BOM = b"\xef\xbb\xbf"  # some editors begin a file with it
NO_TEXT = "\x00\x02not UTF-8"  # stands in for a line that cannot be decoded: no header matches it


def read_lines(content: bytes, *, at_start: bool = False) -> tuple[pl.Series, NDArray[np.int64]]:
    """(L,) lines without their ends, and the byte where each begins. Ends are LF or CRLF.

    A line that is no UTF-8 is NO_TEXT.

    Args:
        at_start: of a file, where a byte order mark is left out.
    """
    # polars unpacks what begins like a zlib, gzip or zstd stream; what begins with a line's end does not
    looks_packed = content.startswith(_PACKED)
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
    if at_start and content.startswith(_BOM):
        lines = pl.concat([lines.head(1).str.strip_prefix(_BOM.decode()), lines.slice(1)])
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
        return cls(chunk, *read_lines(chunk.content, at_start=chunk.offset == 0))

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
        """(L,) the column as Python's texts: made where they are wanted, which is seldom for a whole log."""
        return self.column.to_list()

    def number(self, place: int) -> int:
        """The number of a line in its file, from 1."""
        return self.chunk.first_number + place

    def skipped(self, places: dict[str, NDArray[np.int64]]) -> Skipped:
        """What is said of lines without an event.

        Args:
            places: by reason, which lines; one that was too long to keep is added.
        """
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
