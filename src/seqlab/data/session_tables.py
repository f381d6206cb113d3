"""CSVs with a header: sessions, as LogBERT, loglizer and loghub write them, and labels of sessions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.data.raw_logs import plain_keys
from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN, Sessions
from seqlab.data.text_files import read_text
from seqlab.errors import UserError

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


def is_table(text: str) -> bool:
    """Whether the first line names columns as tables of sessions do; a block is hardly called so."""
    line = text.lstrip().split("\n", 1)[0]
    names = {name.strip().strip('"') for name in line.split(",")}
    return len(names) > 1 and bool(names & {ID, *SEQUENCES, "EventId"})


class SessionTable(NamedTuple):
    """The rows of a CSV as text, without spaces around cells and without blank lines."""

    path: Path
    text: str
    rows: pl.DataFrame

    @classmethod
    def read(cls, path: Path, text: str, expected: str) -> SessionTable:
        """Raises UserError for a line of more fields than the header."""
        try:
            rows = pl.read_csv(io.StringIO(text.lstrip()), infer_schema=False)
        except pl.exceptions.PolarsError as error:
            widths = [(number, len(next(csv.reader([line])))) for number, line in _numbered(text)]
            longer = next((number for number, width in widths if width > widths[0][1]), None)
            why = str(error) if longer is None else f"line {longer} has more fields than the header"
            raise UserError(f"{path}: {why}; expected {expected}") from None
        rows = rows.rename({name: name.strip() for name in rows.columns})
        rows = rows.with_columns(pl.all().str.strip_chars()).filter(~pl.all_horizontal(pl.all().is_null()))
        return cls(path, text, rows)

    def where(self, row: int) -> str:
        """The line of a row."""
        return f"line {_numbered(self.text)[row + 1][0]}"

    def sessions(self) -> Iterator[tuple[str, list[str]]]:
        """Block ids and keys of ``BlockId,EventSequence`` or ``BlockId,Features``, of other columns none.

        Keys have spaces between them or are a list of Python's, ``"['E5', 'E22']"``, which is never executed.

        Raises:
            UserError: other columns.
        """
        columns = self.rows.columns
        found = [name for name in SEQUENCES if name in columns]
        if ID not in columns or len(found) != 1:
            unknown = f"columns that are not known; name them {ID} and {SEQUENCES[0]}"
            why = next((why for name, why in OTHER_TABLES.items() if name in columns and not found), unknown)
            shown = ", ".join(columns[:8]) + (", ..." if len(columns) > 8 else "")
            raise UserError(f"{self.path}, line 1: {shown}: {why}; expected {FORMATS}")
        cells = self.rows.select(ID, found[0]).fill_null("")
        for block_id, keys in zip(cells[ID].to_list(), cells[found[0]].to_list(), strict=True):
            yield block_id, plain_keys(keys).split()

    def labels(self) -> pl.Series | None:
        """(N,) the label of each row; LABEL_UNKNOWN of an empty cell; None where there is no such column."""
        if LABEL not in self.rows.columns:
            return None
        words = self.rows[LABEL].fill_null("")
        values = words.str.to_lowercase().replace_strict(
            LABEL_VALUES | {"": LABEL_UNKNOWN}, default=None, return_dtype=pl.Int8
        )
        if values.null_count():
            row = int(values.is_null().arg_max() or 0)
            raise UserError(f"{self.path}, {self.where(row)}: label {words[row]!r}; expected {LABEL_WORDS}")
        return values


def read_labels(path: str | Path) -> dict[str, int]:
    """Read ``BlockId,Label`` as {block id: LABEL_NORMAL or LABEL_ABNORMAL}; labels are of LABEL_WORDS.

    Raises:
        UserError: missing file, other columns, an unknown label or a block labelled twice; names the line.
    """
    path = Path(path)
    table = SessionTable.read(path, read_text(path, LABEL_FORMAT), LABEL_FORMAT)
    labels = table.labels()
    if labels is None or ID not in table.rows.columns:
        raise UserError(f"{path}, line 1: columns {', '.join(table.rows.columns)}; expected {ID},{LABEL}")
    ids = table.rows[ID]
    bad = (labels == LABEL_UNKNOWN) | ~ids.is_first_distinct()
    if bad.any():
        row = int(bad.arg_max() or 0)
        why = (
            f"label ''; expected {LABEL_WORDS}" if labels[row] < 0 else f"block {ids[row]} is labelled twice"
        )
        raise UserError(f"{path}, {table.where(row)}: {why}")
    return dict(zip(ids.to_list(), labels.to_list(), strict=True))


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


def _numbered(text: str) -> list[tuple[int, str]]:
    """The lines that are not blank, each with its number."""
    return [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
