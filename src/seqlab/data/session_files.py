"""Files of log sessions, told apart by content: lines of keys, lines with block ids, pickled dicts."""

from __future__ import annotations

import re
from array import array
from pathlib import Path

import numpy as np

from seqlab.data.event_keys import FORMATS, KEYS, KeyNumbers, plain_keys, refuse_duplicates, short
from seqlab.data.raw_logs import refuse_raw_log
from seqlab.data.sequences import Sessions
from seqlab.data.session_tables import is_table, read_session_table
from seqlab.data.text_files import read_text
from seqlab.errors import UserError

_LINE_END = re.compile(r"\r\n|\n|\r")
_PICKLE_START = (b"\x80", b"(d", b"}")


def read_sessions(path: str | Path) -> Sessions:
    """Read one file of sessions.

    Accepted, told apart by content: text lines ``blk_id,5 5 22 ...``; text lines ``5 5 22 ...`` (sessions are
    then named by folder, file and line); a CSV with a header, see ``read_session_table``; a pickled dict
    {block_id: [keys]} of str and int, never executed. Keys are integers, E-numbers (``E5``) or the hex digits
    of a hash (``a7e180bc``). Blank lines are passed over.

    Raises:
        UserError: missing, empty or malformed file, names it and the line or entry; a raw log.
    """
    path = Path(path)
    try:
        return _read(path)
    except UserError:
        refuse_raw_log(path)
        raise


def is_pickle(path: Path) -> bool:
    """Whether a file begins as a pickle does; one that cannot be read does not."""
    try:
        with path.open("rb") as file:
            return file.read(2).startswith(_PICKLE_START)
    except OSError:
        return False


def _read(path: Path) -> Sessions:
    if is_pickle(path):
        from seqlab.data.session_pickles import read_session_pickle

        return read_session_pickle(path)
    text = read_text(path, FORMATS)
    return read_session_table(path, text) if is_table(text) else _from_text(path, text)


def _from_text(path: Path, text: str) -> Sessions:
    lines = _LINE_END.split(text)
    file = Path(path.parent.name) / path.name
    numbers = KeyNumbers()
    codes, lengths, ids, line_numbers = array("i"), array("q"), [], array("q")
    has_ids: bool | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        block_id, comma, keys = line.partition(",")
        if has_ids is None:
            has_ids = bool(comma)
        if bool(comma) != has_ids:
            raise UserError(
                f"{path}, line {number}: {short(line)} has {'a' if comma else 'no'} block id, the lines "
                f"before have {'one' if has_ids else 'none'}; write all lines the same way: {FORMATS}"
            )
        block_id = block_id.strip() if comma else f"{file}:{number}"
        if not block_id:
            raise UserError(f"{path}, line {number}: the block id before the comma is empty")
        before = len(codes)
        try:
            codes.extend(map(numbers.__getitem__, plain_keys(keys if comma else line).split()))
        except ValueError as error:
            raise UserError(
                f"{path}, line {number}: {str(error)!r} is no event key ({KEYS}); expected {FORMATS}"
            ) from None
        if len(codes) == before:
            raise UserError(f"{path}, line {number}: {short(line)} has no keys; leave the line out")
        lengths.append(len(codes) - before)
        ids.append(block_id)
        line_numbers.append(number)
    if not ids:  # a byte order mark alone
        raise UserError(f"{path}: the file is empty; expected {FORMATS}")
    if has_ids:
        refuse_duplicates(path, ids, lambda index: f"line {line_numbers[index]}")
    return Sessions.from_arrays(np.asarray(codes), np.asarray(lengths), ids, tuple(numbers))
