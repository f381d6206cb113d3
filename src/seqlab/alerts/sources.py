"""Logs that come as chunks of whole lines: what all kinds have in common, pipes and packed files."""

from __future__ import annotations

import math
import os
import select
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from seqlab.errors import UserError
from seqlab.logs.reading import STDIN, Chunk, LineCutter, find_logs, read_chunks

CHUNK_BYTES = 4 << 20
_GATHER_SECONDS = 0.1  # a pipe gives 64 KiB at a time: more is waited for so long
_LONGEST_GATHER = 0.5  # seconds that the first byte waits at most


class Source(ABC):
    """A log that gives chunks of whole lines."""

    holds_text = False  # whether lines can be read again at their offset later on

    def __init__(self, name: str) -> None:
        self.name = name
        self.ended = False  # nothing will follow
        self.problem: str | None = None  # why it ended too soon

    @abstractmethod
    def read(self, patience: float) -> Chunk | None:
        """The next chunk; None where nothing came within ``patience`` seconds, or at the end."""

    @property
    def unfinished_bytes(self) -> int:
        """Of a last line that is left for the next time."""
        return 0

    @property
    def unread_bytes(self) -> int | None:
        """How far reading is behind; None where nobody knows."""
        return None

    def caught_up(self) -> bool:
        """Whether the last ``read`` took everything that was there."""
        return False

    def line(self, file: int, offset: int) -> str | None:
        """A line that was read before; None where it cannot be read again."""
        return None

    def news(self) -> list[tuple[str, str]]:
        """What happened to the file since the last call: (kind, what)."""
        return []

    def state(self) -> dict[str, Any] | None:
        """Where reading stands, for the next time; None where nobody can go on there."""
        return None

    @abstractmethod
    def close(self) -> None:
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
        self._emptied = False

    def read(self, patience: float) -> Chunk | None:
        content, at_end = self._gather(patience)
        chunk = self.cutter.put(content) if content else None
        if chunk is None and at_end:
            self.ended = True
            return self.cutter.finish()
        return chunk  # an ended pipe is read once more, which gives its last line

    def _gather(self, patience: float) -> tuple[bytes, bool]:
        """What comes in time, and whether the pipe has ended."""
        blocks: list[bytes] = []
        size, wait, until = 0, patience, math.inf
        self._emptied = False
        while size < CHUNK_BYTES and wait >= 0:
            if not select.select([self.descriptor], [], [], wait)[0]:
                self._emptied = True
                break
            block = os.read(self.descriptor, CHUNK_BYTES)
            if not block:
                return b"".join(blocks), True
            now = time.monotonic()
            until = min(until, now + _LONGEST_GATHER)
            blocks.append(block)
            size += len(block)
            wait = min(patience, _GATHER_SECONDS, until - now)
        return b"".join(blocks), False

    def caught_up(self) -> bool:
        return self._emptied or not select.select([self.descriptor], [], [], 0)[0]

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

    def close(self) -> None:
        pass


def open_source(
    log: str, *, follow: bool = False, keep_rest: bool = False, state: dict[str, Any] | None = None
) -> Source:
    """A log by its name: ``-``, a pipe, a packed or a plain file. See ``FileSource`` for the arguments."""
    if log == STDIN:
        return PipeSource()
    if Path(log).exists() and not Path(log).is_file():
        return PipeSource(log)
    if log.lower().endswith(".gz"):
        return GzipSource(log)
    from seqlab.alerts.following import FileSource

    return FileSource(log, follow=follow, keep_rest=keep_rest, state=state)
