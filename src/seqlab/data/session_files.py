"""Files of log sessions, told apart by content: lines of keys, lines with block ids, CSVs, pickled dicts."""

from __future__ import annotations

import io
import pickle
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from seqlab.data.raw_logs import KEYS, KeyNumbers, plain_keys, refuse_raw_log
from seqlab.data.sequences import Sessions
from seqlab.data.session_tables import FORMATS, SessionTable, is_table
from seqlab.data.text_files import read_bytes, read_text
from seqlab.errors import UserError

_PICKLE_START = (b"\x80", b"(d", b"}")
_PLAIN = {str, int}  # of a pickle's keys; bool is a type of its own


def read_sessions(path: str | Path) -> Sessions:
    """Read one file of sessions.

    Accepted, told apart by content: text lines ``blk_id,5 5 22 ...``; text lines ``5 5 22 ...`` (sessions are
    then named by folder, file and line); a CSV with a header, see ``SessionTable``; a pickled dict
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


def refuse_duplicates(path: Path, ids: Sequence[str], where: Callable[[int], str]) -> None:
    """Raise UserError where a block is there twice.

    Args:
        where: a block's line or entry, from its number.
    """
    if len(set(ids)) == len(ids):
        return
    first: dict[str, int] = {}
    for number, block_id in enumerate(ids):
        if first.setdefault(block_id, number) != number:
            raise UserError(
                f"{path}, {where(number)}: block {block_id} stands at {where(first[block_id])} too; a block "
                "is one session"
            )


def _read(path: Path) -> Sessions:
    if is_pickle(path):
        return _gathered(path, _pickled(path), lambda number: f"entry {number + 1}")
    text = read_text(path, FORMATS)
    if is_table(text):
        table = SessionTable.read(path, text, FORMATS)
        sessions = _gathered(path, table.sessions(), table.where)
        return sessions if (labels := table.labels()) is None else sessions.with_labels(labels.to_numpy())
    lines = array("q")
    return _gathered(path, _lines(path, text, lines), lambda number: f"line {lines[number]}")


def _gathered(path: Path, rows: Iterable[tuple[str, Sequence[str]]], where: Callable[[int], str]) -> Sessions:
    """The sessions of (block id, keys), one after the other."""
    numbers, codes, lengths = KeyNumbers(), array("i"), array("q")
    ids: list[str] = []
    for block_id, keys in rows:
        try:
            codes.extend(map(numbers.__getitem__, keys))
        except ValueError as error:
            raise UserError(
                f"{path}, {where(len(ids))}: {str(error)!r} is no event key ({KEYS}); expected {FORMATS}"
            ) from None
        if not keys or not block_id:
            lacking = "keys; leave it out" if block_id else "a block id"
            raise UserError(f"{path}, {where(len(ids))}: a session without {lacking}")
        lengths.append(len(keys))
        ids.append(block_id)
    if not ids:
        raise UserError(f"{path}: no session in it; expected {FORMATS}")
    refuse_duplicates(path, ids, where)
    return Sessions.from_arrays(np.asarray(codes), np.asarray(lengths), ids, tuple(numbers))


def _lines(path: Path, text: str, lines: array) -> Iterator[tuple[str, list[str]]]:
    """The sessions of lines; the number of each line is added to ``lines``."""
    file = Path(path.parent.name) / path.name
    has_ids: bool | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        lines.append(number)
        block_id, comma, keys = line.partition(",")
        if has_ids is None:
            has_ids = bool(comma)
        if bool(comma) != has_ids:
            raise UserError(
                f"{path}, line {number}: {_short(line)} has {'a' if comma else 'no'} block id, the lines "
                f"before have {'one' if has_ids else 'none'}; write all lines the same way: {FORMATS}"
            )
        if comma:
            yield block_id.strip(), plain_keys(keys).split()
        else:
            yield f"{file}:{number}", plain_keys(line).split()


class _PlainUnpickler(pickle.Unpickler):
    """Builds dict, list, tuple, str and int; these need no name, so every name is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it names an object outside the file")


def _pickled(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The sessions of a pickled dict."""
    stream = io.BytesIO(read_bytes(path))
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
    for number, (block_id, keys) in enumerate(value.items(), start=1):
        is_list = isinstance(keys, list | tuple) and set(map(type, keys)) <= _PLAIN
        if type(block_id) not in _PLAIN or not is_list:
            raise UserError(
                f"{path}, entry {number}: {_short(f'{block_id!r}: {keys!r}')} is no block id and a list of "
                "keys; both are str or int"
            )
        yield str(block_id), list(map(str, keys))


def _short(line: str) -> str:
    """A line as messages show it."""
    line = line.strip()
    return repr(line if len(line) <= 40 else line[:37] + "...")
