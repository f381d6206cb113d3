"""Series of numbers from one CSV file: a time column, targets, past features, known columns, a series id."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from seqlab.data.csv_files import csv_rows, shown_names
from seqlab.data.line_counts import LineCounts
from seqlab.data.series_table import (
    DATE,
    LINE,
    SeriesTable,
    check_missing,
    in_order,
    mend,
    split_future,
    told_gaps,
)
from seqlab.data.sources import Files, one_file
from seqlab.data.time_grid import DAYS, TimeGrid, find_grid, read_moments
from seqlab.errors import UserError, shown

FORMATS = (
    "lines of Date,Open,High,Low,Close,Volume in any order under a header, or of ds,y or unique_id,ds,y, or "
    "numbers alone with data.columns"
)
DATES = ("date", "ds", "datetime", "timestamp", "time", "day")  # of these headings the first there is
SERIES = "unique_id"  # heading of a long file's names of series, as Nixtla's libraries write them
TARGETS = ("y", "target", "value", "close")  # where none is asked for, the first there is
PRICES = ("Open", "High", "Low", "Close", "Volume")
PRICE_TARGETS = ("close", "y")
COMMENT = "comments"


class Columns(NamedTuple):
    """Which columns of a file are read as what."""

    targets: tuple[str, ...]
    features: tuple[str, ...]  # all that is read of the past
    known: tuple[str, ...] = ()  # features whose future is known


@dataclass(frozen=True)
class SeriesFile:
    """Every series of a file, in order of name, each in order of time."""

    tables: list[SeriesTable]
    columns: Columns
    grid: TimeGrid
    notices: list[str]
    counts: LineCounts = field(default_factory=partial(LineCounts, ""))


@dataclass(frozen=True)
class CsvTable:
    """A file's cells: the index holds lines of the file, from 1, the columns names in lower case."""

    path: Path
    names: list[str]  # as the file writes them
    cells: pd.DataFrame
    notices: list[str]
    counts: LineCounts = field(default_factory=partial(LineCounts, ""))

    def named(self, names: Sequence[str] | None, setting: str) -> tuple[str, ...]:
        """The columns that a setting names, as the file writes them; upper and lower case are one.

        Raises:
            UserError: no such column.
        """
        written = dict(zip(self.cells.columns, self.names, strict=True))
        for name in names or ():
            if name.lower() not in written:
                raise UserError(
                    f"data.{setting}={shown(name)}: {self.path} has no such column; it has "
                    f"{shown_names(self.names)}"
                )
        return tuple(dict.fromkeys(written[name.lower()] for name in names or ()))


def choose_columns(
    file: CsvTable,
    taken: set[str | None],
    *,
    targets: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    known: Sequence[str] | None = None,
    prices: bool = False,
) -> Columns:
    """The columns of ``data=series``, or of ``data=stock`` where ``prices``.

    Args:
        taken: the columns of times and of names of series, in lower case.
        targets: to forecast; None takes the usual one, or the one column that is nothing else.
        features: further columns that are read of the past; of prices, all that are read: None takes those
            of PRICES that are there, and the target.
        known: columns whose values are known over the horizon.
    """
    setting = "target" if prices else "targets"
    aims = file.named(targets, setting)
    future, past = file.named(known, "known"), file.named(features, "features")
    if targets is None:
        others = {*future, *(() if prices else past)}
        free = [name for name in file.names if name.lower() not in taken and name not in others]
        usual = PRICE_TARGETS if prices else TARGETS
        found = [name for target in usual for name in free if name.lower() == target]
        aims = tuple(found[:1] or (free if len(free) == 1 else ()))
        if not aims:
            raise UserError(
                f"{file.path}: no column {' or '.join(usual)}, and {len(free)} columns could be the target "
                f"({shown_names(free) or 'none'}); name what to forecast by data.{setting}="
                f"{'NAME' if prices else '[NAME]'}"
            )
    if prices and features is None:
        past = (*file.named([name for name in PRICES if name.lower() in file.cells], "features"), *aims)
    for name in aims:
        if name in future:
            raise UserError(f"data.known={name}: the target's own future is not known; leave it out")
    read = past if prices else (*aims, *past, *future)
    for name in (*aims, *read):
        if name.lower() in taken:
            raise UserError(
                f"{file.path}: {shown(name)} names times or series; it cannot be read as a number too"
            )
    return Columns(aims, tuple(dict.fromkeys(read)), future)


