"""Logs that come as chunks of whole lines: pipes, packed files, and plain files that may be followed."""

from __future__ import annotations

import math
import os
import select
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated

from annotated_types import Ge
from typing_extensions import TypedDict

from seqlab.errors import UserError
from seqlab.logs.reading import LONGEST_LINE, STDIN, Chunk, LineCutter, find_logs, read_chunks
from seqlab.schemas import Count, Number, Reads

CHUNK_BYTES = 4 << 20
POLL_SECONDS = 0.1
_GATHER_SECONDS = 0.1  # a pipe gives 64 KiB at a time: more is waited for so long
_LONGEST_GATHER = 0.5  # seconds that the first byte waits at most
_HEAD_BYTES = 256


class Place(TypedDict):
    """Where reading of a file stands."""

    file: Count  # files before it that it took the place of
    offset: Number
    line: Number
    inode: Annotated[int, Ge(0)]
    head: Annotated[str, Reads(bytes.fromhex)]  # the file's first bytes


class Source(ABC):
    """A log that gives chunks of whole lines."""

    holds_text = False  # whether lines can be read again at their offset later on
    ended = False  # nothing will follow
    problem: str | None = None  # why it ended too soon

    def __init__(self, name: str) -> None:
        self.name = name
        self.news: list[tuple[str, str]] = []  # what happened to the file: (kind, what); the reader clears it

    @abstractmethod
    def read(self, patience: float) -> Chunk | None:
        """The next chunk; None where nothing came within ``patience`` seconds, or at the end."""

    def unread_bytes(self) -> int | None:
        """How far reading is behind; None where nobody knows."""
        return None

    def caught_up(self) -> bool:
        """Whether the last ``read`` took everything that was there."""
        return False

    def line(self, file: int, offset: int) -> str | None:
        """A line that was read before; None where it cannot be read again."""
        return None

    def state(self) -> Place | None:
        """Where reading stands, for the next time; None where nobody can go on there."""
        return None

    def close(self) -> None:  # noqa: B027 - some hold no file
        """Let go of files."""


class PipeSource(Source):
    """A pipe. A slow one's lines do not wait for more, a steady one's for half a second at most.

    Args:
        path: of a named pipe, such as that of a shell's ``<(zcat old.gz)``; None for standard input.
    """

    def __init__(self, path: str | None = None) -> None:
        super().__init__(path or "stdin")
        if path is None and sys.stdin is None:
            raise UserError("-: standard input is closed; give a file, or send the log through a pipe")
        self.descriptor = sys.stdin.fileno() if path is None else os.open(path, os.O_RDONLY)
        self.cutter = LineCutter(0)

    def read(self, patience: float) -> Chunk | None:
        content, wait, until = bytearray(), patience, math.inf
        while len(content) < CHUNK_BYTES and wait >= 0 and self._has_more(wait):
            block = os.read(self.descriptor, CHUNK_BYTES)
            if not block and not content:  # an ended pipe is read again until nothing is left
                self.ended = True
                return self.cutter.finish()
            if not block:
                break
            content += block
            now = time.monotonic()
            until = min(until, now + _LONGEST_GATHER)
            wait = min(patience, _GATHER_SECONDS, until - now)
        return self.cutter.put(bytes(content)) if content else None

    def _has_more(self, wait: float) -> bool:
        return bool(select.select([self.descriptor], [], [], wait)[0])

    def caught_up(self) -> bool:
        return not self._has_more(0)

    def close(self) -> None:
        if self.name != "stdin":
            os.close(self.descriptor)


