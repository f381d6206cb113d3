"""A series in memory: rows in order of time, and how missing numbers are treated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seqlab.data.line_counts import LineCounts
from seqlab.data.time_grid import TimeGrid
from seqlab.errors import UserError, shown

LINE, DATE = "#line", "#date"  # columns beside the file's own; no header can name them
MOST_ROWS, MOST_ROWS_A_LINE = 1_000_000, 100  # that filling may make of a series
MISSING = {
    "error": "",
    "drop": "lack a number and were left out",
    "previous": "lacked a number and were filled with the number before",
    "zero": "lacked a number and were filled with 0",
}


@dataclass(frozen=True)
class SeriesTable:
    """N rows of one series, oldest first.

    ``frame`` has an index that rises with time, the column LINE, DATE where the file has dates, and the
    numbers under names in lower case, finite once ``mend`` was called.
    """

    source: str  # the file, or what the sample is
    frame: pd.DataFrame
    name: str = ""  # of the series, where a file holds several
    notices: tuple[str, ...] = ()  # repairs, counted
    future: pd.DataFrame | None = None  # known columns of the rows after the last known target

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def title(self) -> str:
        """For messages."""
        return f"{self.source}, series {shown(self.name)}" if self.name else self.source

    @property
    def order(self) -> NDArray[np.int64]:
        """(N,) numbers that rise with time."""
        return self.frame.index.to_numpy()

    @property
    def lines(self) -> NDArray[np.int64]:
        """(N,) line of the file, from 1."""
        return self.frame[LINE].to_numpy()

    @property
    def dates(self) -> tuple[str, ...] | None:
        """(N,) as the file writes them."""
        return tuple(self.frame[DATE]) if DATE in self.frame else None

    def column(self, name: str) -> NDArray[np.float64]:
        """(N,) values; upper and lower case are one."""
        return self.frame[name.lower()].to_numpy()

    def bounds(self, names: Sequence[str]) -> NDArray[np.float64]:
        """(2, names) the smallest and the largest value of some columns."""
        values = np.stack([self.column(name) for name in names])
        return np.stack([values.min(axis=1), values.max(axis=1)])

    def until(self, end: int) -> SeriesTable:
        """The rows before ``end``, without a future."""
        return replace(self, frame=self.frame.iloc[:end], future=None)


def in_order(table: SeriesTable, each: str, series_column: str) -> SeriesTable:
    """The rows by date, and a notice where lines moved.

    Raises:
        UserError: a date that comes twice.
    """
    frame = table.frame.sort_index(kind="stable")
    same = np.flatnonzero(frame.index.duplicated())
    if len(same):
        first, second = sorted(frame[LINE].iloc[same[0] - 1 : same[0] + 1])
        date = shown(frame[DATE].iloc[same[0]])
        raise UserError(
            f"{table.title}, line {second}: the date {date} stands on line {first} too; a file holds one "
            f"line a {each}, or names its series under {shown(series_column)}"
        )
    moved = int((frame.index != table.frame.index).sum())
    told = [f"{table.title} was not in order of date: {moved} of {len(frame)} lines were moved"]
    return replace(table, frame=frame, notices=(*table.notices, *(told if moved else [])))


def split_future(
    table: SeriesTable, grid: TimeGrid, targets: Sequence[str], known: Sequence[str], counts: LineCounts
) -> SeriesTable:
    """Rows after the last one with a target go to ``future``, as far as no step or known number is missing;
    the others are counted as left out.

    Raises:
        UserError: no row has a target.
    """
    known = [name.lower() for name in known]
    rows = np.flatnonzero(table.frame[[name.lower() for name in targets]].notna().any(axis=1))
    if not len(rows):
        raise UserError(f"{table.title}: no line has a number under {targets[0]}")
    end = int(rows[-1]) + 1
    if end == len(table) or not known:
        return table  # without known columns, such rows lack a number like any other
    future = table.frame[known].iloc[end:]
    follows = np.diff(grid.places(table.order)[end - 1 :]) == 1
    usable = np.cumprod(future.notna().all(axis=1).to_numpy() & follows).astype(bool)
    counts.skipped["after a gap in the known future"] += int((~usable).sum())
    return replace(table.until(end), future=future[usable])


def check_missing(missing: str) -> None:
    """Raise UserError for an unknown way to treat missing numbers."""
    if missing not in MISSING:
        raise UserError(f"data.missing={missing}: choose {', '.join(MISSING)}")


def mend(
    table: SeriesTable, columns: Sequence[str], grid: TimeGrid, missing: str, counts: LineCounts
) -> SeriesTable:
    """The same without missing numbers under ``columns``; what was done is counted in a notice.

    ``error`` refuses the first; ``drop`` leaves out rows without every number; ``previous`` and ``zero``
    fill numbers, and rows that the regular grid lacks. Nothing is filled from the future: rows before the
    first number are left out.

    Raises:
        UserError: a missing number where that is an error, or no row that is left.
    """
    read = [name.lower() for name in columns]
    frame = table.frame if missing in ("error", "drop") else _on_grid(table, grid)
    lacks = frame[read].isna()
    rows = np.flatnonzero(lacks.any(axis=1))
    if missing == "error" and len(rows):
        column = shown(columns[int(lacks.iloc[rows[0]].to_numpy().argmax())])
        raise UserError(
            f"{table.title}, line {frame[LINE].iloc[rows[0]]}: no finite number under {column} ({len(rows)} "
            f"of {len(frame)} rows lack one); mend the line, or choose data.missing=drop (leave such rows "
            "out), previous (fill with the number before) or zero"
        )
    if missing in ("previous", "zero"):
        filled = frame[read].ffill() if missing == "previous" else frame[read].fillna(0.0)
        frame = frame.assign(**filled)
    whole = frame.dropna(subset=read)
    if whole.empty:
        raise UserError(f"{table.title}: no row is left that has every number")
    counts.skipped["without every number"] += len(np.setdiff1d(table.lines, whole[LINE]))
    mended = len(rows) if missing == "drop" else len(rows) - (len(frame) - len(whole))
    told = [f"{table.title}: {mended} rows {MISSING[missing]}"] if mended else []
    return replace(table, frame=whole, notices=(*table.notices, *told))


def _on_grid(table: SeriesTable, grid: TimeGrid) -> pd.DataFrame:
    """Rows of NaN where the grid lacks one; an irregular grid, or one with holidays, stays as it is.

    Raises:
        UserError: far more rows would be made than there are: a date is wrong.
    """
    frame, moments = table.frame, table.order
    first, places = int(moments[0]), grid.places(moments)
    steps = int(places[-1] - places[0])
    if steps > max(MOST_ROWS, MOST_ROWS_A_LINE * len(frame)):
        row = int(np.diff(places).argmax()) + 1
        gap = f"{places[row] - places[row - 1]:,} {grid.noun}"
        raise UserError(
            f"{table.title}, line {frame[LINE].iloc[row]}: {gap} after the line before; mend its date, "
            f"or choose data.missing=drop, which fills no {grid.noun}"
        )
    wanted = [first, *grid.ahead(first, steps)]
    if grid.business_days or len(wanted) == len(frame) or not frame.index.isin(wanted).all():
        return frame
    wide = frame.reindex(wanted)
    dates = wide[DATE].where(wide[DATE].notna(), [grid.text(moment) for moment in wanted])
    return wide.assign(**{LINE: wide[LINE].ffill().astype(np.int64), DATE: dates})


def told_gaps(grid: TimeGrid, tables: Sequence[SeriesTable]) -> list[str]:
    """A notice of the steps that are missing between the first and last of each series."""
    gaps = [np.maximum(np.diff(grid.places(table.order)) - 1, 0) for table in tables]
    missing, present = sum(int(gap.sum()) for gap in gaps), sum(map(len, tables))
    if not missing:
        return []
    kind = "business days (Monday to Friday, holidays among them)" if grid.business_days else grid.noun
    number = max(range(len(tables)), key=lambda number: gaps[number].max(initial=0))
    table, row = tables[number], int(gaps[number].argmax())
    hurt = sum(bool(gap.any()) for gap in gaps)
    where = f" in {hurt} of {len(tables)} series" if len(tables) > 1 else ""
    whose = f" of series {shown(table.name)}" if table.name else ""
    return [
        f"{table.source}: {missing:,} of {missing + present:,} {kind} are missing{where}; the longest gap is "
        f"{gaps[number][row]} after {shown((table.dates or ())[row])}{whose}. Windows take the rows that are "
        "there for neighbors"
    ]


def column_names(setting: str, names: Sequence[str] | None) -> list[str] | None:
    """Names of columns as a checkpoint holds them."""
    if isinstance(names, str):
        raise UserError(f"data.{setting}={names}: give a list, like data.{setting}=[{names}]")
    return None if names is None else [str(name) for name in names]


def up_to(tables: list[SeriesTable], rows: list[tuple[int, int]]) -> list[SeriesTable]:
    """The rows of each table before an end."""
    return [table.until(end) for table, (_, end) in zip(tables, rows, strict=True)]
