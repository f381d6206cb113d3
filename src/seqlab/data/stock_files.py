"""Files of daily prices: CSV, its columns named by a header, a comment or data.columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqlab.data.csv_files import CsvTable, Row, is_number, read_csv
from seqlab.data.series_table import SeriesTable
from seqlab.data.time_order import DATES, SERIES, check_dates, in_order
from seqlab.data.time_steps import missing_days, read_moments
from seqlab.errors import UserError

KNOWN = ("Open", "High", "Low", "Close", "Volume")  # used where no features are asked for
TARGETS = ("Close", "y")  # the column to forecast where none is asked for, the first there is
FORMATS = (
    "lines of Date,Open,High,Low,Close,Volume in any order under a header, or of unique_id,ds,y, or numbers "
    "alone with data.columns"
)
EXAMPLE = "[Open,High,Low,Volume,Close]"  # of data.columns
NAMED = 20  # series that a message names
MISSING = ("error", "drop")


def read_prices(
    path: str | Path,
    wanted: Sequence[str] | None = None,
    *,
    targets: Sequence[str] = (),
    columns: Sequence[str] | None = None,
    reverse: bool | None = None,
    missing: str = "error",
    series: str | None = None,
) -> SeriesTable:
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
    file = read_csv(Path(path), columns, FORMATS, example=EXAMPLE)
    file = file._replace(rows=_one_series(file, series))
    used = _with_open(file, _used(file, wanted, targets))
    rows, left_out = _with_numbers(file, used, missing)
    heading = next((name for name in DATES if name in file.places), None)
    dates = None if heading is None else tuple(cells[file.places[heading]].strip() for _, cells in rows)
    table = SeriesTable(
        columns=tuple(file.names[place] for place in used),
        values=np.array([[float(cells[place]) for place in used] for _, cells in rows], dtype=np.float64),
        lines=np.array([line for line, _ in rows], dtype=np.int64),
        source=str(path),
        dates=dates,
        notices=[*file.notices, *left_out],
    )
    return _by_lines(table, reverse) if dates is None else _by_dates(table, dates)


def _by_dates(table: SeriesTable, dates: tuple[str, ...]) -> SeriesTable:
    """The days by date, those that are missing told; a date that cannot be read or comes twice is refused."""
    moments = read_moments(dates)
    check_dates(table, moments)
    ordered = in_order(table, moments)
    gaps = None if moments.days is None else missing_days(np.sort(moments.days))
    if gaps is not None:
        table.notices.append(f"{table.source}: {gaps}")
    return ordered


def _by_lines(table: SeriesTable, reverse: bool | None) -> SeriesTable:
    """The days of a file without dates, oldest first, as ``data.reverse`` says."""
    if reverse is None:
        raise UserError(
            f"{table.source}: no column of dates ({', '.join(DATES)}), so nothing tells which day comes "
            f"first; add one, or say data.reverse=true (line {table.lines[0]} is the newest day) or "
            "data.reverse=false (oldest)"
        )
    if not reverse:
        return table
    table.notices.append(
        f"{table.source} has no dates: its last line is taken for the oldest day (data.reverse=true)"
    )
    return table.take(slice(None, None, -1))


def _used(file: CsvTable, wanted: Sequence[str] | None, targets: Sequence[str]) -> list[int]:
    """Places of the columns to read."""
    places = file.places
    chosen = [name for name in KNOWN if name.lower() in places] if wanted is None else list(wanted)
    absent = [name for name in chosen if name.lower() not in places][:1]
    if targets:
        there = [name for name in targets if name.lower() in places]
        chosen += there[:1]
        absent += targets if not there else ()
    elif not chosen:
        absent = list(KNOWN)
    if absent:
        raise UserError(f"{file.path}: no column {' or '.join(absent)}; it has {', '.join(file.names)}")
    return list(dict.fromkeys(places[name.lower()] for name in chosen))


def _with_open(file: CsvTable, used: list[int]) -> list[int]:
    """The same with Open, where every line has one: the forecast of a baseline."""
    extra = file.places.get("open")
    if extra is None or extra in used or not all(is_number(cells[extra]) for _, cells in file.rows):
        return used
    return [*used, extra]


def _with_numbers(file: CsvTable, used: list[int], missing: str) -> tuple[list[Row], list[str]]:
    """The rows that hold a number in every used column, and a notice of those that were left out."""
    faulty = [row for row in file.rows if not all(is_number(row[1][place]) for place in used)]
    if not faulty:
        return file.rows, []
    line, cells = faulty[0]
    place = next(place for place in used if not is_number(cells[place]))
    if missing == "error":
        raise UserError(
            f"{file.path}, line {line}: {cells[place]!r} under {file.names[place]} is no finite number; mend "
            "the line, or leave such lines out with data.missing=drop "
            f"({len(faulty)} of {len(file.rows)})"
        )
    out = {line for line, _ in faulty}
    kept = [row for row in file.rows if row[0] not in out]
    if not kept:
        raise UserError(f"{file.path}: no line is left that has a number in every column")
    return kept, [f"{len(faulty)} of {len(file.rows)} lines of {file.path} lack a number and were left out"]


def _one_series(file: CsvTable, series: str | None) -> list[Row]:
    """The rows of one series: the one that is named, or the only one."""
    place = file.places.get(SERIES)
    if place is None:
        if series is not None:
            raise UserError(
                f"data.series={series}: {file.path} has no column {SERIES}, it holds one series; leave it out"
            )
        return file.rows
    names = list(dict.fromkeys(cells[place].strip() for _, cells in file.rows))
    listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")
    if series is None and len(names) > 1:
        raise UserError(
            f"{file.path}: {len(names):,} series under {SERIES}; choose one with data.series=NAME: {listed}"
        )
    if series is not None and series not in names:
        raise UserError(f"data.series={series}: no such {SERIES} in {file.path}; it has {listed}")
    chosen = names[0] if series is None else series
    return [row for row in file.rows if row[1][place].strip() == chosen]
