"""Text files, plain or gzipped, as lines; what is wrong with one is told with file and line."""

from __future__ import annotations

import gzip
import unicodedata
import zlib
from pathlib import Path

from seqlab.data.line_counts import LineCounts
from seqlab.errors import UserError, missing_file

UNPACKED = 1 << 30  # bytes that any gzip file may hold, however small it is
PACKED_AT_MOST = 200  # logs pack to a twentieth, at times to a hundredth; gzip itself can to a thousandth


def read_lines(
    path: str | Path,
    expected: str = "text, one sentence a line",
    counts: LineCounts | None = None,
    *,
    is_prose: bool = True,
) -> list[str]:
    """The lines of a UTF-8 file without their ends; ``.gz`` is unpacked, a byte order mark left out.

    Args:
        counts: gets the number of lines.
        is_prose: a carriage return alone stands within a sentence; it ends a line where no line feed does.

    Raises:
        UserError: as ``read_text`` does.
    """
    # str.splitlines would also end lines at characters that stand within sentences, such as U+2028
    text = read_text(path, expected).replace("\r\n", "\n")
    if not is_prose or "\n" not in text:
        text = text.replace("\r", "\n")
    lines = text.removesuffix("\n").split("\n")
    if counts is not None:
        counts.lines = len(lines)
    return lines


def read_text(path: str | Path, expected: str) -> str:
    """A UTF-8 file as it is; ``.gz`` is unpacked, a byte order mark left out.

    Args:
        expected: what the file should hold, for error messages.

    Raises:
        UserError: missing, unreadable or empty file, or bytes that are not UTF-8; names the line.
    """
    path = Path(path)
    content = read_bytes(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        decoded = error.object  # the content without a byte order mark
        number = decoded.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {number}: byte {decoded[error.start]:#04x} is not UTF-8 text; expected {expected}"
        ) from None
    if not text.strip():
        raise UserError(f"{path}: the file is empty; expected {expected}")
    return text


def read_bytes(path: Path) -> bytes:
    """A file's content, unpacked where its name ends in ``.gz``.

    Raises:
        UserError: a file that is missing or cannot be read or unpacked.
    """
    try:
        return _unpacked(path) if path.suffix == ".gz" else path.read_bytes()
    except FileNotFoundError:
        raise missing_file(path) from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{path}: cannot be unpacked: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _unpacked(path: Path) -> bytes:
    """What a gzip file holds.

    Raises:
        UserError: more than text can be in a file of its size.
    """
    most = max(UNPACKED, PACKED_AT_MOST * path.stat().st_size)
    parts: list[bytes] = []
    with gzip.open(path) as file:
        while part := file.read(1 << 20):
            most -= len(part)
            if most < 0:
                raise UserError(
                    f"{path}: more than {PACKED_AT_MOST} times its size when unpacked, as no text is; where "
                    "you trust it, unpack it and give what comes of it"
                )
            parts.append(part)
    return b"".join(parts)


def clean(text: str) -> str:
    """Unicode NFC, white space at the ends dropped and single within."""
    return " ".join(unicodedata.normalize("NFC", text).split())
