"""Where the parts of a split begin and end, the same times for every series; and how long a season is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.data.csv_files import shown_names
from seqlab.data.series_encoding import SeriesEncoding
from seqlab.data.series_table import SeriesTable
from seqlab.data.splits import part_ends
from seqlab.data.time_grid import TimeGrid
from seqlab.errors import UserError

AUTO = "auto"


class Spans(NamedTuple):
    """The times of all series, and which of them belong to which part."""

    axis: NDArray[np.int64]  # (U,) every moment that some series has, rising
    orders: list[NDArray[np.int64]]  # of each table, its moments
    parts: Mapping[str, tuple[int, int]]  # positions on the axis
    labels: tuple[str, ...] | None  # (U,) as the file writes them

    def rows(self, part: str) -> list[tuple[int, int]]:
        """Of each table its first row in a part, and the first after it."""
        first, end = self.parts[part]
        return [(self._row(order, first), self._row(order, end)) for order in self.orders]

    def _row(self, order: NDArray[np.int64], position: int) -> int:
        return len(order) if position >= len(self.axis) else int(np.searchsorted(order, self.axis[position]))

    def fold(self, number: int, folds: int, share: float, horizon: int) -> Spans:
        """One of ``folds`` of the test part as test part, with all before it to learn from.

        Args:
            share: of what is before it, for validation: its last steps, at least ``horizon``.
        """
        first, end = self.parts["test"]
        start = first + number * (end - first) // folds
        stop = first + (number + 1) * (end - first) // folds
        train_end = start - (max(round(start * share), horizon) if share else 0)
        val = (train_end, start) if share else (0, start)
        return self._replace(parts={"train": (0, train_end), "val": val, "test": (start, stop)})

    def dates(self, first: int, end: int) -> str:
        """``, 2016-01-04 to 2016-12-30``; nothing without dates."""
        return "" if self.labels is None else f", {self.labels[first]} to {self.labels[end - 1]}"

    def span(self, part: str, grid: TimeGrid) -> tuple[str, str] | None:
        """The first and the last date of a part, as texts that sort; None without dates."""
        if self.labels is None or not grid.calendar:
            return None
        first, end = self.parts[part]
        return grid.text(int(self.axis[first])), grid.text(int(self.axis[end - 1]))


def cut(
    tables: Sequence[SeriesTable], shares: Sequence[float], encoding: SeriesEncoding, folds: int, noun: str
) -> Spans:
    """The parts of all tables, by share of their times.

    Raises:
        UserError: too few times for a part, or for one of the ``folds`` of the test part, to have one window.
    """
    orders = [table.order for table in tables]
    axis, first_rows = np.unique(np.concatenate(orders), return_index=True)
    written = [date for table in tables for date in table.dates or ()]
    labels = tuple(written[row] for row in first_rows.tolist()) if written else None
    length, horizon, history = len(axis), encoding.horizon, encoding.history
    first, second, _ = part_ends(length, shares)
    num_val = horizon if shares[1] else 0
    if min(first - history - horizon, second - first - num_val, length - second - horizon) < 0:
        raise UserError(
            f"{tables[0].source}: {length} {noun} are too few: data.split={list(shares)} gives "
            f"{first}, {second - first} and {length - second}, where data.seq_length="
            f"{encoding.seq_length} and data.horizon={horizon} need "
            f"{history + horizon}, {num_val} and {horizon}"
        )
    if folds and (length - second) // folds < horizon:
        raise UserError(
            f"data.backtest.folds={folds}: {length - second} {noun} of the test part are too few for "
            f"data.horizon={horizon}"
        )
    val = (first, second) if num_val else (0, first)
    return Spans(axis, orders, {"train": (0, first), "val": val, "test": (second, length)}, labels)


def with_training_part(
    tables: list[SeriesTable], spans: Spans, encoding: SeriesEncoding
) -> tuple[list[SeriesTable], Spans, list[str]]:
    """The tables that have a window in the training part, and a notice of those that were left out.

    Raises:
        UserError: none has.
    """
    least = encoding.history + encoding.horizon
    is_kept = [end >= least for _, end in spans.rows("train")]
    kept = [table for table, keep in zip(tables, is_kept, strict=True) if keep]
    out = [table.name for table, keep in zip(tables, is_kept, strict=True) if not keep]
    if not kept:
        raise UserError(
            f"{tables[0].source}: no series has {least} rows in the training part, which data.seq_length="
            f"{encoding.seq_length} and data.horizon={encoding.horizon} need"
        )
    told = (
        f"{len(out)} of {len(tables)} series have fewer than {least} rows in the training part and were left "
        f"out: {shown_names(out)}"
    )
    return kept, spans._replace(orders=[table.order for table in kept]), [told] if out else []


def check_season(season: int | str | None) -> None:
    """Raise UserError for what is no number of steps, ``auto`` or None."""
    if season not in (None, AUTO) and (not isinstance(season, int) or season < 1):
        raise UserError(f"data.season={season}: give a number of steps, at least 1, auto or null")


def settled_season(
    season: int | str | None, step: int | None, ends: Sequence[int], noun: str
) -> tuple[int | None, list[str]]:
    """The season that was asked for, or that of the file's step, and a notice where it cannot be used.

    Raises:
        UserError: the season that was asked for is too long.
    """
    length = step if season == AUTO else season
    if not isinstance(length, int) or min(ends) > length:
        return (length if isinstance(length, int) else None), []
    least = f"the shortest training part has {min(ends)} {noun}"
    if season != AUTO:
        raise UserError(f"data.season={season}: {least}; give a shorter season, or null")
    return None, [f"no seasonal naive forecast with a season of {length}: {least}"]


def naive_errors(
    tables: Sequence[SeriesTable], ends: Sequence[int], targets: Sequence[str], lag: int
) -> NDArray[np.float64]:
    """(S,) mean of abs(y[t] - y[t - lag]) over the first ``ends`` rows of each table, target by target.

    With a lag of 1 it is the error of the one-step naive forecast, with a season that of the seasonal naive;
    NaN where it is 0.
    """
    trains = [
        table.column(target)[:end] for table, end in zip(tables, ends, strict=True) for target in targets
    ]
    return np.array([float(np.abs(train[lag:] - train[:-lag]).mean()) or np.nan for train in trains])
