"""What a log's older files are called once others took its place, and which came after a given one."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

_DIGITS = r"[.-](\d+(?:[-_T.]\d+)*)"  # .1 -20261125 .2026-11-25_10 -1764028800
_PACKED = r"(\.(?:gz|bz2|xz|zst|lz4|lzma|Z|zip))?"
_DATE_DIGITS = 6  # a number of so many says when, a shorter one how many files ago
_MOST_MISSED = 100


class Known(NamedTuple):
    """What a file is known again by."""

    inode: int
    head_bytes: int
    head: str  # SHA-256 of so many bytes at its beginning
    changed: int  # when it was last written to, as far as is known; nanoseconds

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


class Successors(NamedTuple):
    """What became of a log between one of its files and the present one."""

    plain: list[RotatedFile]  # to be read, the oldest first
    lost: list[str]  # names of those that can be read no more


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


def successors(log: Path, known: Known) -> Successors:
    """The files that were ``log`` after the known one, and are it no more."""
    files = rotated_files(log)
    candidates = [file for file in files if not file.packed and file.found.st_ino == known.inode]
    if known.head_bytes:
        candidates += [file for file in files if file.packed]
    own = next((file for file in candidates if known.begins(file.path)), None)  # numbers are used again

    def is_later(file: RotatedFile) -> bool:
        if own is None:  # app-2.log may be another log
            sure = file.is_date or file.path.name.startswith(log.name)
            return sure and file.found.st_mtime_ns > known.changed
        if file is own or file.form != own.form or file.is_date != own.is_date:
            return False
        return file.age > (min(own.found.st_mtime_ns, known.changed), own.rank)

    later = sorted(filter(is_later, files), key=lambda file: file.age)
    plain = [file for file in later if not file.packed]
    ranks = {file.rank for file in plain}  # while gzip works there are both
    lost = [file.path.name for file in later if file.packed and file.rank not in ranks]
    if own is not None and own.digits.isdecimal() and not own.is_date:
        there = {file.rank for file in files if file.form == own.form}
        missed = [number for number in range(int(own.digits) - 1, 0, -1) if (-number,) not in there]
        lost += [own.form.replace("*", str(number)) for number in missed[:_MOST_MISSED]]
    return Successors([file for file in plain if file.found.st_size], lost)
