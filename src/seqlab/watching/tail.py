"""A plain file, read to its end or followed as it grows: through rotation, truncation and restarts."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from seqlab.watching.lines import LONGEST_LINE, Piece
from seqlab.watching.source import CHUNK_BYTES, Lag, LineCutter, Source

POLL_SECONDS = 0.1
_HEAD_BYTES = 256  # of a file's beginning, to know it again
_OLD_FILES = 2  # rotated files that stay open, so that their lines can be shown


class _OpenFile:
    """An opened file and how to know it again."""

    def __init__(self, path: Path, number: int, offset: int = 0, first_number: int = 1) -> None:
        self.stream: BinaryIO = path.open("rb", buffering=0)
        self.number = number
        found = os.fstat(self.stream.fileno())
        self.identity = (found.st_dev, found.st_ino)
        self.stream.seek(offset)
        self.cutter = LineCutter(number, offset, first_number)
        self.head = b""
        self.remember_head()

    def remember_head(self) -> None:
        if len(self.head) < _HEAD_BYTES:
            self.head = self.current_head()

    def current_head(self) -> bytes:
        return os.pread(self.stream.fileno(), _HEAD_BYTES, 0)

    @property
    def size(self) -> int:
        return os.fstat(self.stream.fileno()).st_size

    def was_truncated(self) -> bool:
        """Shorter than what was read, or written anew up to here."""
        return self.size < self.cutter.position or not self.current_head().startswith(self.head)


class FileSource(Source):
    """A plain log file.

    When following: a file that another took the place of (rotation) is read to its end, then the new one
    from its start; a file that became shorter, or whose beginning changed, is read from its start again.

    Args:
        follow: go on at the end of the file, for ever.
        state: what ``state`` gave before: reading goes on there, in the file that it was, under whatever
            name that file now has in its folder.
    """

    def __init__(self, path: str, *, follow: bool = False, state: dict[str, Any] | None = None) -> None:
        super().__init__(path)
        self.path = Path(path)
        self.follow = follow
        self.holds_text = True
        self._news: list[tuple[str, str]] = []
        self._old: list[_OpenFile] = []
        self._missing_since: float | None = None
        self._waiting: list[Path] = []  # rotated while nobody watched: to be read before the path itself
        self.file = _OpenFile(self.path, 0) if state is None else self._find(state)

    def state(self) -> dict[str, Any]:
        """Which file it is and where the first line that was not given begins."""
        cutter = self.file.cutter
        head = self.file.head[: cutter.offset]
        return {
            "inode": self.file.identity[1],
            "head_bytes": len(head),
            "head": hashlib.sha256(head).hexdigest(),
            "offset": cutter.offset,
            "line": cutter.number,
            "file": self.file.number,
        }

    def _find(self, state: dict[str, Any]) -> _OpenFile:
        """The file of a state: the path itself, or a file beside it that was called so."""

        def is_it(path: Path, *, same_inode: bool) -> bool:
            try:
                found = path.stat()
                with path.open("rb") as stream:
                    head = stream.read(state["head_bytes"])
            except OSError:
                return False
            return (
                (found.st_ino == state["inode"]) is same_inode
                and found.st_size >= state["offset"]
                and hashlib.sha256(head).hexdigest() == state["head"]
            )

        number, offset, line = state["file"], state["offset"], state["line"]
        if is_it(self.path, same_inode=True):
            return _OpenFile(self.path, number, offset, line)
        for path in _rotated(self.path):
            if is_it(path, same_inode=True):
                since = path.stat().st_mtime_ns
                later = [other for other in _rotated(self.path) if other.stat().st_mtime_ns > since]
                self._waiting = [*sorted(later, key=lambda other: other.stat().st_mtime_ns), self.path]
                self._news.append(("rotated", f"{self.path} is {path.name} now; read to its end first"))
                return _OpenFile(path, number, offset, line)
        if offset and is_it(self.path, same_inode=False):  # copied with all its content
            return _OpenFile(self.path, number, offset, line)
        if offset:
            what = f"the file that was watched is gone: lines after its byte {offset:,} were not read"
            self._news.append(("lost", what))
        return _OpenFile(self.path, number + 1)

    def read(self, patience: float) -> Piece | None:
        until = time.monotonic() + patience
        while True:
            piece = self._read_now()
            if piece is not None or self.ended or time.monotonic() >= until:
                return piece
            time.sleep(max(min(POLL_SECONDS, until - time.monotonic()), 0))

    def _read_now(self) -> Piece | None:
        file = self.file
        while True:
            if self.follow and file.was_truncated():
                return self._restart("truncated", "truncated: read from its start again", self.path)
            block = file.stream.read(CHUNK_BYTES)
            if not block:
                break
            file.remember_head()
            piece = file.cutter.put(block)
            if piece is not None:
                return piece
        if self._waiting:
            return self._restart("", "", self._waiting.pop(0))
        if not self.follow:
            self.ended = True
            return file.cutter.finish()
        return self._check_rotation()

    def _check_rotation(self) -> Piece | None:
        try:
            found = self.path.stat()
        except OSError as error:
            if self._missing_since is None:
                self._missing_since = time.monotonic()
                self._news.append(("missing", f"{error.strerror}; waiting for it to come back"))
            return None
        self._missing_since = None
        if (found.st_dev, found.st_ino) == self.file.identity:
            return None
        block = self.file.stream.read(CHUNK_BYTES)  # written between the last read and the rotation
        if block:
            return self.file.cutter.put(block)
        return self._restart("rotated", "rotated: a new file from its start", self.path)

    def _restart(self, kind: str, what: str, path: Path) -> Piece | None:
        """Begin with a file; what the one before left without a newline is a line too."""
        try:
            new = _OpenFile(path, self.file.number + 1)
        except OSError:  # moved again in this very moment: the next poll finds it
            return None
        piece = self.file.cutter.finish()
        if kind == "truncated":  # its old lines are gone
            self.file.stream.close()
        else:
            self._old.append(self.file)
        for old in self._old[:-_OLD_FILES]:
            old.stream.close()
        self._old = self._old[-_OLD_FILES:]
        self.file = new
        if kind:
            self._news.append((kind, what))
        return piece

    def line(self, file: int, offset: int) -> str | None:
        for known in (self.file, *self._old):
            if known.number == file:
                content = os.pread(known.stream.fileno(), LONGEST_LINE + 1, offset)
                try:
                    return content.split(b"\n", 1)[0].removesuffix(b"\r").decode()
                except UnicodeDecodeError:
                    return None
        return None

    def lag(self) -> Lag:
        waiting = sum(path.stat().st_size for path in self._waiting if path.exists())
        return Lag(max(self.file.size - self.file.cutter.position, 0) + waiting)

    def news(self) -> list[tuple[str, str]]:
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        for file in (self.file, *self._old):
            file.stream.close()


def _rotated(path: Path) -> list[Path]:
    """Files beside ``path`` that may have been it: ``app.log.1``, ``app.log-20261125``, ``app-1.log``."""

    def candidates() -> Iterator[Path]:
        for other in path.parent.iterdir():
            if other != path and other.name.startswith(path.stem) and other.is_file():
                yield other

    return sorted(candidates())
