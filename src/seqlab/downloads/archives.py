"""Unpacking zip and tar files that nobody has looked into: only plain files, only below the given folder."""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from seqlab.downloads.room import check_room
from seqlab.errors import UserError

ENDINGS = (".tar.gz", ".tgz", ".tar", ".zip")


class BadArchiveError(UserError):
    """A damaged archive, or one with an entry that must not be written."""


@dataclass(frozen=True)
class Entry:
    """A plain file of an archive."""

    name: str  # relative, forward slashes, no dots
    size: int  # bytes when unpacked, as the archive says
    open: Callable[[], IO[bytes]]


def folder_name(archive: str) -> str:
    """The archive's name without its ending: ``HDFS_v1`` of ``HDFS_v1.zip``."""
    return next((archive.removesuffix(ending) for ending in ENDINGS if archive.endswith(ending)), archive)


def unpack(archive: Path, folder: Path, wanted: Sequence[str]) -> list[str]:
    """Write the wanted entries of an archive below an existing empty folder.

    All entries are checked before the first is written, the ones that nobody wants as well: an archive with a
    single bad one is not what it was thought to be.

    Args:
        archive: a zip or tar file, told apart by content.
        folder: where entries go.
        wanted: names of entries; ``*`` matches any text, slashes included.

    Returns:
        The names written, sorted.

    Raises:
        BadArchiveError: damaged, an entry outside the folder or no plain file, or a wanted one missing.
        UserError: the disk has no room for the entries.
        OSError: a write failed.
    """
    with _entries(archive) as entries:
        for pattern in wanted:
            if not any(fnmatchcase(entry.name, pattern) for entry in entries):
                some = ", ".join(sorted(entry.name for entry in entries)[:5]) or "nothing"
                raise BadArchiveError(f"{archive.name}: has no entry {pattern}; it holds {some}")
        picked = [entry for entry in entries if any(fnmatchcase(entry.name, pattern) for pattern in wanted)]
        need = sum(entry.size for entry in picked)
        check_room(folder, need, f"{archive.name} unpacks to {need:,} bytes", named=folder.parent)
        for entry in picked:
            target = folder / entry.name
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(archive, entry, target)
    return sorted(entry.name for entry in picked)


def _copy(archive: Path, entry: Entry, target: Path) -> None:
    left = entry.size
    with target.open("xb") as file:
        with _telling_damage(archive):
            source = entry.open()
        with source:
            while True:
                with _telling_damage(archive):
                    chunk = source.read(1 << 18)
                if not chunk:
                    break
                left -= len(chunk)
                if left < 0:
                    raise BadArchiveError(f"{archive.name}: {entry.name} is larger than the archive says")
                file.write(chunk)
    if left:
        raise BadArchiveError(f"{archive.name}: damaged: {entry.name} ends early")


@contextmanager
def _telling_damage(archive: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise BadArchiveError(f"{archive.name}: damaged: {error}") from None
    except (RuntimeError, NotImplementedError) as error:  # a password, a method that Python lacks
        raise BadArchiveError(f"{archive.name}: cannot be unpacked: {error}") from None


@contextmanager
def _entries(archive: Path) -> Iterator[list[Entry]]:
    if zipfile.is_zipfile(archive):
        with _telling_damage(archive):
            opened = zipfile.ZipFile(archive)
        with opened:
            yield _distinct(archive, _zip_entries(archive, opened))
        return
    try:
        with _telling_damage(archive):
            tar = tarfile.open(archive)  # noqa: SIM115
    except BadArchiveError:  # tarfile's words are one line for each way of compressing
        raise BadArchiveError(f"{archive.name}: damaged: neither a whole zip file nor a tar file") from None
    with tar:
        with _telling_damage(archive):
            members = tar.getmembers()
            while tar.fileobj is not None and tar.fileobj.read(1 << 20):
                pass  # only at its end does a compressed file tell whether its sum is right
        yield _distinct(archive, _tar_entries(archive, tar, members))


def _zip_entries(archive: Path, opened: zipfile.ZipFile) -> Iterator[Entry]:
    for info in opened.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        name = _safe_name(archive, info.orig_filename)
        if info.is_dir():
            continue
        if kind not in {0, stat.S_IFREG}:
            raise BadArchiveError(
                f"{archive.name}: entry {info.filename} is a link or device; nothing was unpacked"
            )
        yield Entry(name, info.file_size, lambda info=info: opened.open(info))  # type: ignore[misc]


def _tar_entries(archive: Path, tar: tarfile.TarFile, members: Sequence[tarfile.TarInfo]) -> Iterator[Entry]:
    for member in members:
        name = _safe_name(archive, member.name)
        if member.isdir():
            continue
        if not member.isreg():
            raise BadArchiveError(
                f"{archive.name}: entry {member.name} is a link or device; nothing was unpacked"
            )
        yield Entry(name, member.size, lambda member=member: _file_of(tar, member))  # type: ignore[misc]


def _file_of(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(member)
    if file is None:
        raise tarfile.ReadError(f"no content for {member.name}")
    return file


def _safe_name(archive: Path, name: str) -> str:
    """The entry's name without dots.

    Raises:
        BadArchiveError: it would lead out of the folder on some system: absolute, drive, ``..``, backslashes.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or any(letter in name for letter in "\\:\0"):
        raise BadArchiveError(
            f"{archive.name}: entry {name!r} would be written outside its folder; nothing was unpacked"
        )
    return str(path)


def _distinct(archive: Path, entries: Iterator[Entry]) -> list[Entry]:
    found = list(entries)
    names: set[str] = set()
    for entry in found:
        if entry.name in names:
            raise BadArchiveError(f"{archive.name}: entry {entry.name} is there twice; nothing was unpacked")
        names.add(entry.name)
    for entry in found:
        if not names.isdisjoint(str(parent) for parent in PurePosixPath(entry.name).parents):
            raise BadArchiveError(f"{archive.name}: {entry.name} is below a file; nothing was unpacked")
    return found
