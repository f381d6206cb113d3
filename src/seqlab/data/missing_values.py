"""Missing numbers of a series: refused, left out, or filled from the past alone."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.data.series_table import SeriesTable
from seqlab.data.time_grid import TimeGrid
from seqlab.errors import UserError

MISSING = ("error", "drop", "previous", "zero")


class Filling(NamedTuple):
    """What is done about missing numbers and missing rows."""

    missing: str  # one of MISSING
    grid: TimeGrid
    targets: tuple[str, ...]
    known: tuple[str, ...]


def split_future(table: SeriesTable, filling: Filling) -> SeriesTable:
    """Rows after the last one with a target go to ``future``: there the known columns alone count.

    Raises:
        UserError: no row has a target.
    """
    places = [table.place(name) for name in filling.targets]
    rows = np.flatnonzero(np.isfinite(table.values[:, places]).any(axis=1))
    if not len(rows):
        raise UserError(f"{table.source}{_whose(table)}: no line has a number under {filling.targets[0]}")
    end = int(rows[-1]) + 1
    if end == len(table) or not filling.known:
        return table  # without known columns, such rows lack a number like any other
    after = table.take(slice(end, None))
    future = np.full_like(after.values, np.nan)
    places = [table.place(name) for name in filling.known]
    future[:, places] = after.values[:, places]
    whole = np.isfinite(future[:, places]).all(axis=1)
    # the horizon is counted in steps: it ends where a step or a known number is missing
    steps = filling.grid.places(table.order)[end - 1 :]
    usable = np.cumprod(whole & (np.diff(steps) == 1)).astype(bool)
    return replace(table.take(slice(0, end)), future=future[usable])


def mend(table: SeriesTable, filling: Filling) -> SeriesTable:
    """The same without missing numbers; what was done is counted in a notice.

    ``error`` refuses the first; ``drop`` leaves out rows without every number; ``previous`` and ``zero``
    fill numbers, and rows that the regular grid lacks, with the last number before or with 0. Nothing is
    filled from the future. Rows before the first number are left out. Holidays in a grid of business days
    stay out.

    Raises:
        UserError: a missing number where that is an error, or none that is left.
    """
    bad = ~np.isfinite(table.values)
    if filling.missing == "error":
        _refuse(table, bad)
        return table
    if filling.missing == "drop":
        kept = np.flatnonzero(~bad.any(axis=1))
        return _told(table, table.take(kept), len(table) - len(kept), "rows lack a number and were left out")
    return _filled(table, filling)


def _refuse(table: SeriesTable, bad: NDArray[np.bool_]) -> None:
    if not bad.any():
        return
    row = int(bad.any(axis=1).argmax())
    column = table.columns[int(bad[row].argmax())]
    raise UserError(
        f"{table.source}, line {table.lines[row]}: no finite number under {column}{_whose(table)} "
        f"({int(bad.any(axis=1).sum())} of {len(table)} rows lack one); mend the line, or choose "
        "data.missing=drop (leave such rows out), previous (fill with the number before) or zero"
    )


def _filled(table: SeriesTable, filling: Filling) -> SeriesTable:
    wide = _on_grid(table, filling.grid)
    bad = ~np.isfinite(wide.values)
    values = wide.values.copy()
    if filling.missing == "zero":
        values[bad] = 0.0
    else:
        rows = np.where(bad, 0, np.arange(len(wide))[:, None])
        values = np.take_along_axis(values, np.maximum.accumulate(rows, axis=0), axis=0)
    mended = replace(wide, values=values)
    kept = np.flatnonzero(np.isfinite(values).all(axis=1))
    if len(kept) < len(wide):
        mended = mended.take(kept)
    how = "the number before" if filling.missing == "previous" else "0"
    done = _told(
        table, mended, int(bad.any(axis=1).sum()), f"rows lacked a number and were filled with {how}"
    )
    return replace(done, future=table.future)


def _on_grid(table: SeriesTable, grid: TimeGrid) -> SeriesTable:
    """Rows of NaN where the grid lacks one; an irregular grid, or one of business days, stays as it is."""
    if grid.business_days or not grid.is_regular(table.order):
        return table
    places = grid.places(table.order)
    places = places - places[0]
    if len(places) == int(places[-1]) + 1:
        return table
    source = np.zeros(int(places[-1]) + 1, dtype=np.int64)
    source[places] = np.arange(len(places))
    source = np.maximum.accumulate(source)  # the row before, of a step that is missing
    wide = table.take(source)
    values = wide.values.copy()
    absent = np.ones(len(source), dtype=bool)
    absent[places] = False
    values[absent] = np.nan
    assert wide.dates is not None
    moments, dates = wide.order.copy(), list(wide.dates)
    added = np.flatnonzero(absent)
    before = np.searchsorted(places, added) - 1  # the row that each follows
    step = np.diff(table.order)[before] // np.diff(places)[before]
    moments[added] += step * (added - places[before])  # months are not all as long as each other
    for row in added.tolist():
        dates[row] = grid.text(int(moments[row]))
    return replace(wide, values=values, dates=tuple(dates), moments=moments)


def _told(before: SeriesTable, after: SeriesTable, count: int, what: str) -> SeriesTable:
    if not len(after):
        raise UserError(f"{before.source}{_whose(before)}: no row is left that has every number")
    if count:
        before.notices.append(f"{before.source}{_whose(before)}: {count} {what}")
    return replace(after, notices=before.notices, future=before.future)


def _whose(table: SeriesTable) -> str:
    return f", series {table.name}" if table.name else ""
