"""Series of numbers from one CSV file: a time column, targets, past features, known columns, a series id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.data.csv_files import CsvTable, is_number, listed, read_csv
from seqlab.data.missing_values import check_missing, mend, split_future
from seqlab.data.series_table import SeriesTable, in_order
from seqlab.data.time_grid import Moments, TimeGrid, find_grid, read_moments, told_gaps
from seqlab.errors import UserError

DATES = ("date", "ds", "datetime", "timestamp", "time", "day")  # of these headings the first there is
SERIES = "unique_id"  # heading of a long file's names of series, as Nixtla's libraries write them
TARGETS = ("y", "target", "value", "close")  # where none is asked for, the first there is
FORMATS = "a header such as ds,y or unique_id,ds,y and lines of a time and numbers under it"


class Columns(NamedTuple):
    """Which columns of a file are read as what."""

    targets: tuple[str, ...]
    features: tuple[str, ...]  # all that is read of the past: targets, data.features, known columns
    known: tuple[str, ...]  # of them those whose future is known


@dataclass(frozen=True)
class SeriesFile:
    """Every series of a file, in order of name, each in order of time."""

    tables: list[SeriesTable]
    columns: Columns
    grid: TimeGrid
    notices: list[str]


def read_series(
    path: str | Path,
    *,
    targets: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    known: Sequence[str] | None = None,
    time: str | None = None,
    id: str | None = None,
    columns: Sequence[str] | None = None,
    missing: str = "error",
) -> SeriesFile:
    """Read a file; upper and lower case of its headings are one.

    Args:
        targets: columns to forecast; None takes the first of TARGETS, or the one column that is no time, no
            id, no feature and not known.
        features: further columns that are read of the past.
        known: columns whose values are known over the horizon.
        time: the column of times; None takes the first of DATES, or the first whose cells are dates.
        id: the column that names series; None takes unique_id where there is one.
        columns: names of the columns of a file without a header line.
        missing: what to do with missing numbers, see ``mend``.

    Raises:
        UserError: a file that cannot be read, a column that is not there, a time that cannot be read or comes
            twice in a series, a missing number where ``missing`` is error.
    """
    check_missing(missing)
    file = read_csv(Path(path), columns, FORMATS, example="[ds,y]", headed="numbers")
    times = _time_place(file, time)
    ids = file.places.get(SERIES) if id is None else file.place(id, "id")
    roles = _roles(file, {times, ids}, targets, features, known)
    return series_of(file, roles, times, ids, missing)


def series_of(file: CsvTable, roles: Columns, times: int, ids: int | None, missing: str) -> SeriesFile:
    """The series of a file that was read.

    Args:
        times, ids: numbers of the columns of times and of names of series.
    """
    dates = tuple(cells[times] for _, cells in file.rows)
    moments = read_moments(dates)
    if len(moments.bad):
        row = moments.bad[0]
        raise UserError(f"{file.path}, line {file.rows[row][0]}: {dates[row]!r} is no date; write 2016-12-31")
    whole = replace(bare_table(file, roles.features), dates=dates)
    groups = _groups([""] * len(whole) if ids is None else [cells[ids] for _, cells in file.rows])
    grid = find_grid(moments, list(groups.values()))
    each = grid.noun.removesuffix("s") if " " not in grid.noun else "step"
    tables = []
    for name, rows in groups.items():
        table = replace(whole.take(rows), name=name)
        here = Moments(moments.order[rows], None, moments.bad)
        table = in_order(table, here, each, SERIES if ids is None else file.names[ids])
        tables.append(mend(split_future(table, grid, roles.targets, roles.known), grid, missing))
    notices = [*file.notices, *(notice for table in tables for notice in table.notices)]
    gaps = told_gaps(grid, [(table.name, table.order, table.dates or ()) for table in tables])
    if gaps is not None:
        notices.append(f"{file.path}: {gaps}. Windows take the rows that are there for neighbors")
    return SeriesFile(tables, roles, grid, notices)


def bare_table(file: CsvTable, columns: Sequence[str]) -> SeriesTable:
    """All rows in the order of the file; what is no finite number is NaN."""
    places = [file.places[name.lower()] for name in columns]
    values = [
        [float(cells[place]) if is_number(cells[place]) else np.nan for place in places]
        for _, cells in file.rows
    ]
    return SeriesTable(
        columns=tuple(columns),
        values=np.array(values, dtype=np.float64).reshape(len(file.rows), len(places)),
        lines=np.array([line for line, _ in file.rows], dtype=np.int64),
        source=str(file.path),
    )


def date_place(file: CsvTable) -> int | None:
    """Number of the column that is headed as dates usually are; None where none is."""
    return next((file.places[name] for name in DATES if name in file.places), None)


def _time_place(file: CsvTable, time: str | None) -> int:
    if time is not None:
        return file.place(time, "time")
    usual = date_place(file)
    if usual is not None:
        return usual
    for place, cell in enumerate(file.rows[0][1]):
        if not is_number(cell) and cell and not len(read_moments((cell,)).bad):
            return place
    raise UserError(
        f"{file.path}: no column of times ({', '.join(DATES)}); it has {listed(file.names)}: name the one "
        "that rises with time by data.time=NAME; its cells are dates, dates with hours, or whole numbers"
    )


def _roles(
    file: CsvTable,
    taken: set[int | None],
    targets: Sequence[str] | None,
    features: Sequence[str] | None,
    known: Sequence[str] | None,
) -> Columns:
    """The columns by what they are read as, under the names that the file writes."""

    def named(names: Sequence[str] | None, setting: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(file.names[file.place(name, setting)] for name in names or ()))

    future, past = named(known, "known"), named(features, "features")
    aims = named(targets, "targets") if targets is not None else _found_targets(file, taken, {*future, *past})
    for name in aims:
        if name in future:
            raise UserError(f"data.known={name}: the target's own future is not known; leave it out")
    for name in (*aims, *past, *future):
        if file.places[name.lower()] in taken:
            raise UserError(f"{file.path}: {name} names times or series; it cannot be read as a number too")
    return Columns(aims, tuple(dict.fromkeys((*aims, *past, *future))), future)


def _found_targets(file: CsvTable, taken: set[int | None], read: set[str]) -> tuple[str, ...]:
    free = [name for place, name in enumerate(file.names) if place not in taken and name not in read]
    usual = [name for target in TARGETS for name in free if name.lower() == target]
    found = usual[:1] or (free if len(free) == 1 else [])
    if not found:
        raise UserError(
            f"{file.path}: no column {' or '.join(TARGETS)}, and {len(free)} columns could be the target "
            f"({listed(free) or 'none'}); name those to forecast by data.targets=[NAME]"
        )
    return tuple(found)


def _groups(names: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """Rows of each series, in order of name."""
    found: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        found.setdefault(name, []).append(row)
    return {name: np.array(found[name], dtype=np.int64) for name in sorted(found)}
