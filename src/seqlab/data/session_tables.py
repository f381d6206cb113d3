"""CSVs of sessions with a header, as LogBERT, loglizer and loghub (Event_traces.csv) write them."""

from __future__ import annotations

import io
from array import array
from pathlib import Path

import numpy as np

from seqlab.data.event_keys import FORMATS, KEYS, KeyNumbers, plain_keys, refuse_duplicates
from seqlab.data.label_files import LABEL_VALUES, line_of_row
from seqlab.data.sequences import LABEL_UNKNOWN, Sessions
from seqlab.errors import UserError

ID, LABEL = "BlockId", "Label"
SEQUENCES = ("EventSequence", "Features")


def is_table(content: bytes) -> bool:
    """Whether the first line names columns as such tables do; a block is hardly called so."""
    line = content.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    names = {name.strip().strip('"') for name in line.decode("utf-8", "replace").split(",")}
    return len(names) > 1 and bool(names & {ID, *SEQUENCES, "EventId"})


def read_session_table(path: Path, content: bytes) -> Sessions:
    """Sessions of ``BlockId,EventSequence`` or ``BlockId,Features``, labelled where a column ``Label`` is.

    Keys have spaces between them or are a list of Python's, ``"['E5', 'E22']"``, which is never executed.
    Labels are Success or Fail, Normal or Anomaly, 0 or 1. Other columns are passed over.

    Raises:
        UserError: other columns, a row without keys, a block twice; names the line.
    """
    import polars as pl

    try:
        table = pl.read_csv(io.BytesIO(content), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise UserError(f"{path}: not a table of sessions: {error}; expected {FORMATS}") from None
    table = table.rename({name: name.strip() for name in table.columns})
    table = table.filter(~pl.all_horizontal(pl.all().is_null()))  # blank lines
    column = _sequence_column(path, table.columns)
    text = content.decode("utf-8-sig")

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
    ids = [(block or "").strip() for block in table[ID].to_list()]
    if not ids:
        raise UserError(f"{path}: a header and no session; expected {FORMATS}")
    if "" in ids:
        raise UserError(f"{path}, {place(ids.index(''))}: the {ID} is empty")
    refuse_duplicates(path, ids, place)
    sessions = Sessions.from_arrays(np.asarray(codes), np.asarray(lengths), ids, tuple(numbers))
    if LABEL not in table.columns:
        return sessions
    words = [(label or "").strip() for label in table[LABEL].to_list()]
    labels = [LABEL_VALUES.get(word.lower(), None if word else LABEL_UNKNOWN) for word in words]
    if None in labels:
        row = labels.index(None)
        raise UserError(
            f"{path}, {place(row)}: label {words[row]!r}; expected Success or Fail, Normal or Anomaly"
        )
    return sessions.with_labels(np.asarray(labels, dtype=np.int8))


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