def read_series(
    path: Files,
    choose: Callable[[CsvTable, set[str | None]], Columns] = choose_columns,
    *,
    time: str | None = None,
    id: str | None = None,
    columns: Sequence[str] | None = None,
    missing: str = "error",
    only: str | None = None,
    single: bool = False,
    reverse: bool | None = None,
    beside: Sequence[str] = (),
) -> SeriesFile:
    """Read a file; blank lines and lines that begin with ``#`` are passed over.

    Args:
        choose: which columns are read.
        only: the series to read, of a file of several.
        single: whether one series alone can be read.
        beside: columns in lower case that are kept where they are there; they may lack numbers.

    The others are explained in conf/data/series.yaml and stock.yaml.

    Raises:
        UserError: a file that cannot be read, a column that is not there, a time that cannot be read or comes
            twice in a series, no times and no ``reverse``, a missing number where ``missing`` is error.
    """
    check_missing(missing)
    file = _read_csv(one_file("path", path), columns)
    series = SERIES if id is None else file.named([id], "id")[0]
    if single:
        file = _one_series(file, only)
    is_panel = not single and series.lower() in file.cells
    times = _time_column(file, time, single, reverse)
    chosen = choose(file, {times, series.lower() if is_panel else None})
    read = tuple(dict.fromkeys((*chosen.features, *chosen.targets)))
    kept = dict.fromkeys([*map(str.lower, read), *(name for name in beside if name in file.cells)])
    frame = file.cells[list(kept)].map(_number).assign(**{LINE: file.cells.index})
    source, notices, counts = str(file.path), list(file.notices), file.counts
    if times is None:
        if reverse:
            notices.append(f"{source} has no dates: its last line is the oldest day (data.reverse=true)")
        ordered = frame.iloc[:: -1 if reverse else 1].reset_index(drop=True)
        table = mend(SeriesTable(source, ordered), read, DAYS, missing, counts)
        notices += [*table.notices, *counts.notices()]
        return SeriesFile([table], chosen, DAYS, notices, counts)
    dates = file.cells[times].tolist()
    moments = read_moments(dates)
    for row in moments.bad[:1]:
        raise UserError(
            f"{source}, line {frame[LINE].iloc[row]}: '{shown(dates[row])}' is no date; write 2016-12-31"
        )
    frame = frame.assign(**{DATE: dates}).set_index(moments.order)
    groups: dict[str, pd.DataFrame] = {"": frame}
    if is_panel:
        groups = dict(list(frame.groupby(file.cells[series.lower()].to_numpy())))
    grid = find_grid(moments, [group.index.to_numpy() for group in groups.values()])
    tables = []
    for name, group in groups.items():
        table = in_order(SeriesTable(source, group, name), grid.each, series)
        table = split_future(table, grid, chosen.targets, chosen.known, counts)
        tables.append(mend(table, read, grid, missing, counts))
    notices += [notice for table in tables for notice in table.notices] + told_gaps(grid, tables)
    return SeriesFile(tables, chosen, grid, notices + counts.notices(), counts)


