"""CSVs with a header: sessions, as LogBERT, loglizer and loghub write them, and labels of sessions."""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.data.event_keys import FORMATS, KEYS, KeyNumbers, plain_keys, refuse_duplicates
from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN, Sessions
from seqlab.data.text_files import read_text
from seqlab.errors import UserError

ID, LABEL = "BlockId", "Label"
SEQUENCES = ("EventSequence", "Features")
LABEL_FORMAT = "the header BlockId,Label"
LABEL_WORDS = "Normal or Anomaly, Success or Fail, or 0, 1"
LABEL_VALUES = dict.fromkeys(("normal", "success", "0"), LABEL_NORMAL) | dict.fromkeys(
    ("anomaly", "abnormal", "fail", "1"), LABEL_ABNORMAL
)


def read_labels(path: str | Path) -> dict[str, int]:
    """Read ``BlockId,Label`` as {block id: LABEL_NORMAL or LABEL_ABNORMAL}; labels are of LABEL_WORDS.

    Raises:
        UserError: missing file, other columns, an unknown label or a block labelled twice; names the line.
    """
    path = Path(path)
    text = read_text(path, LABEL_FORMAT)
    table = _table(path, text, "a label table", LABEL_FORMAT)
    if not {ID, LABEL} <= set(table.columns):
        raise UserError(f"{path}, line 1: columns {', '.join(table.columns)}; expected BlockId,Label")
    labels = _labels(path, table, lambda row: line_of_row(text, row))
    if labels.null_count():
        row = int(labels.is_null().arg_max() or 0)
        raise UserError(f"{path}, line {line_of_row(text, row)}: label ''; expected {LABEL_WORDS}")
    repeated = ~table[ID].is_first_distinct()
    if repeated.any():
        row = int(repeated.arg_max() or 0)
        raise UserError(f"{path}, line {line_of_row(text, row)}: block {table[ID][row]} is labelled twice")
    return dict(zip(table[ID].to_list(), labels.to_list(), strict=True))


def labels_of(sessions: Sessions, labels: dict[str, int], source: str | Path) -> NDArray[np.int8]:
    """(S,) the label of each session.

    Raises:
        UserError: a session that ``source`` does not name.
    """
    ids = sessions.ids.tolist()
    missing = [block_id for block_id in ids if block_id not in labels]
    if missing:
        raise UserError(
            f"{source}: no label for {len(missing)} of {len(ids)} sessions, the first is {missing[0]}; "
            "is it the label file of this log?"
        )
    return np.asarray([labels[block_id] for block_id in ids], dtype=np.int8)


def is_table(text: str) -> bool:
    """Whether the first line names columns as tables of sessions do; a block is hardly called so."""
    line = text.lstrip().split("\n", 1)[0]
    names = {name.strip().strip('"') for name in line.split(",")}
    return len(names) > 1 and bool(names & {ID, *SEQUENCES, "EventId"})


def read_session_table(path: Path, text: str) -> Sessions:
    """Sessions of ``BlockId,EventSequence`` or ``BlockId,Features``, labelled where a column ``Label`` is.

    Keys have spaces between them or are a list of Python's, ``"['E5', 'E22']"``, which is never executed.
    Labels are of LABEL_WORDS. Other columns are passed over.

    Raises:
        UserError: other columns, a row without keys, a block twice; names the line.
    """
    table = _table(path, text, "a table of sessions", FORMATS)
    column = _sequence_column(path, table.columns)

    def place(row: int) -> str:
        return f"line {line_of_row(text, row)}"

    numbers, codes, lengths = KeyNumbers(), array("i"), array("q")
    for row, keys in enumerate(table[column].to_list()):
        before = len(codes)
        try:
            codes.extend(map(numbers.__getitem__, plain_keys(keys or "").split()))
        except ValueError as error:
            raise UserError(f"{path}, {place(row)}: {str(error)!r} is no event key ({KEYS})") from None
        if len(codes) == before:
            raise UserError(f"{path}, {place(row)}: no keys in column {column}; leave the line out")
        lengths.append(len(codes) - before)
    ids = table[ID].fill_null("").to_list()
    if not ids:
        raise UserError(f"{path}: a header and no session; expected {FORMATS}")
    if "" in ids:
        raise UserError(f"{path}, {place(ids.index(''))}: the {ID} is empty")
    refuse_duplicates(path, ids, place)
    sessions = Sessions.from_arrays(np.asarray(codes), np.asarray(lengths), ids, tuple(numbers))
    if LABEL not in table.columns:
        return sessions
    labels = _labels(path, table, lambda row: line_of_row(text, row))
    return sessions.with_labels(labels.fill_null(LABEL_UNKNOWN).to_numpy())


def line_of_row(text: str, row: int) -> int:
    """The line of a table's row: a header and blank lines come before it."""
    return [number for number, line in enumerate(text.splitlines(), start=1) if line.strip()][row + 1]


def _table(path: Path, text: str, what: str, expected: str) -> pl.DataFrame:
    """The rows as text, without spaces around cells and without blank lines."""
    try:
        table = pl.read_csv(io.StringIO(text.lstrip()), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        widths = [(number, len(next(csv.reader([line])))) for number, line in lines]
        longer = next((number for number, width in widths if width > widths[0][1]), None)
        why = str(error) if longer is None else f"line {longer} has more fields than the header"
        raise UserError(f"{path}: not {what}: {why}; expected {expected}") from None
    table = table.rename({name: name.strip() for name in table.columns})
    return table.with_columns(pl.all().str.strip_chars()).filter(~pl.all_horizontal(pl.all().is_null()))


def _labels(path: Path, table: pl.DataFrame, line: Callable[[int], int]) -> pl.Series:
    """(N,) the label of each row; null where the cell is empty."""
    words = table[LABEL].replace("", None)
    values = words.str.to_lowercase().replace_strict(LABEL_VALUES, default=None, return_dtype=pl.Int8)
    unknown = values.is_null() & words.is_not_null()
    if unknown.any():
        row = int(unknown.arg_max() or 0)
        raise UserError(f"{path}, line {line(row)}: label {words[row]!r}; expected {LABEL_WORDS}")
    return values


def _sequence_column(path: Path, columns: list[str]) -> str:
    found = [name for name in SEQUENCES if name in columns]
    if ID in columns and len(found) == 1:
        return found[0]
    shown = ", ".join(columns[:8]) + (", ..." if len(columns) > 8 else "")
    if "EventTemplate" in columns and "LineId" not in columns:
        why = "templates, not sessions: give it as data.templates"
    elif "EventId" in columns:
        why = "lines of a log, not its sessions; seqlab parse makes sessions of the log itself"
    elif "E1" in columns:
        why = "counts of events, and models need their order"
    elif LABEL in columns and not found:
        why = "labels, not sessions: give it as data.labels"
    else:
        why = f"columns that are not known; name them {ID} and {SEQUENCES[0]}"
    raise UserError(f"{path}, line 1: {shown}: {why}; expected {FORMATS}")
