"""A plain file, read to its end or followed as it grows: through rotation, truncation and restarts."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

from seqlab.alerts.lines import LONGEST_LINE, Piece
from seqlab.alerts.old_files import OldFiles
from seqlab.alerts.opened import OpenFile
from seqlab.alerts.rotation import Known, RotatedFile, copy_of, rotated_files, successors
from seqlab.alerts.source import CHUNK_BYTES, Lag, LineCutter, Source

POLL_SECONDS = 0.1


class FileSource(Source):
    """A plain log file.

    When following: a file that another took the place of (rotation) is read to its end, then those that came
    between, then the new one from its start, once something stands in it. The old one is looked into as long
    as it stays open: a writer may be told late. A file that became shorter, or in which something else stands
    than was read, is read from its start again, after the rest of it where rotation has made a copy.

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
        self._old = OldFiles()
        self._beside: set[int] = set()  # inodes of rotated files that were there before an empty log
        self._waiting: list[OpenFile] = []  # what is to be read after the present file
        self._behind = False  # the present file is not the log itself
        self._at_end = False
        self._away: dict[str, Any] | None = None  # the state of a file that is nowhere to be found yet
        if state is not None:
            self._news += [("lost", what) for what in self._old.restore(self.path, state.get("old", []))]
            self._beside = set(state.get("beside", []))
            self.file = self._find(state)
        else:
            self.file = OpenFile(self.path, 0)
            self._look_beside()

    def state(self) -> dict[str, Any]:
        """Which file it is and where the first line that was not given begins; the same of rotated files."""
        place = self._away
        if place is None:
            place = self.file.place() | {"beside": [] if self.file.head else sorted(self._beside)}
        return place | {"old": [file.place() for file in self._old.files]}

    def _find(self, state: dict[str, Any]) -> OpenFile:
        """The file of a state: the log itself, or one beside it that was the log."""
        known = Known.of(state)
        number, offset, line = state["file"], state["offset"], state["line"]
        try:
            present = self.path.stat().st_ino
        except OSError:
            if not self.follow:
                raise
            present = None
        is_present = present is not None and known.is_in(self.path)
        is_same = is_present and present == known.inode
        if is_same and known.head_bytes:
            return OpenFile(self.path, number, offset, line)
        for file in rotated_files(self.path):
            if file.found.st_ino == known.inode and not file.packed and known.is_in(file.path):
                self._news.append(("rotated", f"{self.path} is {file.path.name} now; read to its end first"))
                found = self._go_on_in(file, number, offset, line)
                found.changed, found.was_log = known.changed, True
                return found
        if present is None:
            self._away = state
            return OpenFile(Path(os.devnull), -1)
        if offset and is_present:  # copied with all its content
            return OpenFile(self.path, number, offset, line)
        if copy := copy_of(self.path, known):
            self._news.append(("truncated", f"truncated: {copy.path.name} has the rest; read first"))
            return self._go_on_in(copy, number, offset, line)
        return self._after_gone(state, known, is_same=is_same)

    def _after_gone(self, state: dict[str, Any], known: Known, *, is_same: bool) -> OpenFile:
        """What came after the file of a state that cannot be read any more, or that was empty."""
        number, offset = state["file"], state["offset"]
        later = successors(self.path, known, self._before)
        own = later.own
        if state["size"] and not is_same and (own is None or not own.text_bytes == offset == state["size"]):
            now = "" if own is None else f", or is {own.path.name} now"
            what = f"the file that was watched is gone{now}: lines after its byte {offset:,} were not read"
            self._news.append(("lost", what))
        self._say_lost(later.lost)
        for file in later.plain:
            self._news.append(("rotated", f"{file.path.name} came after it; read first"))
            return self._go_on_in(file, number + 1)
        return OpenFile(self.path, number if is_same else number + 1)

    @property
    def _before(self) -> set[int]:
        """Inodes of files that came before the present one, however new they look."""
        return self._old.inodes | self._beside

    def _look_beside(self) -> None:
        """An empty log cannot be known again in its copies: those are the files that were not there yet."""
        if not self.file.head:
            self._beside = {file.found.st_ino for file in rotated_files(self.path)}

    def _go_on_in(self, file: RotatedFile, number: int, offset: int = 0, line: int = 1) -> OpenFile:
        self._behind = True
        return OpenFile(file.path, number, offset, line)

    def read(self, patience: float) -> Piece | None:
        until = time.monotonic() + patience
        while True:
            piece = self._read_now()
            if piece is not None or self.ended or time.monotonic() >= until:
                return piece
            time.sleep(max(min(POLL_SECONDS, until - time.monotonic()), 0))

    def _read_now(self) -> Piece | None:
        while True:
            if self._away is not None and not self._comes_back():
                return None
            piece = self._old.read(waits=self.follow)
            if piece is not None:
                self._at_end = False  # nobody looked into the present file
            elif self.follow and not self._waiting and self._was_emptied():
                new = self._after_truncation()
                if new is None:
                    return None
                piece = self._begin(new, keep=False)
            elif block := self.file.read(CHUNK_BYTES):
                self._at_end = len(block) < CHUNK_BYTES
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

    def _comes_back(self) -> bool:
        """Whether the log is there (again): then its place is found, as at any restart."""
        assert self._away is not None
        state, news = self._away, len(self._news)
        try:
            if not self.path.exists():
                self._say_once("missing", f"{os.strerror(errno.ENOENT)}; waiting for it to come back")
                return False
            self._away = None
            found = self._find(state)
        except OSError as error:  # what is there now cannot be read
            self._away = state
            del self._news[news:]
            self._say_once("unreadable", f"cannot be opened: {error.strerror}; trying again and again")
            return False
        self.file.stream.close()
        self.file = found
        return self._away is None

    def _find_next(self) -> bool:
        """Open what is to be read after the present file, if something is."""
        try:
            present = self.path.stat()
        except OSError as error:
            self._say_once("missing", f"{error.strerror}; waiting for it to come back")
            return False
        self.file.was_log = (present.st_dev, present.st_ino) != self.file.identity
        if not self.file.was_log:
            self._behind = False
            self._said.clear()
            return False
        if self.follow and not (present.st_size and self._can_be_opened()):
            return False
        known = self.file.known()
        if (copy := self._copy_in_place(known, present.st_ino)) is not None:
            what = f"replaced by a copy of itself; read on after its byte {copy.cutter.offset:,}"
            self._news.append(("rotated", what))
            self.file.cutter = LineCutter(self.file.number)  # what it holds of a line is in the copy too
            self._begin(copy, keep=False)
            return True
        later = successors(self.path, known, self._before)
        between = [(file.path, file.found) for file in later.plain if file.found.st_ino != present.st_ino]
        for path, seen in [*between, *([(self.path, present)] if present.st_size else [])]:
            try:
                file = OpenFile(path, self.file.number + 1 + len(self._waiting))
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

    def _copy_in_place(self, known: Known, inode: int) -> OpenFile | None:
        """The log, where it is the present file with all its content, copied there; None for a new one."""
        cutter = self.file.cutter
        if not (known.is_sure and cutter.position and known.is_in(self.path)):
            return None
        if any(file.found.st_ino == known.inode for file in rotated_files(self.path)):
            return None  # rotated; both begin with the same lines
        try:
            file = OpenFile(self.path, self.file.number, cutter.offset, cutter.number)
        except OSError:
            return None
        if file.identity[1] == inode:
            return file
        file.stream.close()  # replaced again in this very moment
        return None

    def _was_emptied(self) -> bool:
        """Whether it was truncated, or filled, copied and truncated while it seemed to be empty."""
        if self.file.was_truncated():
            return True
        if self.file.head or self._behind or not self.file.size:
            return False
        later = successors(self.path, self.file.known(), self._before)
        return bool(later.plain and later.own is None)

    def _after_truncation(self) -> OpenFile | None:
        """What is read after the file was emptied: a copy with its rest, later copies, or the file anew."""
        file, known = self.file, self.file.known()
        cutter = file.cutter
        try:
            copy = copy_of(self.path, known)
            if copy is not None and copy.found.st_size > cutter.position:
                rest = OpenFile(copy.path, file.number, cutter.offset, cutter.number)
                self._news.append(("truncated", f"truncated: {copy.path.name} has the rest; read first"))
                file.cutter = LineCutter(file.number)  # what it holds of a line is in the copy too
                return rest
            later = successors(self.path, known, self._before, copy)
            path = next((between.path for between in later.plain), self.path)
            new = OpenFile(path, file.number + 1)
        except OSError as error:
            self._say_once("unreadable", f"truncated, but: {error.strerror}; trying again and again")
            return None
        self._say_lost(later.lost)
        whole = file.seen_bytes if later.own is None else later.own.text_bytes
        if whole is None or whole > cutter.position:  # more was there than could be read
            what = f"lines after its byte {cutter.position:,} were not read"
            self._news.append(("lost", f"truncated before it was read to its end: {what}"))
        first = "read" if path == self.path else f"{path.name} came between; read"
        self._news.append(("truncated", f"truncated: {first} from its start{' again' * (path == self.path)}"))
        return new

    def _begin(self, new: OpenFile, *, keep: bool = True) -> Piece | None:
        """Begin with a file.

        Args:
            keep: the one before may still grow. Else what it left without a newline is a line too.
        """
        piece = None
        if keep:
            self._old.add(self.file)
        else:
            piece = self.file.cutter.finish()
            self.file.stream.close()
        self.file, self._behind, self._at_end = new, new.path != self.path, False
        self._beside = set()
        if not self._behind:
            self._said.clear()
            self._look_beside()
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
        for known in (self.file, *self._old.files):
            if known.number == file:
                content = os.pread(known.stream.fileno(), LONGEST_LINE + 1, offset)
                try:
                    return content.split(b"\n", 1)[0].removesuffix(b"\r").decode()
                except UnicodeDecodeError:
                    return None
        return None

    def lag(self) -> Lag:
        return Lag(sum(file.unread_bytes for file in (*self._old.files, self.file, *self._waiting)))

    def news(self) -> list[tuple[str, str]]:
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        for file in (self.file, *self._old.files, *self._waiting):
            file.stream.close()