def _one_series(file: CsvTable, only: str | None) -> CsvTable:
    """The rows of the series that is named, or of the only one."""
    names = list(dict.fromkeys(file.cells.get(SERIES, [])))
    if only is None and len(names) < 2:
        return file
    if only not in names:
        raise UserError(
            f"data.series={'null' if only is None else shown(only)}: {file.path} holds {len(names):,} series "
            f"under {SERIES}; " + (f"name one of them: {shown_names(names)}" if names else "leave it out")
        )
    is_read = file.cells[SERIES] == only
    file.counts.skipped["of other series"] += int((~is_read).sum())
    return replace(file, cells=file.cells[is_read])


def _time_column(file: CsvTable, time: str | None, single: bool, reverse: bool | None) -> str | None:
    """The column of times, in lower case; None where there is none and ``reverse`` tells the order."""
    if time is not None:
        return file.named([time], "time")[0].lower()
    first = file.cells.iloc[0]
    dates = [
        name
        for name, cell in first.items()
        if cell and math.isnan(_number(cell)) and not len(read_moments((cell,)).bad)
    ]
    found = [*(name for name in DATES if name in file.cells), *map(str, dates)]
    if found or reverse is not None:
        return found[0] if found else None
    how = "name the one that rises with time by data.time=NAME: dates, dates with hours, or whole numbers"
    if single:
        how = f"add one, or say data.reverse=true (line {first.name} is the newest day) or false (the oldest)"
    raise UserError(
        f"{file.path}: no column of times ({', '.join(DATES)}); it has {shown_names(file.names)}: {how}"
    )


def _number(cell: str) -> float:
    """A cell's finite number, NaN where it has none."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _read_csv(path: Path, columns: Sequence[str] | None) -> CsvTable:
    """All lines but blank ones and comments, as cells under names.

    Args:
        columns: names of the columns of a file without a header line; None takes them from the last comment
            before the first line of numbers, where that names as many.
    """
    counts = LineCounts(path)
    found = csv_rows(path, FORMATS, counts=counts)
    rows = [(line, [cell.strip() for cell in cells]) for line, cells, _ in found]
    comments = [([cells[0].lstrip("# "), *cells[1:]], line) for line, cells in rows if cells[0][:1] == "#"]
    rows = [(line, cells) for line, cells in rows if cells[0][:1] != "#"]
    counts.skipped[COMMENT] = len(comments)
    if not rows:
        raise UserError(f"{path}: the file is empty; expected {FORMATS}")
    (line, head), notices = rows[0], []
    has_header = all(math.isnan(_number(cell)) for cell in head)
    names = [str(name).strip() for name in (head if has_header else columns or ())]
    if has_header and columns is not None and [name.lower() for name in columns] != [*map(str.lower, names)]:
        raise UserError(
            f"{path}, line {line}: the header names {shown_names(names)}, data.columns "
            f"{shown_names(columns)}; leave data.columns=null where the file has a header"
        )
    if not names:
        naming = [each for each in comments if each[1] < line and len(each[0]) == len(head)]
        if not naming:
            raise UserError(
                f"{path}, line {line}: no header line and no comment that names {len(head)} columns; name "
                "them, like data.columns=[Date,Close]"
            )
        names, number = naming[-1]
        counts.skipped[COMMENT] -= 1
        notices.append(f"{path}: names of columns from its comment, line {number}: {shown_names(names)}")
    lower = [name.lower() for name in names]
    twice = next((name for place, name in enumerate(names) if name.lower() in lower[:place]), None)
    if twice is not None:
        raise UserError(f"{path}, line {line}: the column {shown(twice)} comes twice")
    rows = rows[has_header:]
    if not rows:
        raise UserError(f"{path}: a header and no line of numbers; expected {FORMATS}")
    for number, cells in rows:
        if len(cells) != len(names):
            raise UserError(
                f"{path}, line {number}: {len(cells)} cells, the file has {len(names)} columns "
                f"({shown_names(names)}); write every line alike"
            )
    frame = pd.DataFrame([cells for _, cells in rows], columns=lower, index=[line for line, _ in rows])
    return CsvTable(path, names, frame, notices, counts)
