"""A series in memory: rows in order of time, columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.data.time_grid import Moments
from seqlab.errors import UserError


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
        names = [column.lower() for column in self.columns]
        if name.lower() not in names:
            raise UserError(f"{self.source}: no column {name}; it has {', '.join(self.columns)}")
        return names.index(name.lower())

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


def in_order(table: SeriesTable, moments: Moments, each: str, series_column: str) -> SeriesTable:
    """The rows by date, each with its moment; adds a notice of what moved.

    Args:
        each: what a line stands for, for messages.
        series_column: the column that would name series, for messages.

    Raises:
        UserError: a date that comes twice.
    """
    assert table.dates is not None
    order = np.argsort(moments.order, kind="stable")
    same = np.flatnonzero(np.diff(moments.order[order]) == 0)
    if len(same):
        whose = f" of series {table.name}" if table.name else ""
        first, second = sorted(table.lines[order[same[0] : same[0] + 2]].tolist())
        raise UserError(
            f"{table.source}, line {second}: the date {table.dates[order[same[0]]]}{whose} stands on line "
            f"{first} too; a file holds one line a {each}, or names its series under {series_column}"
        )
    steps = np.diff(moments.order)
    comma = "," if table.name else ""
    told = []
    if len(steps) and (steps < 0).all():
        told = [f"{table.source}{table.whose}{comma} has the newest {each} first: reversed"]
    elif (steps < 0).any():
        first = table.lines[int(np.flatnonzero(steps < 0)[0]) + 1]
        moved = int((order != np.arange(len(order))).sum())
        told = [
            f"{table.source}{table.whose}{comma} is not in order of date (first on line {first}): {moved} of "
            f"{len(order)} lines were moved"
        ]
    return replace(table, moments=moments.order, notices=[*table.notices, *told]).take(order)


class SeriesSource(NamedTuple):
    """What there is to read."""

    tables: list[SeriesTable]
    targets: tuple[str, ...]
    features: tuple[str, ...]
    known: tuple[str, ...] = ()
    noun: str = "days"  # plural, of a step
    season: int | None = None  # as the step of the file tells
