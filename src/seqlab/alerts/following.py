"""A plain log file that is read to its end, or followed through rotation and truncation."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from seqlab.alerts import sources
from seqlab.alerts.sources import Source
from seqlab.logs.reading import LONGEST_LINE, Chunk, LineCutter

POLL_SECONDS = 0.1
_HEAD_BYTES = 256


class OpenFile:
    """A plain file that is read. It is known again by its inode and its first bytes.

    Args:
        number: what its lines are asked for by.
        state: where ``FileSource.state`` left it.
    """

    def __init__(self, path: Path, number: int, state: dict[str, Any] | None = None) -> None:
        self.stream = path.open("rb", buffering=0)
        found = os.fstat(self.stream.fileno())
        self.identity = (found.st_dev, found.st_ino)
        self.cutter = LineCutter(number)
        self.head = b""
        if state is not None and found.st_ino == state["inode"]:
            self.head = bytes.fromhex(state["head"])
            if self.was_emptied(state["offset"]):
                self.head = b""
            else:
                self.cutter = LineCutter(number, state["offset"], state["line"])
                self.stream.seek(state["offset"])

    def read(self) -> bytes:
        """The next block; empty at the end."""
        block = self.stream.read(sources.CHUNK_BYTES) or b""
        if len(self.head) < _HEAD_BYTES:
            self.head = os.pread(self.stream.fileno(), min(_HEAD_BYTES, self.cutter.position + len(block)), 0)
        return block

    @property
    def size(self) -> int:
        return os.fstat(self.stream.fileno()).st_size

    def was_emptied(self, position: int) -> bool:
        """Whether it is shorter than what was read, or begins with something else now."""
        return self.size < position or os.pread(self.stream.fileno(), len(self.head), 0) != self.head


class FileSource(Source):
    """A plain log file.

    When following: a file that another took the place of (rotation) is read to its end, then the new one from
    its start, once something stands in it. A file that was emptied is read from its start again.

    Args:
        follow: go on at the end of the file, for ever.
        keep_rest: leave a last line without its newline for the next time.
        state: what ``state`` gave before: reading goes on there, if it is still the same file.
    """

    holds_text = True

    def __init__(
        self, path: str, *, follow: bool = False, keep_rest: bool = False, state: dict[str, Any] | None = None
    ) -> None:
        super().__init__(path)
        self.path = Path(path)
        self.follow = follow
        self.keep_rest = keep_rest or follow
        self._news: list[tuple[str, str]] = []
        self._at_end = False
        self._unreadable = ""  # what was said of a new file that cannot be opened
        self.file = OpenFile(self.path, 0 if state is None else state["file"], state)
        if state is not None and state["offset"] and not self.file.cutter.offset:
            self.file.cutter = LineCutter(state["file"] + 1)
            what = f"{self.path} is another file now, or was emptied: it is read from its start"
            self._news.append(("lost", f"{what}; what followed byte {state['offset']:,} before was not read"))

    def state(self) -> dict[str, Any]:
        cutter = self.file.cutter
        place = {"file": cutter.file, "offset": cutter.offset, "line": cutter.number}
        return place | {"inode": self.file.identity[1], "head": self.file.head.hex()}

    def read(self, patience: float) -> Chunk | None:
        until = time.monotonic() + patience
        while True:
            piece = self._read_now()
            if piece is not None or self.ended or time.monotonic() >= until:
                return piece
            if self._at_end:
                time.sleep(max(min(POLL_SECONDS, until - time.monotonic()), 0))

    def _read_now(self) -> Chunk | None:
        if self.follow and self.file.was_emptied(self.file.cutter.position):
            self._news.append(("truncated", "truncated: read from its start again"))
            return self._begin_again()
        block = self.file.read()
        self._at_end = len(block) < sources.CHUNK_BYTES
        if block:
            return self.file.cutter.put(block)
        if not self.follow:
            self.ended = True
            return None if self.keep_rest else self.file.cutter.finish()
        new = self._replacement() if self._was_replaced() else None
        if new is None:
            return None
        if block := self.file.read():  # written between the last look and the rotation
            new.stream.close()
            return self.file.cutter.put(block)
        self._news.append(("rotated", "rotated: a new file, from its start"))
        return self._go_on_with(new)

    def _replacement(self) -> OpenFile | None:
        try:
            return OpenFile(self.path, self.file.cutter.file + 1)
        except OSError as error:
            what = f"a new file that cannot be opened: {error.strerror}; trying again and again"
            if what != self._unreadable:
                self._news.append(("unreadable", what))
            self._unreadable = what
            return None

    def _was_replaced(self) -> bool:
        """Whether something stands in another file under the log's name."""
        try:
            found = self.path.stat()
        except OSError:  # gone for a moment, or for longer, which a stall tells of
            return False
        return bool(found.st_size) and (found.st_dev, found.st_ino) != self.file.identity

    def _begin_again(self) -> Chunk | None:
        piece = self.file.cutter.finish()
        self.file.cutter, self.file.head = LineCutter(self.file.cutter.file + 1), b""
        self.file.stream.seek(0)
        return piece

    def _go_on_with(self, new: OpenFile) -> Chunk | None:
        """Begin with a file; what the one before left without a newline is a line too."""
        piece = self.file.cutter.finish()
        self.file.stream.close()
        self.file, self._at_end, self._unreadable = new, False, ""
        return piece

    def caught_up(self) -> bool:
        return self._at_end and not self._was_replaced()

    def line(self, file: int, offset: int) -> str | None:
        if file != self.file.cutter.file:
            return None
        content = os.pread(self.file.stream.fileno(), LONGEST_LINE + 1, offset)
        try:
            return content.split(b"\n", 1)[0].removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            return None

    @property
    def unfinished_bytes(self) -> int:
        return self.file.cutter.unfinished_bytes if self.ended else 0

    @property
    def unread_bytes(self) -> int:
        return max(self.file.size - self.file.cutter.position, 0)

    def news(self) -> list[tuple[str, str]]:
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        self.file.stream.close()
