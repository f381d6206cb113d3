"""A series in memory: rows in order of time, columns of numbers, and how missing numbers are treated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seqlab.data.time_grid import TimeGrid
from seqlab.errors import UserError

MISSING = {
    "error": "",
    "drop": "lack a number and were left out",
    "previous": "lacked a number and were filled with the number before",
    "zero": "lacked a number and were filled with 0",
}


@dataclass(frozen=True)
class SeriesTable:
    """N rows of F columns, oldest first."""

    columns: tuple[str, ...]  # (F,) names as the file writes them
    values: NDArray[np.float64]  # (N, F) finite, but while a file is read: NaN where a number is missing
    lines: NDArray[np.int64]  # (N,) line of the file, from 1
    source: str  # the file, or what the sample is
    dates: tuple[str, ...] | None = None  # (N,) as the file writes them
    notices: list[str] = field(default_factory=list)  # repairs, counted
    name: str = ""  # of the series, where a file holds several
    moments: NDArray[np.int64] | None = None  # (N,) rises with time; None: the rows count
    future: NDArray[np.float64] | None = None  # (M, F) rows after the last known target; NaN: not known

    def __len__(self) -> int:
        return len(self.values)

    @property
    def order(self) -> NDArray[np.int64]:
        """(N,) numbers that rise with time."""
        return np.arange(len(self)) if self.moments is None else self.moments

    @property
    def whose(self) -> str:
        """``, series A`` for messages; nothing of the only series."""
        return f", series {self.name}" if self.name else ""

    def has(self, name: str) -> bool:
        return name.lower() in [column.lower() for column in self.columns]

    def place(self, name: str) -> int:
        """Number of a column; upper and lower case are one.

        Raises:
            UserError: no such column.
        """
        if not self.has(name):
            raise UserError(f"{self.source}: no column {name}; it has {', '.join(self.columns)}")
        return [column.lower() for column in self.columns].index(name.lower())

    def column(self, name: str) -> NDArray[np.float64]:
        """(N,) values of a column, found as ``place`` does."""
        return self.values[:, self.place(name)]

    def take(self, rows: NDArray[np.int64] | slice) -> SeriesTable:
        """The chosen rows, in the order given; without a future."""
        order = np.arange(len(self))[rows]
        return replace(
            self,
            values=self.values[order],
            lines=self.lines[order],
            dates=None if self.dates is None else tuple(self.dates[row] for row in order.tolist()),
            moments=None if self.moments is None else self.moments[order],
            future=None,
        )


def in_order(table: SeriesTable, moments: NDArray[np.int64], each: str, series_column: str) -> SeriesTable:
    """The rows by date, each with its moment; adds a notice of what moved.

    Args:
        moments: (N,) of the rows.
        each: what a line stands for, for messages.
        series_column: the column that would name series, for messages.

    Raises:
        UserError: a date that comes twice.
    """
    assert table.dates is not None
    order = np.argsort(moments, kind="stable")
    same = np.flatnonzero(np.diff(moments[order]) == 0)
    if len(same):
        whose = f" of series {table.name}" if table.name else ""
        first, second = sorted(table.lines[order[same[0] : same[0] + 2]].tolist())
        raise UserError(
            f"{table.source}, line {second}: the date {table.dates[order[same[0]]]}{whose} stands on line "
            f"{first} too; a file holds one line a {each}, or names its series under {series_column}"
        )
    steps = np.diff(moments)
    told = []
    if len(steps) and (steps < 0).all():
        told = [f"{table.source}{table.whose} has the newest {each} first: reversed"]
    elif (steps < 0).any():
        first = table.lines[int(np.flatnonzero(steps < 0)[0]) + 1]
        moved = int((order != np.arange(len(order))).sum())
        told = [
            f"{table.source}{table.whose} is not in order of date (first on line {first}): {moved} of "
            f"{len(order)} lines were moved"
        ]
    return replace(table, moments=moments, notices=[*table.notices, *told]).take(order)


def split_future(
    table: SeriesTable, grid: TimeGrid, targets: Sequence[str], known: Sequence[str]
) -> SeriesTable:
    """Rows after the last one with a target go to ``future``: there the known columns alone count.

    Raises:
        UserError: no row has a target.
    """
    rows = np.flatnonzero(np.isfinite(table.values[:, [table.place(name) for name in targets]]).any(axis=1))
    if not len(rows):
        raise UserError(f"{table.source}{table.whose}: no line has a number under {targets[0]}")
    end = int(rows[-1]) + 1
    if end == len(table) or not known:
        return table  # without known columns, such rows lack a number like any other
    places = [table.place(name) for name in known]
    future = np.full_like(table.values[end:], np.nan)
    future[:, places] = table.values[end:, places]
    whole = np.isfinite(future[:, places]).all(axis=1)
    # the horizon is counted in steps: it ends where a step or a known number is missing
    steps = grid.places(table.order)[end - 1 :]
    usable = np.cumprod(whole & (np.diff(steps) == 1)).astype(bool)
    return replace(table.take(slice(0, end)), future=future[usable])


def check_missing(missing: str) -> None:
    """Raise UserError for an unknown way to treat missing numbers."""
    if missing not in MISSING:
        raise UserError(f"data.missing={missing}: choose {', '.join(MISSING)}")


def mend(table: SeriesTable, grid: TimeGrid, missing: str) -> SeriesTable:
    """The same without missing numbers; what was done is counted in a notice.

    ``error`` refuses the first; ``drop`` leaves out rows without every number; ``previous`` and ``zero``
    fill numbers, and rows that the regular grid lacks, with the last number before or with 0. Nothing is
    filled from the future. Rows before the first number are left out. Holidays in a grid of business days
    stay out.

    Raises:
        UserError: a missing number where that is an error, or none that is left.
    """
    wide = table if missing in ("error", "drop") else _on_grid(table, grid)
    bad = np.isnan(wide.values)
    count = int(bad.any(axis=1).sum())
    if missing == "error" and count:
        row = int(bad.any(axis=1).argmax())
        raise UserError(
            f"{table.source}, line {table.lines[row]}: no finite number under "
            f"{table.columns[int(bad[row].argmax())]}{table.whose} ({count} of {len(table)} rows lack one); "
            "mend the line, or choose data.missing=drop (leave such rows out), previous (fill with the "
            "number before) or zero"
        )
    frame = pd.DataFrame(wide.values)
    if missing == "previous":
        frame = frame.ffill()
    elif missing == "zero":
        frame = frame.fillna(0.0)
    kept = np.flatnonzero(frame.notna().all(axis=1))
    if not len(kept):
        raise UserError(f"{table.source}{table.whose}: no row is left that has every number")
    told = [f"{table.source}{table.whose}: {count} rows {MISSING[missing]}"] if count else []
    mended = replace(wide, values=frame.to_numpy(), notices=[*table.notices, *told]).take(kept)
    return replace(mended, future=table.future)


def _on_grid(table: SeriesTable, grid: TimeGrid) -> SeriesTable:
    """Rows of NaN where the grid lacks one; an irregular grid, or one of business days, stays as it is."""
    order = table.order
    if grid.business_days or not grid.is_regular(order):
        return table
    gaps = np.diff(grid.places(order)) - 1
    holes = np.flatnonzero(gaps).tolist()
    added = [moment for row in holes for moment in grid.ahead(int(order[row]), int(gaps[row]))]
    if not added:
        return table
    moments = np.sort(np.concatenate((order, np.array(added, dtype=np.int64))))
    before = np.searchsorted(order, moments, side="right") - 1  # the row itself, or the one before
    is_new = order[before] != moments
    wide = table.take(before)
    written = zip(moments.tolist(), is_new, wide.dates or (), strict=True)
    dates = tuple(grid.text(moment) if new else date for moment, new, date in written)
    values = np.where(is_new[:, None], np.nan, wide.values)
    return replace(wide, values=values, dates=dates, moments=moments)
