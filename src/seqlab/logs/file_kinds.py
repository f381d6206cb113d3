"""Files that are no log of lines, known by their names or by their first bytes."""

from __future__ import annotations

import gzip
import shlex
import zlib
from collections.abc import Sequence
from pathlib import Path

from seqlab.errors import UserError

_UNPACK = {  # what an archive is called, and what writes its content
    "a zip archive": "unzip -p",
    "a tar archive": "tar xOf",
    "a tar.gz archive": "tar xzOf",
    "a tar.bz2 archive": "tar xjOf",
    "a tar.xz archive": "tar xJOf",
    "a tar.zst archive": "tar --zstd -xOf",
    "a 7z archive": "7z x -so",
    "packed with gzip": "zcat",
    "packed with bzip2": "bzcat",
    "packed with xz": "xzcat",
    "packed with zstd": "zstdcat",
    "packed with lz4": "lz4cat",
    "packed with compress": "zcat",
    "UTF-16 text": "iconv -f UTF-16 -t UTF-8",
}
_NAMES = {  # the first that fits
    ".zip": "a zip archive",
    ".tar": "a tar archive",
    ".tar.gz": "a tar.gz archive",
    ".tgz": "a tar.gz archive",
    ".tar.bz2": "a tar.bz2 archive",
    ".tbz2": "a tar.bz2 archive",
    ".tar.xz": "a tar.xz archive",
    ".txz": "a tar.xz archive",
    ".tar.zst": "a tar.zst archive",
    ".7z": "a 7z archive",
    ".gz": "packed with gzip",
    ".bz2": "packed with bzip2",
    ".xz": "packed with xz",
    ".zst": "packed with zstd",
    ".lz4": "packed with lz4",
    ".parquet": "a Parquet table",
}
_GZIP = b"\x1f\x8b"
_FIRST_BYTES = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    _GZIP: "packed with gzip",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ\x00": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"\x04\x22\x4d\x18": "packed with lz4",
    b"\x1f\x9d": "packed with compress",
    b"PAR1": "a Parquet table",
    b"ORC": "an ORC table",
    b"ARROW1": "an Arrow table",
    b"Obj\x01": "an Avro table",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x93NUMPY": "a NumPy array",
    b"\x7fELF": "a program",
    b"%PDF-": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
_TAR, _TAR_AT, _HEAD_BYTES = b"ustar", 257, 512
_TEXT = bytes({*range(7, 14), 27, *range(32, 256)})  # control characters stand in no text


def refuse_other_kinds(path: str, reader: str, endings: Sequence[str]) -> None:
    """Look at the name and at the beginning of a plain file.

    Args:
        reader: the command that wants the log from standard input.
        endings: of packed files that it reads too, under their own names.

    Raises:
        UserError: an archive or packed in another way, a table, a program, and so on.
    """
    name = path.lower()
    ending = next((ending for ending in _NAMES if name.endswith(ending)), "")
    accepted = _NAMES[ending] if ending in endings else None
    kind = _by_content(path) if accepted or not ending else _NAMES[ending]
    if kind is None and accepted == "packed with gzip" and Path(path).stat().st_size:
        raise UserError(f"{path} is not packed with gzip, as its name says: give it a name without .gz")
    if kind in (None, accepted):
        return
    if kind not in _UNPACK:
        raise UserError(f"{path} is {kind}: give a log, which is text with an event a line")
    rename = next((f", or name it {each}" for each in endings if _NAMES[each] == kind), "")
    unpack = "convert it" if kind == "UTF-16 text" else "unpack it"
    pipe = f"{_UNPACK[kind]} {shlex.quote(path)} | {reader}"
    raise UserError(f"{path} is {kind}, no plain text: {unpack}{rename}, or pipe it: {pipe}")


def _by_content(path: str) -> str | None:
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if not head.translate(None, _TEXT):
        return None  # a log may begin with ORC, too
    if head.startswith(_GZIP):
        return "a tar.gz archive" if _is_tar(_unpacked(path)) else "packed with gzip"
    if _is_tar(head):
        return "a tar archive"
    return next((kind for start, kind in _FIRST_BYTES.items() if head.startswith(start)), None)


def _is_tar(head: bytes) -> bool:
    return head[_TAR_AT:].startswith(_TAR)


def _unpacked(path: str) -> bytes:
    """The first bytes of the text; none of a broken file, which its reader tells of."""
    try:
        with gzip.open(path) as file:
            return file.read1(_HEAD_BYTES)
    except (OSError, EOFError, zlib.error):
        return b""
