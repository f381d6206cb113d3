"""Where lines come from: what every kind of source has in common, and pipes and packed files."""

from __future__ import annotations

import gzip
import math
import os
import select
import sys
import time
import zlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

from seqlab.alerts.lines import LONGEST_LINE, TOO_LONG, BadLine, Piece, shown
from seqlab.errors import UserError

CHUNK_BYTES = 4 << 20
STDIN = "-"
_GATHER_SECONDS = 0.1  # a pipe gives 64 KiB at a time: more is waited for so long
_LONGEST_GATHER = 0.5  # seconds that the first byte waits at most


class Lag(NamedTuple):
    """How far reading is behind."""

    bytes: int | None  # None where nobody knows how much a pipe holds


class LineCutter:
    """Cuts the bytes of one file into pieces of whole lines; the unfinished last line waits.

    A line of more than LONGEST_LINE bytes is dropped as it comes: memory holds one chunk, whatever a file
    without newlines may send.
    """

    def __init__(self, file: int, offset: int = 0, first_number: int = 1) -> None:
        self.file = file
        self.offset = offset  # of the unfinished line
        self.number = first_number  # of the unfinished line
        self.rest = b""
        self._dropped = 0  # bytes of the unfinished line that were dropped
        self._beginning = b""

    @property
    def position(self) -> int:
        """The byte after all that was put in."""
        return self.offset + self._dropped + len(self.rest)

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
        if not whole and not cut:
            return None
        return Piece(self.file, start, number, whole, self.offset, cut)

    def finish(self) -> Piece | None:
        """The last line, where no newline ends it."""
        cut = self._cut() if self._dropped else ()
        start, content, number = self.offset, self.rest, self.number
        self.offset = self.position
        self.rest, self._dropped = b"", 0
        if not content and not cut:
            return None
        self.number += 1 if content else 0
        return Piece(self.file, start, number, content, self.offset, cut)

    def _cut(self) -> tuple[BadLine, ...]:
        line = BadLine(self.number, TOO_LONG, shown(self._beginning))
        self.number += 1
        return (line,)


class Source(ABC):
    """A log that gives pieces of whole lines."""

    holds_text = False  # whether lines can be read again at their offset later on

    def __init__(self, name: str) -> None:
        self.name = name
        self.ended = False  # nothing will follow
        self.problem: str | None = None  # why it ended too soon

    @abstractmethod
    def read(self, patience: float) -> Piece | None:
        """The next piece; None where nothing came within ``patience`` seconds, or at the end."""

    def caught_up(self) -> bool:
        """Whether the last ``read`` took everything that was there."""
        return False

    def line(self, file: int, offset: int) -> str | None:
        """A line that was read before; None where it cannot be read again."""
        return None

    def lag(self) -> Lag:
        return Lag(None)

    def news(self) -> list[tuple[str, str]]:
        """What happened to the file since the last call: (kind, what)."""
        return []

    def close(self) -> None:  # noqa: B027  nothing to let go of, unless a source says so
        """Let go of files."""


class PipeSource(Source):
    """Standard input. A slow pipe's lines do not wait for more, a steady one's for half a second at most."""

    def __init__(self) -> None:
        super().__init__("stdin")
        self.cutter = LineCutter(0)
        self.descriptor = sys.stdin.fileno()
        self._emptied = False

    def read(self, patience: float) -> Piece | None:
        blocks: list[bytes] = []
        size, wait, until = 0, patience, math.inf
        self._emptied = False
        while size < CHUNK_BYTES:
            if not self._is_ready(wait):
                self._emptied = True
                break
            block = os.read(self.descriptor, CHUNK_BYTES)
            if not block:
                self.ended = True
                break
            now = time.monotonic()
            if not blocks:
                until = now + _LONGEST_GATHER
            blocks.append(block)
            size += len(block)
            if now >= until:
                self._emptied = not self._is_ready(0)
                break
            wait = min(patience, _GATHER_SECONDS, until - now)
        piece = self.cutter.put(b"".join(blocks)) if blocks else None
        if piece is None and self.ended:
            return self.cutter.finish()
        if self.ended and (self.cutter.rest or self.cutter.position > self.cutter.offset):
            self.ended = False  # the last line comes with the next call: reading an ended pipe gives nothing
        return piece

    def _is_ready(self, wait: float) -> bool:
        return bool(select.select([self.descriptor], [], [], wait)[0])

    def caught_up(self) -> bool:
        return self._emptied


class GzipSource(Source):
    """A packed log. Offsets are those of its text."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.cutter = LineCutter(0)
        self.stream = gzip.open(path)  # noqa: SIM115  open as long as the source
        self._read_up = False

    def read(self, patience: float) -> Piece | None:
        while not self._read_up:
            piece = self.cutter.put(self._block())
            if piece is not None:
                return piece
        self.ended = True
        return self.cutter.finish()

    def _block(self) -> bytes:
        """Some megabytes of text, less before its end or where the file is broken."""
        blocks: list[bytes] = []
        size = 0
        while size < CHUNK_BYTES and not self._read_up:
            try:
                blocks.append(self.stream.read1(CHUNK_BYTES))  # read() would lose what precedes an error
            except (OSError, EOFError, zlib.error) as error:
                self.problem = f"broken after byte {self.cutter.position + size:,} of its text: {error}"
                self._read_up = True
            else:
                size += len(blocks[-1])
                self._read_up = not blocks[-1]
        return b"".join(blocks)

    def close(self) -> None:
        self.stream.close()


def check_log(path: str) -> None:
    """Raise UserError for a log that is missing, a folder, or not readable."""
    if path == STDIN:
        return
    file = Path(path)
    if file.is_dir():
        raise UserError(f"{path} is a folder: give one of its files")
    try:
        with file.open("rb"):
            pass
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the path is relative to {Path.cwd()}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
