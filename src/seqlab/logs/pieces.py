"""The bytes of a log as pieces of whole lines, and pieces as lines of text with their places."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.logs.lines import NO_TEXT, read_lines
from seqlab.logs.reading import LONGEST_LINE

NOT_UTF8 = "not UTF-8 text"
TOO_LONG = f"longer than {LONGEST_LINE:,} bytes"
_SHOWN = 60  # letters of a line that cannot be read


@dataclass(frozen=True)
class BadLine:
    """A line that gives no event, and why."""

    number: int  # of the line in its file; the first is 1
    reason: str
    shown: str  # how it begins


@dataclass(frozen=True)
class Piece:
    """Whole lines of one file, as they were read."""

    file: int  # number of the file
    offset: int  # byte in the file where ``content`` begins
    first_number: int  # of the first line, 1 in a new file
    content: bytes  # every line with its newline; the last of a file may lack it
    cut: tuple[BadLine, ...] = ()  # lines so long that they were not kept


@dataclass(frozen=True)
class Lines:
    """L lines of text out of one piece."""

    column: pl.Series  # (L,) without line ends
    offsets: NDArray[np.int64]  # (L,) byte in the file where each begins
    numbers: NDArray[np.int64]  # (L,) line number in the file
    file: int
    num_read: int  # lines of the piece, bad ones counted
    bad: list[BadLine] = field(default_factory=list)

    @cached_property
    def texts(self) -> list[str]:
        """(L,) the column as Python's texts: made where they are wanted, which is seldom for a whole log."""
        return self.column.to_list()


class LineCutter:
    """Cuts the bytes of one file into pieces of whole lines; the unfinished last line waits.

    A line of more than LONGEST_LINE bytes is dropped as it comes, so memory holds one chunk whatever a file
    without newlines may send.

    Args:
        file: number of the file.
        offset: byte where the first line begins.
        number: of that line.
    """

    def __init__(self, file: int, offset: int = 0, number: int = 1) -> None:
        self.file = file
        self.offset = offset  # of the unfinished line
        self.number = number  # of the unfinished line
        self.rest = b""
        self._dropped = 0  # bytes of the unfinished line that were dropped
        self._beginning = b""

    @property
    def position(self) -> int:
        """The byte after all that was put in."""
        return self.offset + self.unfinished_bytes

    @property
    def unfinished_bytes(self) -> int:
        """Bytes of the last line, which no newline ended yet."""
        return self._dropped + len(self.rest)

    def put(self, block: bytes) -> Piece | None:
        """The whole lines that the block ends; None where it ends none."""
        cut: tuple[BadLine, ...] = ()
        if self._dropped:
            newline = block.find(b"\n")
            if newline < 0:
                self._dropped += len(block)
                return None
            cut = self._cut()
            self.offset += self._dropped + newline + 1
            self._dropped = 0
            block = block[newline + 1 :]
        content = self.rest + block
        last = content.rfind(b"\n") + 1
        whole, self.rest = content[:last], content[last:]
        start, number = self.offset, self.number
        self.offset += last
        self.number += whole.count(b"\n")
        if len(self.rest) > LONGEST_LINE:
            self._beginning, self._dropped, self.rest = self.rest[:80], len(self.rest), b""
        return Piece(self.file, start, number, whole, cut) if whole or cut else None

    def finish(self) -> Piece | None:
        """The last line, where no newline ends it."""
        cut = self._cut() if self._dropped else ()
        start, content, number = self.offset, self.rest, self.number
        self.offset = self.position
        self.rest, self._dropped = b"", 0
        if not content and not cut:
            return None
        self.number += 1 if content else 0
        return Piece(self.file, start, number, content, cut)

    def _cut(self) -> tuple[BadLine, ...]:
        line = BadLine(self.number, TOO_LONG, shown(self._beginning))
        self.number += 1
        return (line,)


def shown(line: str | bytes) -> str:
    """The beginning of a line, on one line, quoted."""
    text = repr(line[:_SHOWN])
    return f"{text}..." if len(line) > _SHOWN else text


def split_piece(piece: Piece) -> Lines:
    """Decode a piece. Lines that are not UTF-8 or longer than LONGEST_LINE are set apart."""
    content = piece.content
    column, starts = read_lines(content, at_start=piece.offset == 0)
    if not len(column):
        return Lines(column, starts, starts, piece.file, len(piece.cut), list(piece.cut))
    whole = len(content) + (not content.endswith(b"\n"))  # as if the last line had its newline
    ends = np.append(starts[1:], whole) - 1
    reasons = dict.fromkeys(np.flatnonzero((column == NO_TEXT).to_numpy()).tolist(), NOT_UTF8)
    reasons |= dict.fromkeys(np.flatnonzero(ends - starts > LONGEST_LINE).tolist(), TOO_LONG)
    offsets, numbers = starts + piece.offset, piece.first_number + np.arange(len(ends))
    bad = [
        BadLine(int(numbers[place]), reason, shown(content[starts[place] : ends[place]][: _SHOWN + 1]))
        for place, reason in sorted(reasons.items())
    ]
    if reasons:
        keep = np.ones(len(column), dtype=bool)
        keep[list(reasons)] = False
        column = column.filter(pl.Series(keep))
        offsets, numbers = offsets[keep], numbers[keep]
    return Lines(column, offsets, numbers, piece.file, len(ends) + len(piece.cut), [*bad, *piece.cut])
