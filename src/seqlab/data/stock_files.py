"""Files of daily prices: CSV with a header in any order, or without one; oldest day first once read."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.data.text_files import read_text
from seqlab.errors import UserError

KNOWN = ("Open", "High", "Low", "Close", "Volume")  # used where no features are asked for
DATES = ("date", "datetime", "timestamp", "time", "day")  # headings of a column of dates, the first there is
FORMATS = (
    "lines of Date,Open,High,Low,Close,Volume in any order under a header, or numbers alone with data.columns"
)
MISSING = ("error", "drop")


@dataclass(frozen=True)
class PriceTable:
    """N days of F columns, oldest first."""

    columns: tuple[str, ...]  # (F,) names as the file writes them
    values: NDArray[np.float64]  # (N, F) all finite
    lines: NDArray[np.int64]  # (N,) line of the file, from 1
    source: str  # the file, or what the sample is
    dates: tuple[str, ...] | None = None  # (N,) as the file writes them
    notices: list[str] = field(default_factory=list)  # repairs, counted

    def __len__(self) -> int:
        return len(self.values)

    def has(self, name: str) -> bool:
        return name.lower() in [column.lower() for column in self.columns]

    def column(self, name: str) -> NDArray[np.float64]:
        """(N,) values of a column; upper and lower case are one.

        Raises:
            UserError: no such column.
        """
        names = [column.lower() for column in self.columns]
        if name.lower() not in names:
            raise UserError(f"{self.source}: no column {name}; it has {', '.join(self.columns)}")
        return self.values[:, names.index(name.lower())]

    def take(self, rows: NDArray[np.int64] | slice) -> PriceTable:
        """The chosen days, in the order given."""
        order = np.arange(len(self))[rows]
        dates = None if self.dates is None else tuple(self.dates[row] for row in order.tolist())
        return replace(self, values=self.values[order], lines=self.lines[order], dates=dates)


def read_prices(
    path: str | Path,
    wanted: Sequence[str] | None = None,
    *,
    target: str | None = None,
    columns: Sequence[str] | None = None,
    reverse: bool = False,
    missing: str = "error",
) -> PriceTable:
    """Read one file of daily prices; blank lines and lines that begin with ``#`` are passed over.

    Args:
        wanted: columns to read (the date comes by itself); None takes those of KNOWN that the file has. Open
            is read beside them where every line has it.
        target: one more column to read.
        columns: names of the columns of a file without a header line.
        reverse: the file has the newest day first. A file with dates needs no telling: its days are put in
            order of date, and the lines that moved are counted in the notices.
        missing: ``error``, or ``drop`` leaves out lines without a number in a wanted column, counted.

    Raises:
        UserError: missing, empty or malformed file, a date that comes twice; names file and line.
    """
    if missing not in MISSING:
        raise UserError(f"data.missing={missing}: choose {', '.join(MISSING)}")
    rows = _rows(Path(path))
    header = not any(_is_number(cell) for cell in rows[0][1])
    names = _names(path, rows[0], columns, header)
    rows = rows[header:]
    if not rows:
        raise UserError(f"{path}: a header and no line of prices; expected {FORMATS}")
    for line, cells in rows:
        if len(cells) != len(names):
            raise UserError(
                f"{path}, line {line}: {len(cells)} cells, the file has {len(names)} columns "
                f"({', '.join(names)}); write every line alike"
            )
    places = {name.lower(): place for place, name in enumerate(names)}
    chosen = [name for name in KNOWN if name.lower() in places] if wanted is None else list(wanted)
    chosen += [target] if target is not None and target.lower() not in map(str.lower, chosen) else []
    absent = [name for name in chosen if name.lower() not in places]
    if absent or not chosen:
        raise UserError(
            f"{path}: no column {absent[0] if absent else ' or '.join(KNOWN)}; it has {', '.join(names)}"
        )
    used = list(dict.fromkeys(places[name.lower()] for name in chosen))
    extra = places.get("open")
    if extra is not None and extra not in used and all(_is_number(cells[extra]) for _, cells in rows):
        used.append(extra)
    notices = []
    faulty = [row for row in rows if not all(_is_number(row[1][place]) for place in used)]
    if faulty:
        line, cells = faulty[0]
        place = next(place for place in used if not _is_number(cells[place]))
        if missing == "error":
            raise UserError(
                f"{path}, line {line}: {cells[place]!r} under {names[place]} is no finite number; mend the "
                f"line, or leave such lines out with data.missing=drop ({len(faulty)} of {len(rows)})"
            )
        notices.append(f"{len(faulty)} of {len(rows)} lines of {path} lack a number and were left out")
        out = {line for line, _ in faulty}
        rows = [row for row in rows if row[0] not in out]
        if not rows:
            raise UserError(f"{path}: no line is left that has a number in every column")
    heading = next((name for name in DATES if name in places), None)
    dates = None if heading is None else tuple(cells[places[heading]].strip() for _, cells in rows)
    if dates is None and not reverse:
        notices.append(
            f"{path} has no column of dates ({', '.join(DATES)}): its first line is taken for the oldest "
            "day; data.reverse=true turns it"
        )
    table = PriceTable(
        columns=tuple(names[place] for place in used),
        values=np.array([[float(cells[place]) for place in used] for _, cells in rows], dtype=np.float64),
        lines=np.array([line for line, _ in rows], dtype=np.int64),
        source=str(path),
        dates=dates,
        notices=notices,
    )
    if dates is not None:
        return _in_order(table, dates)
    return table.take(slice(None, None, -1)) if reverse else table


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """(line number, cells) of every line that is neither blank nor a comment."""
    lines = read_text(path, FORMATS).splitlines()
    rows = [
        (number, next(csv.reader([line], skipinitialspace=True)))
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not rows:
        raise UserError(f"{path}: the file is empty; expected {FORMATS}")
    return rows


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _names(
    path: str | Path, first: tuple[int, list[str]], columns: Sequence[str] | None, header: bool
) -> list[str]:
    line, cells = first
    if header:
        names = [cell.strip() for cell in cells]
        if columns is not None and [name.lower() for name in columns] != [name.lower() for name in names]:
            raise UserError(
                f"{path}, line {line}: the header names {', '.join(names)}, data.columns "
                f"{', '.join(columns)}; leave data.columns=null where the file has a header"
            )
    elif columns is None:
        raise UserError(
            f"{path}, line {line}: no header line; name the {len(cells)} columns, like "
            "data.columns=[Open,High,Low,Volume,Close]"
        )
    else:
        names = [str(name).strip() for name in columns]
    lower = [name.lower() for name in names]
    twice = [name for place, name in enumerate(names) if lower.index(name.lower()) != place]
    if twice:
        raise UserError(f"{path}, line {line}: the column {twice[0]} comes twice")
    return names


def _in_order(table: PriceTable, dates: tuple[str, ...]) -> PriceTable:
    """The days by date; a date that cannot be read or comes twice is an error."""
    import warnings

    import pandas as pd

    text = pd.Series(dates, dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formats that pandas must guess
        days = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
        if days.isna().all():
            days = pd.to_datetime(text, errors="coerce", utc=True)
    bad = np.flatnonzero(days.isna())
    if len(bad):
        raise UserError(
            f"{table.source}, line {table.lines[bad[0]]}: {dates[bad[0]]!r} is no date; write 2016-12-31"
        )
    moments = days.astype("int64").to_numpy()
    order = np.argsort(moments, kind="stable")
    same = np.flatnonzero(np.diff(moments[order]) == 0)
    if len(same):
        first, second = table.lines[order[same[0]]], table.lines[order[same[0] + 1]]
        raise UserError(
            f"{table.source}, line {max(first, second)}: the date {dates[order[same[0]]]} stands on line "
            f"{min(first, second)} too; a file holds one series, one line a day"
        )
    steps = np.diff(moments)
    if len(steps) and (steps < 0).all():
        table.notices.append(f"{table.source} has the newest day first: reversed")
    elif (steps < 0).any():
        place = int(np.flatnonzero(steps < 0)[0]) + 1
        moved = int((order != np.arange(len(order))).sum())
        table.notices.append(
            f"{table.source} is not in order of date (first on line {table.lines[place]}): {moved} of "
            f"{len(order)} lines were moved"
        )
    return table.take(order)
