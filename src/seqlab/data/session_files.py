"""Files of log sessions, told apart by content: lines of keys, lines with block ids, pickled dicts."""

from __future__ import annotations

import io
import pickle
import re
from array import array
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from seqlab.data.event_keys import FORMATS, KEYS, KeyNumbers, plain_keys, refuse_duplicates
from seqlab.data.raw_logs import refuse_raw_log
from seqlab.data.sequences import Sessions
from seqlab.data.session_tables import is_table, read_session_table
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
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the path is relative to {Path.cwd()}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if not content.strip():
        raise UserError(f"{path}: the file is empty; expected {FORMATS}")
    if content.startswith(_PICKLE_START):
        return _from_pickle(path, content)
    if is_table(content):
        return read_session_table(path, content)
    return _from_text(path, content)


def _from_text(path: Path, content: bytes) -> Sessions:
    try:
        lines = _LINE_END.split(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {number}: byte {content[error.start]:#04x} is not UTF-8 text; expected {FORMATS}"
        ) from None
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
                f"{path}, line {number}: {_short(line)} has {'a' if comma else 'no'} block id, the lines "
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
            raise UserError(f"{path}, line {number}: {_short(line)} has no keys; leave the line out")
        lengths.append(len(codes) - before)
        ids.append(block_id)
        line_numbers.append(number)
    if not ids:  # a byte order mark alone
        raise UserError(f"{path}: the file is empty; expected {FORMATS}")
    if has_ids:
        refuse_duplicates(path, ids, lambda index: f"line {line_numbers[index]}")
    return Sessions.from_arrays(np.asarray(codes), np.asarray(lengths), ids, tuple(numbers))


def _short(line: str) -> str:
    line = line.strip()
    return repr(line if len(line) <= 40 else line[:37] + "...")


class _PlainUnpickler(pickle.Unpickler):
    """Builds dict, list, tuple, str and int; these need no name, so every name is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it names an object outside the file")


def _from_pickle(path: Path, content: bytes) -> Sessions:
    stream = io.BytesIO(content)
    try:
        value = _PlainUnpickler(stream).load()
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path}: refused, nothing was executed: {error}; a session pickle holds dict, list, tuple, "
            "str and int alone"
        ) from None
    except Exception as error:  # what a crafted or cut pickle raises has no end, MemoryError included
        raise UserError(f"{path}: a broken pickle ({error}); expected {FORMATS}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: the pickle holds a {type(value).__name__}; expected {FORMATS}")
    numbers = KeyNumbers()
    codes, lengths, ids = array("i"), array("q"), []
    for block_id, keys in value.items():
        if not isinstance(block_id, str | int) or isinstance(block_id, bool):
            raise UserError(
                f"{path}: block id {block_id!r} is a {type(block_id).__name__}; expected str or int"
            )
        if not isinstance(keys, list | tuple) or not keys:
            raise UserError(f"{path}, block {block_id}: expected a list of keys, got {_short(repr(keys))}")
        for key in keys:
            if not isinstance(key, str | int) or isinstance(key, bool):
                raise UserError(
                    f"{path}, block {block_id}: key {key!r} is a {type(key).__name__}; expected int"
                )
        try:
            codes.extend(numbers[str(key)] for key in keys)
        except ValueError as error:
            raise UserError(f"{path}, block {block_id}: {str(error)!r} is no event key ({KEYS})") from None
        lengths.append(len(keys))
        ids.append(str(block_id))
    if not ids:
        raise UserError(f"{path}: the pickled dict is empty; expected {FORMATS}")
    refuse_duplicates(path, ids, lambda index: f"entry {index + 1}")
    return Sessions.from_arrays(np.asarray(codes), np.asarray(lengths), ids, tuple(numbers))
