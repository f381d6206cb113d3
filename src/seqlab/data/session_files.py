"""Files of log sessions, told apart by content: lines of keys, lines with block ids, CSVs, pickled dicts."""

from __future__ import annotations

import pickle
import reprlib
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.csv_files import csv_rows, shown_names
from seqlab.data.line_counts import BLANK, LineCounts
from seqlab.data.raw_logs import KEYS, KeyNumbers, plain_keys, refuse_raw_log
from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN, Sessions
from seqlab.data.text_files import read_bytes, read_lines
from seqlab.errors import UserError, shown

FORMATS = (
    "`blk_id,5 5 22 ...`, or `5 5 22 ...`, or a CSV of BlockId,EventSequence, or a pickled dict "
    "{block_id: [keys]}"
)
LABEL_FORMAT = "the header BlockId,Label"
LABEL_WORDS = "Normal or Anomaly, Success or Fail, or 0, 1"
LABEL_VALUES = dict.fromkeys(("normal", "success", "0"), LABEL_NORMAL) | dict.fromkeys(
    ("anomaly", "abnormal", "fail", "1"), LABEL_ABNORMAL
)
ID, LABEL = "BlockId", "Label"
SEQUENCES = ("EventSequence", "Features")
# what a table is that holds no sessions, by the first of these columns that it has
OTHER_TABLES = {
    "LineId": "lines of a log, not its sessions; seqlab parse makes sessions of the log itself",
    "EventTemplate": "templates, not sessions: give it as data.templates",
    "E1": "counts of events, and models need their order",
    LABEL: "labels, not sessions: give it as data.labels",
}
_PICKLE_START = (b"\x80", b"(d", b"}")
_PLAIN = {str, int}  # of a pickle's keys; bool is a type of its own

Row = tuple[int, str, Sequence[str], int]  # line or entry, block id, keys, label


def read_sessions(path: str | Path, counts: LineCounts | None = None) -> Sessions:
    """Read one file of sessions; ``counts`` gets its lines, or the entries of a pickle.

    Accepted, told apart by content: text lines ``blk_id,5 5 22 ...``; text lines ``5 5 22 ...`` (sessions are
    then named by folder, file and line); a CSV of BlockId and EventSequence or Features, with or without
    Label, as LogBERT, loglizer and loghub write them; a pickled dict {block_id: [keys]} of str and int, never
    executed. Keys are integers, E-numbers (``E5``) or the hex digits of a hash (``a7e180bc``), with spaces
    between or as a list of Python's.

    Raises:
        UserError: missing, empty or malformed file, names it and the line or entry; a raw log.
    """
    path = Path(path)
    counts = counts or LineCounts(path)
    try:
        if is_pickle(path):
            return _gathered(path, "entry", _pickled(path, counts))
        lines = read_lines(path, FORMATS, counts, is_prose=False)
        rows = _table if _is_table(lines) else _lines
        return _gathered(path, "line", rows(path, lines, counts))
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
                f"{path}, {where(number)}: block {shown(block_id)} stands at {where(first[block_id])} too; "
                "a block is one session"
            )


def _gathered(path: Path, noun: str, rows: Iterable[Row]) -> Sessions:
    """The sessions of rows, which are lines or entries."""
    numbers, codes, lengths, places, labels = KeyNumbers(), array("i"), array("q"), array("q"), array("b")
    ids: list[str] = []
    for place, block_id, keys, label in rows:
        try:
            codes.extend(map(numbers.__getitem__, keys))
        except ValueError as error:
            raise UserError(
                f"{path}, {noun} {place}: '{shown(error)}' is no event key ({KEYS}); expected {FORMATS}"
            ) from None
        if not keys or not block_id:
            lacking = "keys; leave it out" if block_id else "a block id"
            raise UserError(f"{path}, {noun} {place}: a session without {lacking}")
        lengths.append(len(keys))
        places.append(place)
        labels.append(label)
        ids.append(block_id)
    if not ids:
        raise UserError(f"{path}: no session in it; expected {FORMATS}")
    refuse_duplicates(path, ids, lambda number: f"{noun} {places[number]}")
    sessions = Sessions.from_arrays(np.asarray(codes), np.asarray(lengths), ids, tuple(numbers))
    return sessions.with_labels(np.asarray(labels))


def _lines(path: Path, lines: Sequence[str], counts: LineCounts) -> Iterator[Row]:
    """Lines of ``blk_id,keys``, or of keys alone: all as the first one."""
    file = Path(path.parent.name) / path.name
    has_ids: bool | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            counts.skipped[BLANK] += 1
            continue
        block_id, comma, keys = line.partition(",")
        has_ids = bool(comma) if has_ids is None else has_ids
        if bool(comma) != has_ids:
            raise UserError(
                f"{path}, line {number}: '{shown(line.strip())}' has {'a' if comma else 'no'} block id, the "
                f"lines before have {'one' if has_ids else 'none'}; write all lines the same way: {FORMATS}"
            )
        if comma:
            yield number, block_id.strip(), plain_keys(keys).split(), LABEL_UNKNOWN
        else:
            yield number, f"{file}:{number}", plain_keys(line).split(), LABEL_UNKNOWN


def _is_table(lines: Sequence[str]) -> bool:
    """Whether the first line names columns as tables of sessions do; a block is hardly called so."""
    first = next(line for line in lines if line.strip())
    names = {name.strip().strip('"') for name in first.split(",")}
    return len(names) > 1 and bool(names & {ID, *SEQUENCES, "EventId"})