class GzipSource(Source):
    """A packed log. Offsets are those of its text."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._chunks = read_chunks(find_logs([path]), CHUNK_BYTES)

    def read(self, patience: float) -> Chunk | None:
        try:
            return next(self._chunks)
        except StopIteration:
            self.ended = True
        except UserError as error:
            self.ended, self.problem = True, str(error)
        return None


class FileSource(Source):
    """A plain log file, known again by its inode and its first bytes.

    When following: a file that another took the place of (rotation) is read to its end, then the new one from
    its start, once something stands in it. A file that was emptied is read from its start again.

    Args:
        follow: go on at the end of the file, for ever.
        keep_rest: leave a last line without its newline for the next time.
        state: what ``state`` gave before: reading goes on there, if it is still the same file.
    """

    holds_text = True

    def __init__(
        self, path: str, *, follow: bool = False, keep_rest: bool = False, state: Place | None = None
    ) -> None:
        super().__init__(path)
        self.path = Path(path)
        self.follow = follow
        self.keep_rest = keep_rest or follow
        self.stream = self.path.open("rb", buffering=0)
        self.cutter = LineCutter(0)
        self._head = b""
        self._at_end = False
        if state is not None:
            self._go_on(state["offset"], state["line"], state["file"], state["inode"], state["head"])

    def state(self) -> Place:
        cutter = self.cutter
        return Place(
            file=cutter.file,
            offset=cutter.offset,
            line=cutter.number,
            inode=self._stat().st_ino,
            head=self._head.hex(),
        )

    def _go_on(self, offset: int, line: int, file: int, inode: int, head: str) -> None:
        self._head = bytes.fromhex(head)
        if self._stat().st_ino == inode and not self._was_emptied(offset):
            self.cutter = LineCutter(file, offset, line)
            self.stream.seek(offset)
            return
        self._head, self.cutter = b"", LineCutter(file + 1)
        if offset:
            what = f"{self.path} is another file now, or was emptied: it is read from its start"
            self.news.append(("lost", f"{what}; what followed byte {offset:,} before was not read"))

    def read(self, patience: float) -> Chunk | None:
        until = time.monotonic() + patience
        while True:
            piece = self._read_now()
            if piece is not None or self.ended or time.monotonic() >= until:
                return piece
            if self._at_end:
                time.sleep(max(min(POLL_SECONDS, until - time.monotonic()), 0))

    def _read_now(self) -> Chunk | None:
        if self.follow and self._was_emptied(self.cutter.position):
            return self._begin_again("truncated", "truncated: read from its start again")
        was_replaced = self.follow and self._was_replaced()  # what was written before is read first
        block = self.stream.read(CHUNK_BYTES) or b""
        self._at_end = len(block) < CHUNK_BYTES
        if block:
            if len(self._head) < _HEAD_BYTES:
                self._head = self._bytes(min(_HEAD_BYTES, self.cutter.position + len(block)), 0)
            return self.cutter.put(block)
        if was_replaced:
            return self._begin_again("rotated", "rotated: a new file, from its start")
        self.ended = not self.follow
        return self.cutter.finish() if self.ended and not self.keep_rest else None

    def _was_emptied(self, position: int) -> bool:
        """Whether the file is shorter than what was read, or begins with something else now."""
        return self._stat().st_size < position or self._bytes(len(self._head), 0) != self._head

    def _was_replaced(self) -> bool:
        """Whether something stands in another file under the log's name."""
        try:
            found = self.path.stat()
        except OSError:  # gone for a moment, or for longer, which a stall tells of
            return False
        return bool(found.st_size) and not os.path.samestat(found, self._stat())

    def _begin_again(self, kind: str, what: str) -> Chunk | None:
        """Begin with the file that has the log's name now; an unfinished line of the one before is a line."""
        try:
            stream = self.path.open("rb", buffering=0)
        except OSError:  # tried again and again; a stall tells of it
            self._at_end = True
            return None
        rest = self.cutter.finish()
        self.stream.close()
        self.stream, self.cutter, self._head = stream, LineCutter(self.cutter.file + 1), b""
        self._at_end = False
        self.news.append((kind, what))
        return rest

    def _stat(self) -> os.stat_result:
        return os.fstat(self.stream.fileno())

    def _bytes(self, size: int, offset: int) -> bytes:
        return os.pread(self.stream.fileno(), size, offset)

    def caught_up(self) -> bool:
        return self._at_end and not self._was_replaced()

    def line(self, file: int, offset: int) -> str | None:
        if file != self.cutter.file:
            return None
        try:
            return self._bytes(LONGEST_LINE + 1, offset).split(b"\n", 1)[0].removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            return None

    def unread_bytes(self) -> int:
        return max(self._stat().st_size - self.cutter.position, 0)

    def close(self) -> None:
        self.stream.close()


def open_source(
    log: str, *, follow: bool = False, keep_rest: bool = False, state: Place | None = None
) -> Source:
    """A log by its name: ``-``, a pipe, a packed or a plain file. See ``FileSource`` for the arguments."""
    if log == STDIN:
        return PipeSource()
    if not Path(log).is_file():
        return PipeSource(log)
    if log.lower().endswith(".gz"):
        return GzipSource(log)
    return FileSource(log, follow=follow, keep_rest=keep_rest, state=state)
