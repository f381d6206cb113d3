"""Rows in order of time: what moved, and what cannot be put in order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seqlab.data.series_table import SeriesTable
from seqlab.data.time_steps import Moments
from seqlab.errors import UserError

DATES = ("date", "ds", "datetime", "timestamp", "time", "day")  # of these headings the first there is
SERIES = "unique_id"  # heading of a long file's names of series, as Nixtla's libraries write them


def check_dates(table: SeriesTable, moments: Moments) -> None:
    """Raise UserError at a date that cannot be read."""
    if len(moments.bad):
        first = moments.bad[0]
        assert table.dates is not None
        raise UserError(
            f"{table.source}, line {table.lines[first]}: {table.dates[first]!r} is no date; write 2016-12-31"
        )


def in_order(table: SeriesTable, moments: Moments, *, each: str = "day", named: str = SERIES) -> SeriesTable:
    """The rows by date, each with its moment; adds a notice of what moved.

    Args:
        each: what a line stands for, for messages.
        named: the column that would name series, for messages.

    Raises:
        UserError: a date that comes twice.
    """
    assert table.dates is not None
    order = np.argsort(moments.order, kind="stable")
    same = np.flatnonzero(np.diff(moments.order[order]) == 0)
    if len(same):
        first, second = table.lines[order[same[0]]], table.lines[order[same[0] + 1]]
        whose = f" of series {table.name}" if table.name else ""
        raise UserError(
            f"{table.source}, line {max(first, second)}: the date {table.dates[order[same[0]]]}{whose} "
            f"stands on line {min(first, second)} too; a file holds one line a {each}, or names its "
            f"series under {named}"
        )
    steps = np.diff(moments.order)
    whose = f", series {table.name}," if table.name else ""
    if len(steps) and (steps < 0).all():
        table.notices.append(f"{table.source}{whose} has the newest {each} first: reversed")
    elif (steps < 0).any():
        place = int(np.flatnonzero(steps < 0)[0]) + 1
        moved = int((order != np.arange(len(order))).sum())
        table.notices.append(
            f"{table.source}{whose} is not in order of date (first on line {table.lines[place]}): {moved} of "
            f"{len(order)} lines were moved"
        )
    return replace(table, moments=moments.order).take(order)