def _rows(
    path: Path, lines: Sequence[str], expected: str, counts: LineCounts
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV, the header included: number of the line, and cells by column."""
    names: list[str] = []
    for number, written, _ in csv_rows(path, expected, ",", lines=lines, counts=counts):
        cells = [cell.strip() for cell in written]
        names = names or cells
        if len(cells) != len(names):
            raise UserError(
                f"{path}, line {number}: {len(cells)} fields, the header has {len(names)}; expected "
                f"{expected}"
            )
        yield number, dict(zip(names, cells, strict=True))


def _label(path: Path, number: int, row: dict[str, str], *, needed: bool = False) -> int:
    """The label of a row; unknown without a cell for it."""
    word = row.get(LABEL, "")
    if not word and not needed:
        return LABEL_UNKNOWN
    if word.lower() not in LABEL_VALUES:
        raise UserError(f"{path}, line {number}: label '{shown(word)}'; expected {LABEL_WORDS}")
    return LABEL_VALUES[word.lower()]


def _table(path: Path, lines: Sequence[str], counts: LineCounts) -> Iterator[Row]:
    """The rows of a CSV with a header; raises UserError for columns that hold no sessions."""
    rows = _rows(path, lines, FORMATS, counts)
    number, columns = next(rows)
    found = [name for name in SEQUENCES if name in columns]
    if ID not in columns or len(found) != 1:
        unknown = f"columns that are not known; name them {ID} and {SEQUENCES[0]}"
        why = next((why for name, why in OTHER_TABLES.items() if name in columns and not found), unknown)
        raise UserError(f"{path}, line {number}: {shown_names([*columns])}: {why}; expected {FORMATS}")
    for number, row in rows:
        yield number, row[ID], plain_keys(row[found[0]]).split(), _label(path, number, row)


def read_labels(path: str | Path, counts: LineCounts | None = None) -> dict[str, int]:
    """Read ``BlockId,Label`` as {block id: LABEL_NORMAL or LABEL_ABNORMAL}; labels are of LABEL_WORDS.

    Raises:
        UserError: missing file, other columns, no or an unknown label, or a block without id or labelled
            twice; names the line.
    """
    path = Path(path)
    counts = counts or LineCounts(path)
    lines = read_lines(path, LABEL_FORMAT, counts, is_prose=False)
    rows = _rows(path, lines, LABEL_FORMAT, counts)
    number, columns = next(rows)
    if not {ID, LABEL} <= columns.keys():
        names = shown_names([*columns])
        raise UserError(f"{path}, line {number}: columns {names}; expected {LABEL_FORMAT}")
    found: dict[str, int] = {}
    for number, row in rows:
        if not row[ID]:
            raise UserError(f"{path}, line {number}: a label without a block id; leave the line out")
        if row[ID] in found:
            raise UserError(f"{path}, line {number}: block {shown(row[ID])} is labelled twice")
        found[row[ID]] = _label(path, number, row, needed=True)
    if not found:
        raise UserError(f"{path}: a header and no label; expected {LABEL_FORMAT} and a line for each block")
    return found


def labels_of(sessions: Sessions, labels: dict[str, int], source: str | Path) -> NDArray[np.int8]:
    """(S,) the label of each session.

    Raises:
        UserError: a session that ``source`` does not name.
    """
    ids = sessions.ids.tolist()
    missing = [block_id for block_id in ids if block_id not in labels]
    if missing:
        raise UserError(
            f"{source}: no label for {len(missing)} of {len(ids)} sessions, the first is "
            f"{shown(missing[0])}; is it the label file of this log?"
        )
    return np.asarray([labels[block_id] for block_id in ids], dtype=np.int8)


def _pickled(path: Path, counts: LineCounts) -> Iterator[Row]:
    """The entries of a pickled dict."""
    from seqlab.data.plain_pickle import plain_pickle

    try:
        value = plain_pickle(read_bytes(path))
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path}: refused, nothing was executed: {shown(error)}; a session pickle holds dict, list, "
            "tuple, str and int alone"
        ) from None
    except UserError:
        raise
    except Exception as error:  # what a crafted or cut pickle raises has no end, MemoryError included
        raise UserError(f"{path}: a broken pickle ({shown(error)}); expected {FORMATS}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: the pickle holds a {type(value).__name__}; expected {FORMATS}")
    counts.lines = len(value)
    for number, (block_id, keys) in enumerate(value.items(), start=1):
        is_list = isinstance(keys, list | tuple) and set(map(type, keys)) <= _PLAIN
        if type(block_id) not in _PLAIN or not is_list:
            raise UserError(
                f"{path}, entry {number}: {_told({block_id: keys})} is no block id and a list of keys; both "
                "are str or int"
            )
        try:
            name, texts = str(block_id), [str(key) for key in keys]
            name.encode()
        except ValueError:  # Python writes no number of so many digits, and UTF-8 no half of a pair
            raise UserError(
                f"{path}, entry {number}: a number of more than {sys.get_int_max_str_digits():,} digits, or "
                f"an id with half a character (a lone surrogate); expected {FORMATS}"
            ) from None
        yield number, name, texts, LABEL_UNKNOWN


def _told(value: Any) -> str:
    """The beginning of a value that a pickle holds, which may be nested without end."""
    try:
        return shown(reprlib.repr(value))
    except ValueError:
        return f"a {type(value).__name__} with a number of too many digits"
