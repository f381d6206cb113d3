"""Missing numbers of a series: refused, left out, or filled from the past alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from seqlab.data.series_table import SeriesTable
from seqlab.data.time_grid import TimeGrid
from seqlab.errors import UserError

MISSING = ("error", "drop", "previous", "zero")


def check_missing(missing: str) -> None:
    """Raise UserError for an unknown way to treat missing numbers."""
    if missing not in MISSING:
        raise UserError(f"data.missing={missing}: choose {', '.join(MISSING)}")


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
    if missing == "error" and bad.any():
        row = int(bad.any(axis=1).argmax())
        raise UserError(
            f"{table.source}, line {table.lines[row]}: no finite number under "
            f"{table.columns[int(bad[row].argmax())]}{table.whose} ({int(bad.any(axis=1).sum())} of "
            f"{len(table)} rows lack one); mend the line, or choose data.missing=drop (leave such rows out), "
            "previous (fill with the number before) or zero"
        )
    frame = pd.DataFrame(wide.values)
    if missing == "previous":
        frame = frame.ffill()
    elif missing == "zero":
        frame = frame.fillna(0.0)
    kept = np.flatnonzero(frame.notna().all(axis=1))
    if not len(kept):
        raise UserError(f"{table.source}{table.whose}: no row is left that has every number")
    how = {
        "drop": "lack a number and were left out",
        "previous": "lacked a number and were filled with the number before",
        "zero": "lacked a number and were filled with 0",
    }
    count = int(bad.any(axis=1).sum())
    told = [f"{table.source}{table.whose}: {count} rows {how[missing]}"] if count else []
    mended = replace(wide, values=frame.to_numpy(), notices=[*table.notices, *told]).take(kept)
    return replace(mended, future=table.future)


def _on_grid(table: SeriesTable, grid: TimeGrid) -> SeriesTable:
    """Rows of NaN where the grid lacks one; an irregular grid, or one of business days, stays as it is."""
    order = table.order
    if grid.business_days or not grid.is_regular(order):
        return table
    gaps = np.diff(grid.places(order)) - 1
    added = [
        moment
        for row in np.flatnonzero(gaps).tolist()
        for moment in grid.ahead(int(order[row]), int(gaps[row]))
    ]
    if not added:
        return table
    moments = np.sort(np.concatenate((order, np.array(added, dtype=np.int64))))
    before = np.searchsorted(order, moments, side="right") - 1  # the row itself, or the one before
    is_new = order[before] != moments
    wide = table.take(before)
    dates = [
        grid.text(moment) if new else date
        for moment, new, date in zip(moments.tolist(), is_new, wide.dates or (), strict=True)
    ]
    values = np.where(is_new[:, None], np.nan, wide.values)
    return replace(wide, values=values, dates=tuple(dates), moments=moments)
