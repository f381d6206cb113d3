"""Files of daily prices: CSV, its columns named by a header, a comment or data.columns."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.data.stock_dates import missing_days, read_moments
from seqlab.data.text_files import read_text
from seqlab.errors import UserError

KNOWN = ("Open", "High", "Low", "Close", "Volume")  # used where no features are asked for
DATES = ("date", "ds", "datetime", "timestamp", "time", "day")  # of these headings the first there is
SERIES = "unique_id"  # heading of a long file's names of series, as Nixtla's libraries write them
TARGETS = ("Close", "y")  # the column to forecast where none is asked for, the first there is
FORMATS = (
    "lines of Date,Open,High,Low,Close,Volume in any order under a header, or of unique_id,ds,y, or numbers "
    "alone with data.columns"
)
NAMED = 20  # series that a message names
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
    targets: Sequence[str] = (),
    columns: Sequence[str] | None = None,
    reverse: bool | None = None,
    missing: str = "error",
    series: str | None = None,
) -> PriceTable:
    """Read one series of a file; blank lines and lines that begin with ``#`` are passed over.

    Args:
        wanted: columns to read (the date comes by itself); None takes those of KNOWN that the file has. Open
            is read beside them where every line has it.
        targets: one more column to read, the first of these names that the file has.
        columns: names of the columns of a file without a header line; None takes them from the last comment
            before the first line of numbers, where that names as many.
        reverse: whether a file without dates has the newest day first. A file with dates needs no telling:
            its days are put in order of date, and the lines that moved are counted in the notices.
        missing: ``error``, or ``drop`` leaves out lines without a number in a wanted column, counted.
        series: which one of a long file, by its name under SERIES; None where there is one.

    Raises:
        UserError: missing, empty or malformed file, a date that comes twice (names file and line), no dates
            and no ``reverse``, several series and none chosen.
    """
    if missing not in MISSING:
        raise UserError(f"data.missing={missing}: choose {', '.join(MISSING)}")
    rows, comment = _rows(Path(path))
    header = not any(_is_number(cell) for cell in rows[0][1])
    notices = []
    if columns is None and not header and comment is not None:
        columns = comment[1]
        notices.append(f"{path}: names of columns from its comment, line {comment[0]}: {', '.join(columns)}")
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
    rows = _one_series(path, rows, places.get(SERIES), series)
    used = _used(path, names, wanted, targets)
    extra = places.get("open")
    if extra is not None and extra not in used and all(_is_number(cells[extra]) for _, cells in rows):
        used.append(extra)
    rows, left_out = _with_numbers(path, rows, names, used, missing)
    notices += left_out
    heading = next((name for name in DATES if name in places), None)
    dates = None if heading is None else tuple(cells[places[heading]].strip() for _, cells in rows)
    if dates is None:
        notices += _order_without_dates(path, rows[0][0], reverse)
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


def _used(
    path: str | Path, names: list[str], wanted: Sequence[str] | None, targets: Sequence[str]
) -> list[int]:
    """Places of the columns to read."""
    places = {name.lower(): place for place, name in enumerate(names)}
    chosen = [name for name in KNOWN if name.lower() in places] if wanted is None else list(wanted)
    absent = [name for name in chosen if name.lower() not in places][:1]
    if targets:
        there = [name for name in targets if name.lower() in places]
        chosen += there[:1]
        absent += targets if not there else ()
    elif not chosen:
        absent = list(KNOWN)
    if absent:
        raise UserError(f"{path}: no column {' or '.join(absent)}; it has {', '.join(names)}")
    return list(dict.fromkeys(places[name.lower()] for name in chosen))


def _with_numbers(
    path: str | Path, rows: list[tuple[int, list[str]]], names: list[str], used: list[int], missing: str
) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """The rows that hold a number in every used column, and a notice of those that were left out."""
    faulty = [row for row in rows if not all(_is_number(row[1][place]) for place in used)]
    if not faulty:
        return rows, []
    line, cells = faulty[0]
    place = next(place for place in used if not _is_number(cells[place]))
    if missing == "error":
        raise UserError(
            f"{path}, line {line}: {cells[place]!r} under {names[place]} is no finite number; mend the line, "
            f"or leave such lines out with data.missing=drop ({len(faulty)} of {len(rows)})"
        )
    out = {line for line, _ in faulty}
    kept = [row for row in rows if row[0] not in out]
    if not kept:
        raise UserError(f"{path}: no line is left that has a number in every column")
    return kept, [f"{len(faulty)} of {len(rows)} lines of {path} lack a number and were left out"]


def _order_without_dates(path: str | Path, first: int, reverse: bool | None) -> list[str]:
    """What to say of the order of a file without dates, whose first line of numbers is ``first``."""
    if reverse is None:
        raise UserError(
            f"{path}: no column of dates ({', '.join(DATES)}), so nothing tells which day comes first; add "
            f"one, or say data.reverse=true (line {first} is the newest day) or data.reverse=false (oldest)"
        )
    told = f"{path} has no dates: its last line is taken for the oldest day (data.reverse=true)"
    return [told] if reverse else []


def _rows(path: Path) -> tuple[list[tuple[int, list[str]]], tuple[int, list[str]] | None]:
    """(line number, cells) of every line that is neither blank nor a comment; and of the last comment before
    them that could name their columns."""
    lines = read_text(path, FORMATS).splitlines()
    numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    rows = [(number, _cells(line)) for number, line in numbered if not line.startswith("#")]
    if not rows:
        raise UserError(f"{path}: the file is empty; expected {FORMATS}")
    first, width = rows[0][0], len(rows[0][1])
    comments = [
        (number, [cell.strip() for cell in _cells(line.lstrip("# "))])
        for number, line in numbered
        if number < first
    ]
    naming = [
        (number, cells)
        for number, cells in comments
        if len(cells) == width > 1 and all(cells) and not any(map(_is_number, cells))
    ]
    return rows, naming[-1] if naming else None


def _cells(line: str) -> list[str]:
    return next(csv.reader([line], skipinitialspace=True))


def _one_series(
    path: str | Path, rows: list[tuple[int, list[str]]], place: int | None, series: str | None
) -> list[tuple[int, list[str]]]:
    """The rows of one series: the one that is named, or the only one.

    Args:
        place: of the column that names series; None where there is none.
    """
    if place is None:
        if series is not None:
            raise UserError(
                f"data.series={series}: {path} has no column {SERIES}, it holds one series; leave it out"
            )
        return rows
    names = list(dict.fromkeys(cells[place].strip() for _, cells in rows))
    listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")
    if series is None and len(names) > 1:
        raise UserError(
            f"{path}: {len(names):,} series under {SERIES}; choose one with data.series=NAME: {listed}"
        )
    if series is not None and series not in names:
        raise UserError(f"data.series={series}: no such {SERIES} in {path}; it has {listed}")
    chosen = names[0] if series is None else series
    return [row for row in rows if row[1][place].strip() == chosen]


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
            f"{path}, line {line}: no header line and no comment that names {len(cells)} columns; name them, "
            "like data.columns=[Open,High,Low,Volume,Close]"
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
    moments = read_moments(dates)
    if len(moments.bad):
        first = moments.bad[0]
        raise UserError(
            f"{table.source}, line {table.lines[first]}: {dates[first]!r} is no date; write 2016-12-31"
        )
    order = np.argsort(moments.order, kind="stable")
    same = np.flatnonzero(np.diff(moments.order[order]) == 0)
    if len(same):
        first, second = table.lines[order[same[0]]], table.lines[order[same[0] + 1]]
        raise UserError(
            f"{table.source}, line {max(first, second)}: the date {dates[order[same[0]]]} stands on line "
            f"{min(first, second)} too; a file holds one line a day, or names its series under {SERIES}"
        )
    steps = np.diff(moments.order)
    if len(steps) and (steps < 0).all():
        table.notices.append(f"{table.source} has the newest day first: reversed")
    elif (steps < 0).any():
        place = int(np.flatnonzero(steps < 0)[0]) + 1
        moved = int((order != np.arange(len(order))).sum())
        table.notices.append(
            f"{table.source} is not in order of date (first on line {table.lines[place]}): {moved} of "
            f"{len(order)} lines were moved"
        )
    gaps = None if moments.days is None else missing_days(moments.days[order])
    if gaps is not None:
        table.notices.append(f"{table.source}: {gaps}")
    return table.take(order)
