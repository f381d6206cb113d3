"""Files that are told at their first bytes to be no plain text."""

from __future__ import annotations

from pathlib import Path

from seqlab.errors import UserError

_UNPACK = "unpack it, or pack it as .gz, .zip or .tar.gz"
_KINDS = (
    (b"\x1f\x8b\x08", "a gzip", "give it the ending .gz"),
    (b"PK\x03\x04", "a zip", "give it the ending .zip"),
    (b"\xfd7zXZ\x00", "packed with xz", _UNPACK),
    (b"BZh", "packed with bzip2", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", _UNPACK),
)
_PARQUET = b"PAR1"  # at both ends
_UTF16 = (b"\xff\xfe", b"\xfe\xff")  # and somewhere a zero: log lines begin with digits or Latin letters
_BZIP2_BLOCK = b"1AY&SY"  # after a digit
_LONGEST = 10


def refuse_no_text(path: Path) -> None:
    """Raise UserError where a file's first bytes say that its lines are no text; a pipe is not touched."""
    if not path.is_file():
        return
    try:
        with path.open("rb") as file:
            start = file.read(_LONGEST)
            file.seek(max(0, path.stat().st_size - len(_PARQUET)))
            end = file.read()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if start.startswith(_PARQUET) and end == _PARQUET:
        raise UserError(f"{path} is a Parquet file, no log: give the raw log; seqlab parse writes such files")
    if start.startswith(_UTF16) and b"\x00" in start:
        raise UserError(f"{path} is text in UTF-16: write it as UTF-8, as with iconv -f UTF-16 -t UTF-8")
    for begin, kind, advice in _KINDS:
        if start.startswith(begin) and (begin != b"BZh" or start.endswith(_BZIP2_BLOCK)):
            raise UserError(f"{path} is {kind}: {advice}")
