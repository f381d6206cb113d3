"""A plain file, read to its end or followed as it grows: through rotation, truncation and restarts."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any, BinaryIO

from seqlab.watching.lines import LONGEST_LINE, Piece
from seqlab.watching.rotation import Known, RotatedFile, rotated_files, successors
from seqlab.watching.source import CHUNK_BYTES, Lag, LineCutter, Source

POLL_SECONDS = 0.1
_HEAD_BYTES = 256  # of a file's beginning, to know it again
_SURE_HEAD_BYTES = 64  # enough to know the copy that a rotation made before it emptied the file
_OLD_FILES = 2  # rotated files that stay open, so that their lines can be shown


class _OpenFile:
    """An opened file and how to know it again."""

    def __init__(self, path: Path, number: int, offset: int = 0, first_number: int = 1) -> None:
        self.path = path
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

    def known(self, head: bytes) -> Known:
        """What it will be known by.

        Args:
            head: how it begins, or as much as matters.
        """
        changed = os.fstat(self.stream.fileno()).st_mtime_ns
        return Known(self.identity[1], len(head), hashlib.sha256(head).hexdigest(), changed)


class FileSource(Source):
    """A plain log file.

    When following: a file that another took the place of (rotation) is read to its end, then those that came
    between, then the new one from its start, once something stands in it: until then the old one may grow.
    A file that became shorter, or whose beginning changed, is read from its start again, after the rest of it
    where rotation has made a copy.

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
        self._said: set[str] = set()  # problems, until the log itself is read again
        self._old: list[_OpenFile] = []
        self._waiting: list[_OpenFile] = []  # what is to be read after the present file
        self._behind = False  # the present file is not the log itself
        self._at_end = False
        self.file = _OpenFile(self.path, 0) if state is None else self._find(state)

    def state(self) -> dict[str, Any]:
        """Which file it is and where the first line that was not given begins."""
        cutter = self.file.cutter
        known = self.file.known(self.file.head[: cutter.offset])
        return known._asdict() | {
            "size": self.file.size,
            "offset": cutter.offset,
            "line": cutter.number,
            "file": self.file.number,
        }

    def _find(self, state: dict[str, Any]) -> _OpenFile:
        """The file of a state: the log itself, or one beside it that was the log."""
        known = Known(*(state[name] for name in Known._fields))
        number, offset, line = state["file"], state["offset"], state["line"]

        def is_it(path: Path, found: os.stat_result) -> bool:
            return found.st_size >= offset and known.begins(path)

        present = self.path.stat()
        rotated = [file for file in rotated_files(self.path) if not file.packed]
        if present.st_ino == known.inode and is_it(self.path, present):
            return _OpenFile(self.path, number, offset, line)
        for file in rotated:
            if file.found.st_ino == known.inode and is_it(file.path, file.found):
                self._news.append(("rotated", f"{self.path} is {file.path.name} now; read to its end first"))
                return self._go_on_in(file, number, offset, line)
        if offset and is_it(self.path, present):  # copied with all its content
            return _OpenFile(self.path, number, offset, line)
        for file in rotated:
            if known.head_bytes >= _SURE_HEAD_BYTES and is_it(file.path, file.found):
                self._news.append(("truncated", f"truncated: {file.path.name} has the rest; read first"))
                return self._go_on_in(file, number, offset, line)
        if state["size"]:
            packed = [file.path for file in rotated_files(self.path) if file.packed and known.head_bytes]
            now = next((f", or is {path.name} now" for path in packed if known.begins(path)), "")
            what = f"the file that was watched is gone{now}: lines after its byte {offset:,} were not read"
            self._news.append(("lost", what))
        later = successors(self.path, known)
        self._say_lost(later.lost)
        for file in later.plain:
            self._news.append(("rotated", f"{file.path.name} came after it; read first"))
            return self._go_on_in(file, number + 1)
        return _OpenFile(self.path, number + 1)

    def _go_on_in(self, file: RotatedFile, number: int, offset: int = 0, line: int = 1) -> _OpenFile:
        self._behind = True
        return _OpenFile(file.path, number, offset, line)

    def read(self, patience: float) -> Piece | None:
        until = time.monotonic() + patience
        while True:
            piece = self._read_now()
            if piece is not None or self.ended or time.monotonic() >= until:
                return piece
            time.sleep(max(min(POLL_SECONDS, until - time.monotonic()), 0))

    def _read_now(self) -> Piece | None:
        while True:
            piece = None
            if self.follow and not self._waiting and self.file.was_truncated():
                new = self._after_truncation()
                if new is None:
                    return None
                piece = self._begin(new)
            elif block := self.file.stream.read(CHUNK_BYTES):
                self._at_end = len(block) < CHUNK_BYTES
                self.file.remember_head()
                piece = self.file.cutter.put(block)
            elif self._waiting:
                new = self._waiting.pop(0)
                name = "a new file" if new.path == self.path else new.path.name
                self._news.append(("rotated", f"rotated: {name} from its start"))
                piece = self._begin(new)
            elif not ((self.follow or self._behind) and self._find_next()):
                self.ended = not self.follow
                return self.file.cutter.finish() if self.ended else None
            if piece is not None:
                return piece

    def _find_next(self) -> bool:
        """Open what is to be read after the present file, if something is."""
        try:
            present = self.path.stat()
        except OSError as error:
            self._say_once("missing", f"{error.strerror}; waiting for it to come back")
            return False
        if (present.st_dev, present.st_ino) == self.file.identity:
            self._behind = False
            self._said.clear()
            return False
        if self.follow and not (present.st_size and self._can_be_opened()):
            return False
        later = successors(self.path, self.file.known(self.file.head))
        between = [(file.path, file.found) for file in later.plain if file.found.st_ino != present.st_ino]
        for path, seen in [*between, *([(self.path, present)] if present.st_size else [])]:
            try:
                file = _OpenFile(path, self.file.number + 1 + len(self._waiting))
            except OSError as error:
                if path != self.path:
                    later.lost.append(f"{path.name} ({error.strerror})")
                continue
            if file.identity != (seen.st_dev, seen.st_ino):  # renamed again in this very moment
                file.stream.close()
                break  # the rest is found when what was opened is read
            self._waiting.append(file)
        self._say_lost(later.lost)
        return bool(self._waiting)

    def _can_be_opened(self) -> bool:
        try:
            with self.path.open("rb"):
                return True
        except OSError as error:
            what = f"a new file that cannot be opened: {error.strerror}; trying again and again"
            self._say_once("unreadable", what)
            return False

    def _after_truncation(self) -> _OpenFile | None:
        """The copy with the rest of a truncated file where there is one, else the file from its start."""
        file = self.file
        known = file.known(file.head)
        try:
            for copy in rotated_files(self.path):
                sure = known.head_bytes >= _SURE_HEAD_BYTES and not copy.packed
                if sure and copy.found.st_size > file.cutter.position and known.begins(copy.path):
                    rest = _OpenFile(copy.path, file.number, file.cutter.offset, file.cutter.number)
                    self._news.append(("truncated", f"truncated: {copy.path.name} has the rest; read first"))
                    file.cutter = LineCutter(file.number)  # what it holds of a line is in the copy too
                    return rest
            new = _OpenFile(self.path, file.number + 1)
        except OSError as error:
            self._say_once("unreadable", f"truncated, but: {error.strerror}; trying again and again")
            return None
        self._news.append(("truncated", "truncated: read from its start again"))
        return new

    def _begin(self, new: _OpenFile) -> Piece | None:
        """Begin with a file; what the one before left without a newline is a line too."""
        piece = self.file.cutter.finish()
        if new.identity == self.file.identity or new.number == self.file.number:  # its old lines are gone
            self.file.stream.close()
        else:
            self._old.append(self.file)
        for old in self._old[:-_OLD_FILES]:
            old.stream.close()
        self._old = self._old[-_OLD_FILES:]
        self.file, self._behind, self._at_end = new, new.path != self.path, False
        if not self._behind:
            self._said.clear()
        return piece

    def _say_lost(self, names: list[str]) -> None:
        for name in names:
            self._say_once("lost", f"{name} was rotated away before it was read: its lines were not read")

    def _say_once(self, kind: str, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self._news.append((kind, what))

    def caught_up(self) -> bool:
        if not self._at_end or self._waiting:
            return False
        try:
            present = self.path.stat()
        except OSError:
            return False
        return not present.st_size or (present.st_dev, present.st_ino) == self.file.identity

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
        return Lag(sum(max(file.size - file.cutter.position, 0) for file in (self.file, *self._waiting)))

    def news(self) -> list[tuple[str, str]]:
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        for file in (self.file, *self._old, *self._waiting):
            file.stream.close()
