"""Unpacking zip and tar files that nobody has looked into: plain files only, below the given folder only."""

from __future__ import annotations

import csv
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from seqlab.errors import UserError

ENDINGS = (".tar.gz", ".tgz", ".tar", ".zip")
MAX_BYTES = 8 << 30  # of all unpacked files together: four times the largest set of the registry
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError)
UNREADABLE = (RuntimeError, NotImplementedError)  # a password, a compression method that Python lacks


class BadArchiveError(UserError):
    """A damaged archive, or one with an entry that must not be written."""


class Member(NamedTuple):
    name: str
    size: int  # bytes when unpacked; both formats read no more than this
    is_folder: bool
    is_file: bool


def folder_name(archive: str) -> str:
    """The archive's name without its ending: ``HDFS_v1`` of ``HDFS_v1.zip``."""
    return next((archive.removesuffix(ending) for ending in ENDINGS if archive.endswith(ending)), archive)


def unpack(archive: Path, folder: Path, wanted: Sequence[str]) -> None:
    """Write the wanted entries of an archive below ``folder``.

    All entries are checked before the first is written, also those that nobody wants.

    Args:
        archive: a zip or tar file, told apart by content.
        wanted: names of entries; ``*`` matches any text, slashes included.

    Raises:
        BadArchiveError: damaged, an entry outside the folder or no plain file, more than MAX_BYTES, or a
            wanted entry missing.
        OSError: a write failed.
    """
    import pooch

    is_zip = zipfile.is_zipfile(archive)
    unpacker = pooch.Unzip if is_zip else pooch.Untar
    try:
        names = _chosen(archive.name, _zip_members(archive) if is_zip else _tar_members(archive), wanted)
        members = None if "*" in wanted else names
        unpacker(members=members, extract_dir=str(folder.absolute()))(str(archive), "download", None)
    except (*DAMAGE, *UNREADABLE) as error:
        raise BadArchiveError(f"{archive.name}: damaged: {error}") from None


def _zip_members(archive: Path) -> list[Member]:
    with zipfile.ZipFile(archive) as file:
        kinds = [(info, stat.S_IFMT(info.external_attr >> 16)) for info in file.infolist()]
    return [
        Member(info.orig_filename, info.file_size, info.is_dir(), kind in {0, stat.S_IFREG})
        for info, kind in kinds
    ]


def _tar_members(archive: Path) -> list[Member]:
    with tarfile.open(archive) as file:
        members = [Member(info.name, info.size, info.isdir(), info.isreg()) for info in file]
        while file.fileobj is not None and file.fileobj.read(1 << 20):
            pass  # a compressed file tells only at its end whether its checksum is right
        return members


def _chosen(archive: str, members: Sequence[Member], wanted: Sequence[str]) -> list[str]:
    for member in members:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or any(letter in member.name for letter in "\\:\0"):
            raise BadArchiveError(
                f"{archive}: entry {member.name!r} leads out of its folder; nothing unpacked"
            )
        if not (member.is_folder or member.is_file):
            raise BadArchiveError(f"{archive}: entry {member.name} is a link or device; nothing unpacked")
    sizes = {str(PurePosixPath(member.name)): member.size for member in members if member.is_file}
    for pattern in wanted:
        if not any(fnmatchcase(name, pattern) for name in sizes):
            some = ", ".join(sorted(sizes)[:5]) or "nothing"
            raise BadArchiveError(f"{archive}: has no entry {pattern}; it holds {some}")
    names = [name for name in sizes if any(fnmatchcase(name, pattern) for pattern in wanted)]
    if (total := sum(sizes[name] for name in names)) > MAX_BYTES:
        raise BadArchiveError(
            f"{archive}: unpacks to {total:,} bytes, more than {MAX_BYTES:,}; nothing unpacked"
        )
    return names


def names_csv(folder: Path) -> None:
    """``names.csv`` (name, label) of ``data/names/LABEL.txt``, which hold a name a line; sorted by label."""
    with (folder / "names.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["name", "label"])
        for source in sorted(folder.glob("data/names/*.txt")):
            for line in source.read_text(encoding="utf-8").splitlines():
                if name := line.strip():
                    table.writerow([name, source.stem])


PREPARE: dict[str, Callable[[Path], None]] = {"names_csv": names_csv}  # what is made of unpacked entries
