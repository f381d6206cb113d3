"""Text files, plain or gzipped, as lines; what is wrong with one is told with file and line."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from seqlab.errors import UserError

DELIMITERS = ("\t", ",", ";", "|")  # the first of them that the first line holds is taken


def read_lines(path: str | Path, expected: str = "text, one sentence a line") -> list[str]:
    """The lines of a UTF-8 file without their ends; ``.gz`` is unpacked, a byte order mark left out.

    Raises:
        UserError: as ``read_text`` does.
    """
    # str.splitlines would also end lines at characters that stand within sentences, such as U+2028
    return read_text(path, expected).replace("\r\n", "\n").removesuffix("\n").split("\n")


def read_text(path: str | Path, expected: str) -> str:
    """A UTF-8 file as it is; ``.gz`` is unpacked, a byte order mark left out.

    Args:
        expected: what the file should hold, for error messages.

    Raises:
        UserError: missing, unreadable or empty file, or bytes that are not UTF-8; names the line.
    """
    path = Path(path)
    content = read_bytes(path)
    if not content.strip():
        raise UserError(f"{path}: the file is empty; expected {expected}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        decoded = error.object  # the content without a byte order mark
        number = decoded.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {number}: byte {decoded[error.start]:#04x} is not UTF-8 text; expected {expected}"
        ) from None


def read_bytes(path: Path) -> bytes:
    """A file's content, unpacked where its name ends in ``.gz``.

    Raises:
        UserError: a file that is missing or cannot be read or unpacked.
    """
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the path is relative to {Path.cwd()}") from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{path}: cannot be unpacked: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def csv_rows(path: Path, expected: str, delimiter: str | None = None) -> list[tuple[int, Sequence[str]]]:
    """Line number and cells of each line that is not blank; at least one.

    Args:
        expected: what the file should hold, for messages.
        delimiter: between cells; None: the first of DELIMITERS that the first line holds.

    Raises:
        UserError: a file that cannot be read or holds no row, or broken quotes; names the line.
    """
    lines = read_lines(path, expected)
    delimiter = delimiter or delimiter_of(next(line for line in lines if line.strip()))
    is_tsv = delimiter == "\t"
    reader = csv.reader(
        (f"{line}\n" for line in lines),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if is_tsv else csv.QUOTE_MINIMAL,
        strict=True,
    )
    rows: list[tuple[int, Sequence[str]]] = []
    begun = 1  # a quote that is not closed is noticed at the end of the file
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, cells))
            begun = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}, line {begun}: broken quotes or fields: {error}; expected {expected}"
        ) from None
    if not rows:
        raise UserError(f"{path}: the file holds no row; expected {expected}")
    return rows


def delimiter_of(first_line: str) -> str:
    """What divides the columns of a file that begins so; a comma where nothing seems to."""
    return next((mark for mark in DELIMITERS if mark in first_line), ",")
