"""What a log's older files are called once others took its place, and which came after a given one."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

_DIGITS = r"[.-](\d+(?:[-_T.]\d+)*)"  # .1 -20261125 .2026-11-25_10 -1764028800
_PACKED = r"(\.(?:gz|bz2|xz|zst|lz4|lzma|Z|zip))?"
_DATE_DIGITS = 6  # a number of so many says when, a shorter one how many files ago
_MOST_MISSED = 100
_SURE_BYTES = 64  # of a beginning are enough to know a file


class Known(NamedTuple):
    """What a file is known again by."""

    inode: int
    head_bytes: int
    head: str  # SHA-256 of so many bytes at its beginning
    changed: int  # when it was last written to, as far as is known; nanoseconds
    read: int = 0  # bytes
    tail_bytes: int = 0
    tail: str = hashlib.sha256().hexdigest()  # SHA-256 of so many bytes before ``read``

    @classmethod
    def of(cls, place: dict[str, Any]) -> Known:
        """That of a state; older states hold less."""
        return cls(**{name: place[name] for name in cls._fields if name in place})

    @property
    def is_sure(self) -> bool:
        """Whether it can be told from other files by its content alone."""
        return self.head_bytes >= _SURE_BYTES

    def is_in(self, path: Path) -> bool:
        """Whether a plain file holds all that was read of it, as far as both ends of that tell."""
        try:
            with path.open("rb") as stream:
                if os.fstat(stream.fileno()).st_size < self.read:
                    return False
                head = stream.read(self.head_bytes)
                stream.seek(self.read - self.tail_bytes)
                tail = stream.read(self.tail_bytes)
        except OSError:
            return False
        return hashlib.sha256(head).hexdigest() == self.head and hashlib.sha256(tail).hexdigest() == self.tail

    def begins(self, path: Path) -> bool:
        """Whether a file, unpacked if need be, begins like it."""
        opener: Callable[[Path], IO[bytes]] = gzip.open if path.suffix == ".gz" else _open  # type: ignore[assignment]
        try:
            with opener(path) as stream:
                head = stream.read(self.head_bytes)
        except (OSError, EOFError):
            return False
        return hashlib.sha256(head).hexdigest() == self.head


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


@dataclass(frozen=True)
class RotatedFile:
    """A file beside a log that was the log before, or may have been."""

    path: Path
    form: str  # its name, without the number or date
    digits: str
    packed: bool
    found: os.stat_result

    @property
    def is_date(self) -> bool:
        return sum(letter.isdecimal() for letter in self.digits) >= _DATE_DIGITS

    @property
    def rank(self) -> tuple[int, ...]:
        """Later files have higher ones, among names of one form."""
        numbers = tuple(map(int, re.findall(r"\d+", self.digits)))
        return numbers if self.is_date else tuple(-number for number in numbers)

    @property
    def age(self) -> tuple[int, tuple[int, ...]]:
        """Later files have higher ones: when the last line was written, then the rank."""
        return self.found.st_mtime_ns, self.rank

    @property
    def text_bytes(self) -> int | None:
        """How long its text is (modulo 4 GB where it is packed); None where its packer does not say."""
        if not self.packed:
            return self.found.st_size
        if self.path.suffix != ".gz":
            return None
        try:
            with self.path.open("rb") as stream:
                stream.seek(-4, os.SEEK_END)
                return int.from_bytes(stream.read(4), "little")
        except OSError:
            return None


class Successors(NamedTuple):
    """What became of a log between one of its files and the present one."""

    plain: list[RotatedFile]  # to be read, the oldest first
    lost: list[str]  # names of those that can be read no more
    own: RotatedFile | None  # what the known file is called now, or its copy


def rotated_files(log: Path) -> list[RotatedFile]:
    """Those that logrotate and its like make: ``app.log.1``, ``app.log-20261125``, ``app-20261125.log``,
    ``app.1.log``, packed or not. No other file beside a log is taken for a part of it."""
    patterns = [re.compile(f"{re.escape(log.name)}{_DIGITS}{_PACKED}")]
    if log.suffix:
        patterns.append(re.compile(f"{re.escape(log.stem)}{_DIGITS}{re.escape(log.suffix)}{_PACKED}"))
    rotated = []
    try:
        beside = list(log.parent.iterdir())
    except OSError:  # a folder whose files may be read but not listed
        return []
    for path in beside:
        match = next((match for each in patterns if (match := each.fullmatch(path.name))), None)
        if match is None or path == log:
            continue
        try:
            found = path.stat()
        except OSError:  # rotated away in this very moment
            continue
        if path.is_file():
            form = path.name[: match.start(1)] + "*" + path.name[match.end(1) :].removesuffix(match[2] or "")
            rotated.append(RotatedFile(path, form, match[1], match[2] is not None, found))
    return rotated


def copy_of(log: Path, known: Known) -> RotatedFile | None:
    """The copy of the known file that a rotation made before it emptied it: the oldest that may be it."""

    def is_it(file: RotatedFile) -> bool:
        sure = known.is_sure or file.found.st_mtime_ns >= known.changed
        return bool(known.head_bytes and sure and not file.packed and known.is_in(file.path))

    return min(filter(is_it, rotated_files(log)), key=lambda file: file.age, default=None)


def successors(
    log: Path, known: Known, before: Collection[int] = (), own: RotatedFile | None = None
) -> Successors:
    """The files that were ``log`` after the known one, and are it no more.

    Args:
        before: inodes of files that came before it: late lines may make them look newer.
        own: a copy of the known file; if not given, the file itself is looked for.
    """
    there = rotated_files(log)
    files = [file for file in there if file.found.st_ino not in before]
    candidates = [file for file in files if not file.packed and file.found.st_ino == known.inode]
    if known.head_bytes:
        candidates += [file for file in files if file.packed]
    if own is None:  # numbers are used again
        own = next((file for file in candidates if known.begins(file.path)), None)

    def is_later(file: RotatedFile) -> bool:
        if own is None:  # app-2.log may be another log
            sure = file.is_date or file.path.name.startswith(log.name)
            return sure and file.found.st_mtime_ns > known.changed
        if file.form != own.form or file.is_date != own.is_date or file.rank == own.rank:
            return False
        return file.age > (min(own.found.st_mtime_ns, known.changed), own.rank)

    later = sorted(filter(is_later, files), key=lambda file: file.age)
    plain = [file for file in later if not file.packed]
    ranks = {file.rank for file in plain}  # while gzip works there are both
    lost = [file.path.name for file in later if file.packed and file.rank not in ranks]
    if own is not None:
        lost += _missing(own, there) if _numbers_fall(own, files, log, known.changed) else []
    return Successors(plain, lost, own)


def _numbers_fall(own: RotatedFile, files: list[RotatedFile], log: Path, changed: int) -> bool:
    """Whether lower numbers are newer, as far as can be seen: app-20.log may have come after app-19.log."""
    if not own.digits.isdecimal() or own.is_date:
        return False
    others = [file for file in files if file.form == own.form and file.digits.isdecimal()]
    others = [file for file in others if file.rank != own.rank]
    if not others:
        return own.path.name.startswith(log.name)
    written = min(own.found.st_mtime_ns, changed)  # late lines aside
    return all(
        other.found.st_mtime_ns != written and (other.found.st_mtime_ns > written) == (other.rank > own.rank)
        for other in others
    )


def _missing(own: RotatedFile, files: list[RotatedFile]) -> list[str]:
    """Names of those that came after ``own`` and are gone, where lower numbers are newer."""
    there = {file.rank for file in files if file.form == own.form}
    missed = [number for number in range(int(own.digits) - 1, 0, -1) if (-number,) not in there]
    return [own.form.replace("*", str(number)) for number in missed[:_MOST_MISSED]]
