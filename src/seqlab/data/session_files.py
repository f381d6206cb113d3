"""Files of log sessions, told apart by content: lines of keys, lines with block ids, pickled dicts."""

from __future__ import annotations

import io
import pickle
import re
from array import array
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, Sessions
from seqlab.errors import UserError

FORMATS = "`blk_id,5 5 22 ...`, or `5 5 22 ...`, or a pickled dict {block_id: [keys]}"
_KEY = re.compile(r"-?\d+|E\d+", re.ASCII)
_LINE_END = re.compile(r"\r\n|\n|\r")
_PICKLE_START = (b"\x80", b"(d", b"}")


class _KeyNumbers(dict[str, int]):
    """Numbers keys in the order met; refuses what is no event key."""

    def __missing__(self, key: str) -> int:
        if not _KEY.fullmatch(key):
            raise ValueError(key)
        self[key] = number = len(self)
        return number


def read_sessions(path: str | Path) -> Sessions:
    """Read one file of sessions.

    Accepted, told apart by content: text lines ``blk_id,5 5 22 ...``; text lines ``5 5 22 ...`` (sessions are
    then named by folder, file and line); a pickled dict {block_id: [keys]} of str and int, never executed.
    Keys are integers or E-numbers (``E5``). Blank lines are passed over.

    Raises:
        UserError: missing, empty or malformed file; names the file and the line or entry.
    """
    path = Path(path)
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
    numbers = _KeyNumbers()
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
            codes.extend(map(numbers.__getitem__, (keys if comma else line).split()))
        except ValueError as error:
            raise UserError(
                f"{path}, line {number}: {str(error)!r} is no event key (5 or E5); expected {FORMATS}"
            ) from None
        if len(codes) == before:
            raise UserError(f"{path}, line {number}: {_short(line)} has no keys; leave the line out")
        lengths.append(len(codes) - before)
        ids.append(block_id)
        line_numbers.append(number)
    if not ids:  # a byte order mark alone
        raise UserError(f"{path}: the file is empty; expected {FORMATS}")
    _refuse_duplicates(path, ids, [f"line {number}" for number in line_numbers] if has_ids else None)
    return Sessions.from_arrays(np.asarray(codes), np.asarray(lengths), ids, tuple(numbers))


def _short(line: str) -> str:
    line = line.strip()
    return repr(line if len(line) <= 40 else line[:37] + "...")


def _refuse_duplicates(path: Path, ids: list[str], places: list[str] | None) -> None:
    if places is None or len(set(ids)) == len(ids):
        return
    first: dict[str, str] = {}
    for block_id, place in zip(ids, places, strict=True):
        if block_id in first:
            raise UserError(
                f"{path}, {place}: block {block_id} stands at {first[block_id]} too; a block is one session"
            )
        first[block_id] = place


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
    numbers = _KeyNumbers()
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
            raise UserError(f"{path}, block {block_id}: {str(error)!r} is no event key (5 or E5)") from None
        lengths.append(len(keys))
        ids.append(str(block_id))
    if not ids:
        raise UserError(f"{path}: the pickled dict is empty; expected {FORMATS}")
    _refuse_duplicates(path, ids, [f"entry {number}" for number in range(1, len(ids) + 1)])
    return Sessions.from_arrays(np.asarray(codes), np.asarray(lengths), ids, tuple(numbers))


_LABEL_VALUES = {
    "normal": LABEL_NORMAL,
    "0": LABEL_NORMAL,
    "anomaly": LABEL_ABNORMAL,
    "abnormal": LABEL_ABNORMAL,
    "1": LABEL_ABNORMAL,
}


def read_labels(path: str | Path) -> dict[str, int]:
    """Read ``BlockId,Label`` (Normal or Anomaly; 0 or 1) as {block id: LABEL_NORMAL or LABEL_ABNORMAL}.

    Raises:
        UserError: missing file, other columns, an unknown label or a block labelled twice; names the line.
    """
    path = Path(path)
    found = _plain_labels(path)
    return _checked_labels(path) if found is None else found


def _plain_labels(path: Path) -> dict[str, int] | None:
    """The labels of a file without any fault, ten times as fast; None where a fault must be looked for."""
    import polars as pl

    try:
        table = pl.read_csv(path, infer_schema=False)
        labels = table["Label"].str.strip_chars().str.to_lowercase()
        values = labels.replace_strict(_LABEL_VALUES, return_dtype=pl.Int64)
    except (OSError, pl.exceptions.PolarsError):
        return None
    blocks = table["BlockId"] if "BlockId" in table.columns else None
    if blocks is None or values.null_count() or blocks.null_count():
        return None
    if blocks.n_unique() < len(blocks) or blocks.str.contains(r"^\s|\s$").any():
        return None
    return dict(zip(blocks.to_list(), values.to_list(), strict=True))


def _checked_labels(path: Path) -> dict[str, int]:
    """The labels of a file, or what is wrong with it."""
    import pandas as pd

    try:
        text = path.read_text(encoding="utf-8-sig")
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, skipinitialspace=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the path is relative to {Path.cwd()}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a label table: {error}; expected the header BlockId,Label") from None
    if not {"BlockId", "Label"} <= set(table.columns):
        raise UserError(f"{path}, line 1: columns {', '.join(table.columns)}; expected BlockId,Label")
    values = table["Label"].str.strip().str.lower().map(_LABEL_VALUES)
    if values.isna().any():
        row = int(np.flatnonzero(values.isna())[0])
        raise UserError(
            f"{path}, line {_line_of_row(text, row)}: label {table['Label'].iloc[row]!r}; expected Normal or "
            "Anomaly, or 0, 1"
        )
    repeated = table["BlockId"].duplicated()
    if repeated.any():
        row = int(np.flatnonzero(repeated)[0])
        raise UserError(
            f"{path}, line {_line_of_row(text, row)}: block {table['BlockId'].iloc[row]} is labelled twice"
        )
    return dict(zip(table["BlockId"].tolist(), values.astype(int).tolist(), strict=True))


def _line_of_row(text: str, row: int) -> int:
    """The line of a table's row: a header and blank lines come before it."""
    return [number for number, line in enumerate(text.splitlines(), start=1) if line.strip()][row + 1]


def labels_of(sessions: Sessions, labels: dict[str, int], source: str | Path) -> NDArray[np.int8]:
    """(S,) the label of each session.

    Raises:
        UserError: a session that ``source`` does not name.
    """
    found = [labels.get(block_id) for block_id in sessions.ids.tolist()]
    missing = [
        block_id for block_id, label in zip(sessions.ids.tolist(), found, strict=True) if label is None
    ]
    if missing:
        raise UserError(
            f"{source}: no label for {len(missing)} of {len(found)} sessions, the first is {missing[0]}; "
            "is it the label file of this log?"
        )
    return np.asarray(found, dtype=np.int8)
