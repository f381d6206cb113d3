"""An open log file, and how it is known again: by its inode, its beginning and the end of what was read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, BinaryIO

from seqlab.alerts.rotation import Known
from seqlab.alerts.source import LineCutter

_HEAD_BYTES = 256  # of a file's beginning
_TAIL_BYTES = 256  # before the byte where reading stands: files may begin alike
_TAIL_KEPT = 4096  # so that there are some before an unfinished line too


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class OpenFile:
    """An opened file.

    Args:
        number: what its lines are asked for by.
        offset: where the first line to be read begins.
        first_number: of that line.
    """

    def __init__(self, path: Path, number: int, offset: int = 0, first_number: int = 1) -> None:
        self.path = path
        self.stream: BinaryIO = path.open("rb", buffering=0)
        self.number = number
        found = os.fstat(self.stream.fileno())
        self.identity = (found.st_dev, found.st_ino)
        self.changed = found.st_mtime_ns  # as of the last read while it was the log, like the next
        self.seen_bytes = found.st_size
        self.stream.seek(offset)
        self.cutter = LineCutter(number, offset, first_number)
        self.head = b""
        start = max(offset - _TAIL_KEPT, 0)
        self.tail = self._content(start, offset - start)  # what was read last
        self.was_log = False  # the log when ``changed``, but no more
        self.waits_until = 0.0  # for the end of its last line, once another file took its place
        self._remember_head()

    def _content(self, start: int, size: int) -> bytes:
        return os.pread(self.stream.fileno(), size, start)

    def _remember_head(self) -> None:
        if len(self.head) < _HEAD_BYTES:
            self.head = self._content(0, _HEAD_BYTES)

    @property
    def size(self) -> int:
        return os.fstat(self.stream.fileno()).st_size

    @property
    def unread_bytes(self) -> int:
        return max(self.size - self.cutter.position, 0)

    def read(self, size: int) -> bytes:
        """The next block of so many bytes at most; empty at the end."""
        found = os.fstat(self.stream.fileno())
        block = self.stream.read(size) or b""
        if not self.was_log and (block or (self.head and found.st_size >= self.cutter.position)):
            self.changed, self.seen_bytes = found.st_mtime_ns, found.st_size
        if block:
            self.tail = (self.tail + block[-_TAIL_KEPT:])[-_TAIL_KEPT:]
            self._remember_head()
        return block

    def was_truncated(self) -> bool:
        """Shorter than what was read, or written anew up to here."""
        position = self.cutter.position
        return (
            self.size < position
            or not self._content(0, _HEAD_BYTES).startswith(self.head)
            or self._content(position - len(self.tail), len(self.tail)) != self.tail
        )

    def place(self) -> dict[str, Any]:
        """What a state holds of it: what it is known by, and where the first line not given begins."""
        cutter = self.cutter
        place = {"size": self.seen_bytes, "offset": cutter.offset, "line": cutter.number, "file": self.number}
        return self.known(cutter.offset)._asdict() | place

    def known(self, end: int | None = None) -> Known:
        """What it will be known by.

        Args:
            end: the byte up to which it counts as read; as far as it was read if not given.
        """
        position = self.cutter.position
        end = position if end is None else end
        tail = self.tail[: max(len(self.tail) - (position - end), 0)][-_TAIL_BYTES:]
        head = self.head
        return Known(self.identity[1], len(head), _digest(head), self.changed, end, len(tail), _digest(tail))
