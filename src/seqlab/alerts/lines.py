"""The bytes of whole lines as texts, each with its place in the file; what is no line of text is named."""

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
NO_EVENT = "no header or no session key"
NO_WINDOW = "no header or no time that can be read"  # where windows of time make the sessions
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

    file: int  # which file, see ``Source.files``
    offset: int  # byte in the file where ``content`` begins
    first_number: int  # of the first line, 1 in a new file
    content: bytes  # every line with its newline; the last of a file may lack it
    end: int  # byte after the piece: where reading goes on
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


def shown(line: str | bytes) -> str:
    """The beginning of a line, on one line, quoted."""
    text = repr(line[:_SHOWN])
    return f"{text}..." if len(line) > _SHOWN else text


def split_lines(piece: Piece) -> Lines:
    """Decode a piece. Lines that are no UTF-8 or longer than LONGEST_LINE are set apart; CRLF ends too."""
    content = piece.content
    column, starts = read_lines(content)
    if not len(column):
        return Lines(column, starts, starts, piece.file, len(piece.cut), list(piece.cut))
    whole = len(content) + (not content.endswith(b"\n"))  # as if the last line had its newline
    ends = np.append(starts[1:], whole) - 1
    bad = dict.fromkeys(np.flatnonzero((column == NO_TEXT).to_numpy()).tolist(), NOT_UTF8)
    bad |= dict.fromkeys(np.flatnonzero(ends - starts > LONGEST_LINE).tolist(), TOO_LONG)
    offsets, numbers = starts + piece.offset, piece.first_number + np.arange(len(ends))
    lines_bad = [
        BadLine(int(numbers[place]), reason, shown(content[starts[place] : ends[place]][: _SHOWN + 1]))
        for place, reason in sorted(bad.items())
    ]
    if bad:
        keep = np.ones(len(column), dtype=bool)
        keep[list(bad)] = False
        column = column.filter(pl.Series(keep))
        offsets, numbers = offsets[keep], numbers[keep]
    return Lines(column, offsets, numbers, piece.file, len(ends) + len(piece.cut), [*lines_bad, *piece.cut])
