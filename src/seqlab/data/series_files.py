"""Series of numbers from one CSV file: a time column, targets, past features, known columns, a series id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.data.csv_files import CsvTable, is_number, read_csv
from seqlab.data.missing_values import MISSING, Filling, mend, split_future
from seqlab.data.series_table import SeriesTable
from seqlab.data.time_grid import TimeGrid, find_grid, told_gaps
from seqlab.data.time_order import DATES, SERIES, check_dates, in_order
from seqlab.data.time_steps import Moments, read_moments
from seqlab.errors import UserError

TARGETS = ("y", "target", "value", "close")  # where none is asked for, the first there is
FORMATS = "a header such as ds,y or unique_id,ds,y and lines of a time and numbers under it"
EXAMPLE = "[ds,y]"  # of data.columns
NAMED = 10  # columns that a message names


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
    if missing not in MISSING:
        raise UserError(f"data.missing={missing}: choose {', '.join(MISSING)}")
    file = read_csv(Path(path), columns, FORMATS, example=EXAMPLE, headed="numbers")
    times = _time_place(file, time)
    ids = _id_place(file, id)
    roles = _roles(file, {times, *([] if ids is None else [ids])}, targets, features, known)
    whole = _whole_table(file, times, roles)
    moments = read_moments(whole.dates or ())
    check_dates(whole, moments)
    names = [""] * len(whole) if ids is None else [cells[ids].strip() for _, cells in file.rows]
    groups = _groups(names)
    grid = find_grid(moments, list(groups.values()))
    ordered = [
        _ordered(whole, moments, name, rows, grid, SERIES if ids is None else file.names[ids])
        for name, rows in groups.items()
    ]
    filling = Filling(missing, grid, roles.targets, roles.known)
    tables = [mend(split_future(table, filling), filling) for table in ordered]
    notices = [*file.notices, *(notice for table in tables for notice in table.notices)]
    gaps = told_gaps(grid, [(each.name, each.order, each.dates or ()) for each in tables])
    if gaps is not None:
        notices.append(f"{path}: {gaps}. Windows take the rows that are there for neighbors")
    return SeriesFile(tables, roles, grid, notices)


def _time_place(file: CsvTable, time: str | None) -> int:
    places = file.places
    if time is not None:
        return _place(file, time, "time")
    heading = next((name for name in DATES if name in places), None)
    if heading is not None:
        return places[heading]
    first = file.rows[0][1]
    for place, cell in enumerate(first):
        if not is_number(cell) and cell.strip() and not len(read_moments((cell.strip(),)).bad):
            return place
    raise UserError(
        f"{file.path}: no column of times ({', '.join(DATES)}); it has {_listed(file.names)}: name the one "
        "that rises with time by data.time=NAME; its cells are dates, dates with hours, or whole numbers"
    )


def _id_place(file: CsvTable, name: str | None) -> int | None:
    return file.places.get(SERIES) if name is None else _place(file, name, "id")


def _place(file: CsvTable, name: str, setting: str) -> int:
    if name.lower() not in file.places:
        raise UserError(
            f"data.{setting}={name}: {file.path} has no such column; it has {_listed(file.names)}"
        )
    return file.places[name.lower()]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _roles(
    file: CsvTable,
    taken: set[int],
    targets: Sequence[str] | None,
    features: Sequence[str] | None,
    known: Sequence[str] | None,
) -> Columns:
    """The columns by what they are read as, under the names that the file writes."""

    def named(names: Sequence[str] | None, setting: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(file.names[_place(file, name, setting)] for name in names or ()))

    future, past = named(known, "known"), named(features, "features")
    aims = named(targets, "targets") if targets is not None else _found_targets(file, taken, {*future, *past})
    for name in aims:
        if name in future:
            raise UserError(f"data.known={name}: the target's own future is not known; leave it out")
    for name in (*aims, *past, *future):
        if file.places[name.lower()] in taken:
            raise UserError(f"{file.path}: {name} names times or series; it cannot be read as a number too")
    return Columns(aims, tuple(dict.fromkeys((*aims, *past, *future))), future)


def _found_targets(file: CsvTable, taken: set[int], read: set[str]) -> tuple[str, ...]:
    free = [name for place, name in enumerate(file.names) if place not in taken and name not in read]
    usual = [name for target in TARGETS for name in free if name.lower() == target]
    found = usual[:1] or (free if len(free) == 1 else [])
    if not found:
        raise UserError(
            f"{file.path}: no column {' or '.join(TARGETS)}, and {len(free)} columns could be the target "
            f"({_listed(free) or 'none'}); name those to forecast by data.targets=[NAME]"
        )
    return tuple(found)


def _whole_table(file: CsvTable, times: int, roles: Columns) -> SeriesTable:
    """All rows in the order of the file; what is no finite number is NaN."""
    places = [file.places[name.lower()] for name in roles.features]
    values = [
        [float(cells[place]) if is_number(cells[place]) else np.nan for place in places]
        for _, cells in file.rows
    ]
    return SeriesTable(
        columns=roles.features,
        values=np.array(values, dtype=np.float64).reshape(len(file.rows), len(places)),
        lines=np.array([line for line, _ in file.rows], dtype=np.int64),
        source=str(file.path),
        dates=tuple(cells[times].strip() for _, cells in file.rows),
    )


def _groups(names: list[str]) -> dict[str, NDArray[np.int64]]:
    """Rows of each series, in order of name."""
    found: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        found.setdefault(name, []).append(row)
    return {name: np.array(found[name], dtype=np.int64) for name in sorted(found)}


def _ordered(
    whole: SeriesTable, moments: Moments, name: str, rows: NDArray[np.int64], grid: TimeGrid, named: str
) -> SeriesTable:
    """The rows of one series by time."""
    part = replace(whole.take(rows), name=name, notices=[])
    days = None if moments.days is None else moments.days[rows]
    each = grid.noun.removesuffix("s") if " " not in grid.noun else "step"
    return in_order(part, Moments(moments.order[rows], days, moments.bad), each=each, named=named)
