"""A series in memory: rows in order of time, columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from seqlab.errors import UserError


@dataclass(frozen=True)
class SeriesTable:
    """N rows of F columns, oldest first."""

    columns: tuple[str, ...]  # (F,) names as the file writes them
    values: NDArray[np.float64]  # (N, F) all finite
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
        dates = None if self.dates is None else tuple(self.dates[row] for row in order.tolist())
        moments = None if self.moments is None else self.moments[order]
        return replace(
            self,
            values=self.values[order],
            lines=self.lines[order],
            dates=dates,
            moments=moments,
            future=None,
        )
