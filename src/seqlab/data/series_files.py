"""Series of numbers from one CSV file: a time column, targets, past features, known columns, a series id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.data.csv_files import CsvTable, is_number, listed, read_csv
from seqlab.data.series_table import SeriesTable, check_missing, in_order, mend, split_future
from seqlab.data.sources import Files, one_file
from seqlab.data.time_grid import DAYS, TimeGrid, find_grid, read_moments, told_gaps
from seqlab.errors import UserError

DATES = ("date", "ds", "datetime", "timestamp", "time", "day")  # of these headings the first there is
SERIES = "unique_id"  # heading of a long file's names of series, as Nixtla's libraries write them
TARGETS = ("y", "target", "value", "close")  # where none is asked for, the first there is
PRICES = ("Open", "High", "Low", "Close", "Volume")
PRICE_TARGETS = ("Close", "y")


class Columns(NamedTuple):
    """Which columns of a file are read as what."""

    targets: tuple[str, ...]
    features: tuple[str, ...]  # all that is read of the past
    known: tuple[str, ...] = ()  # features whose future is known
    beside: tuple[str, ...] = ()  # what no network reads


@dataclass(frozen=True)
class SeriesFile:
    """Every series of a file, in order of name, each in order of time."""

    tables: list[SeriesTable]
    columns: Columns
    grid: TimeGrid
    notices: list[str]


def series_columns(
    file: CsvTable,
    taken: set[int | None],
    *,
    targets: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    known: Sequence[str] | None = None,
) -> Columns:
    """The columns of ``data=series``, under the names that the file writes; upper and lower case are one.

    Args:
        taken: numbers of the columns of times and of names of series.
        targets: to forecast; None takes the first of TARGETS, or the one column that is nothing else.
        features: further columns that are read of the past.
        known: columns whose values are known over the horizon.
    """

    def named(names: Sequence[str] | None, setting: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(file.names[file.place(name, setting)] for name in names or ()))

    future, past = named(known, "known"), named(features, "features")
    aims = named(targets, "targets")
    if targets is None:
        read = {*future, *past}
        free = [name for place, name in enumerate(file.names) if place not in taken and name not in read]
        usual = [name for target in TARGETS for name in free if name.lower() == target]
        aims = tuple(usual[:1] or (free if len(free) == 1 else ()))
        if not aims:
            raise UserError(
                f"{file.path}: no column {' or '.join(TARGETS)}, and {len(free)} columns could be the target "
                f"({listed(free) or 'none'}); name those to forecast by data.targets=[NAME]"
            )
    for name in aims:
        if name in future:
            raise UserError(f"data.known={name}: the target's own future is not known; leave it out")
    found = Columns(aims, tuple(dict.fromkeys((*aims, *past, *future))), future)
    for name in found.features:
        if file.places[name.lower()] in taken:
            raise UserError(f"{file.path}: {name} names times or series; it cannot be read as a number too")
    return found


def price_columns(
    file: CsvTable,
    taken: set[int | None],
    *,
    target: str | None = None,
    features: Sequence[str] | None = None,
) -> Columns:
    """The columns of ``data=stock``. Open is read beside them where every line has it: a baseline needs it.

    Args:
        target: None takes the first of PRICE_TARGETS.
        features: None takes those of PRICES that are there, and the target.
    """
    places = file.places
    targets = PRICE_TARGETS if target is None else (target,)
    aim = next((name for name in targets if name.lower() in places), None)
    past = [name for name in PRICES if name.lower() in places] if features is None else list(features)
    absent = next((name for name in past if name.lower() not in places), None)
    if aim is None or absent is not None:
        raise UserError(
            f"{file.path}: no column {absent or ' or '.join(targets)}; it has {', '.join(file.names)}"
        )
    if features is None:
        past.append(aim)
    has_open = "open" in places and all(map(is_number, file.column(places["open"])))
    found = [[aim], past, ["open"] * has_open]
    aims, read, beside = (tuple(dict.fromkeys(file.names[places[x.lower()]] for x in part)) for part in found)
    return Columns(aims, read, (), beside)


def read_series(
    path: Files,
    choose: Callable[[CsvTable, set[int | None]], Columns] = series_columns,
    *,
    time: str | None = None,
    id: str | None = None,
    columns: Sequence[str] | None = None,
    missing: str = "error",
    only: str | None = None,
    single: bool = False,
    reverse: bool | None = None,
) -> SeriesFile:
    """Read a file; blank lines and lines that begin with ``#`` are passed over.

    Args:
        choose: which columns are read, as ``series_columns`` or ``price_columns`` say.
        time: the column of times; None takes the first of DATES, or the first whose cells are dates.
        id: the column that names series; None takes unique_id where there is one.
        columns: names of the columns of a file without a header line.
        missing: what to do with missing numbers, see ``mend``.
        only: the series to read, of a file of several.
        single: whether one series alone can be read.
        reverse: whether the last line of a file without times is the oldest.

    Raises:
        UserError: a file that cannot be read, a column that is not there, a time that cannot be read or comes
            twice in a series, no times and no ``reverse``, a missing number where ``missing`` is error.
    """
    check_missing(missing)
    file = read_csv(one_file("path", path), columns)
    ids = file.places.get(SERIES) if id is None else file.place(id, "id")
    if single:
        file, ids = _one_series(file, ids, only), None
    times = _time_place(file, time, single, reverse)
    chosen = choose(file, {times, ids})
    whole = _bare_table(file, tuple(dict.fromkeys((*chosen.features, *chosen.targets, *chosen.beside))))
    if times is None:
        told = f"{file.path} has no dates: its last line is taken for the oldest day (data.reverse=true)"
        table = mend(whole.take(slice(None, None, -1 if reverse else 1)), DAYS, missing)
        return SeriesFile(
            [table], chosen, DAYS, [*file.notices, *table.notices, *([told] if reverse else [])]
        )
    dates = file.column(times)
    moments = read_moments(dates)
    if len(moments.bad):
        row = moments.bad[0]
        raise UserError(f"{file.path}, line {file.rows[row][0]}: {dates[row]!r} is no date; write 2016-12-31")
    whole = replace(whole, dates=tuple(dates))
    groups = _groups([""] * len(whole) if ids is None else file.column(ids))
    grid = find_grid(moments, list(groups.values()))
    each = grid.noun.removesuffix("s") if " " not in grid.noun else "step"
    tables = []
    for name, rows in groups.items():
        bare = replace(whole.take(rows), name=name)
        ordered = in_order(bare, moments.order[rows], each, SERIES if ids is None else file.names[ids])
        tables.append(mend(split_future(ordered, grid, chosen.targets, chosen.known), grid, missing))
    notices = [*file.notices, *(notice for table in tables for notice in table.notices)]
    gaps = told_gaps(grid, [(table.name, table.order, table.dates or ()) for table in tables])
    if gaps is not None:
        notices.append(f"{file.path}: {gaps}. Windows take the rows that are there for neighbors")
    return SeriesFile(tables, chosen, grid, notices)


def _one_series(file: CsvTable, ids: int | None, only: str | None) -> CsvTable:
    """The rows of one series: the one that is named, or the only one."""
    if ids is None:
        if only is not None:
            raise UserError(
                f"data.series={only}: {file.path} has no column {SERIES}, it holds one series; leave it out"
            )
        return file
    names = list(dict.fromkeys(file.column(ids)))
    if only is None and len(names) > 1:
        raise UserError(
            f"{file.path}: {len(names):,} series under {SERIES}; choose one with data.series=NAME: "
            f"{listed(names)}"
        )
    if only is not None and only not in names:
        raise UserError(f"data.series={only}: no such {SERIES} in {file.path}; it has {listed(names)}")
    return file._replace(rows=[row for row in file.rows if row[1][ids] == (only or names[0])])


def _time_place(file: CsvTable, time: str | None, single: bool, reverse: bool | None) -> int | None:
    """Number of the column of times; None where there is none and ``reverse`` tells the order."""
    if time is not None:
        return file.place(time, "time")
    line, cells = file.rows[0]
    usual = [file.places[name] for name in DATES if name in file.places]
    dates = [
        place
        for place, cell in enumerate(cells)
        if cell and not is_number(cell) and not len(read_moments((cell,)).bad)
    ]
    if usual or dates:
        return [*usual, *dates][0]
    if reverse is not None:
        return None
    how = "name the one that rises with time by data.time=NAME: dates, dates with hours, or whole numbers"
    if single:
        how = f"add one, or say data.reverse=true (line {line} is the newest day) or false (it is the oldest)"
    raise UserError(
        f"{file.path}: no column of times ({', '.join(DATES)}); it has {listed(file.names)}: {how}"
    )


def _bare_table(file: CsvTable, columns: tuple[str, ...]) -> SeriesTable:
    """All rows in the order of the file; what is no finite number is NaN."""
    places = [file.places[name.lower()] for name in columns]
    values = [
        [float(cells[place]) if is_number(cells[place]) else np.nan for place in places]
        for _, cells in file.rows
    ]
    return SeriesTable(
        columns=columns,
        values=np.array(values, dtype=np.float64).reshape(len(file.rows), len(places)),
        lines=np.array([line for line, _ in file.rows], dtype=np.int64),
        source=str(file.path),
    )


def _groups(names: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """Rows of each series, in order of name."""
    found: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        found.setdefault(name, []).append(row)
    return {name: np.array(found[name], dtype=np.int64) for name in sorted(found)}
