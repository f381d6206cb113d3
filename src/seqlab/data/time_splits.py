"""Where the parts of a split begin and end: the same times for every series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.data.series_encoding import SeriesEncoding
from seqlab.data.series_table import SeriesTable
from seqlab.data.splits import part_ends
from seqlab.errors import UserError

NAMED = 6  # series that a notice names


class Spans(NamedTuple):
    """The times of all series, and which of them belong to which part."""

    axis: NDArray[np.int64]  # (U,) every moment that some series has, rising
    orders: list[NDArray[np.int64]]  # of each table, its moments
    parts: Mapping[str, tuple[int, int]]  # places on the axis
    labels: tuple[str, ...] | None  # (U,) as the file writes them

    @classmethod
    def of(cls, tables: Sequence[SeriesTable]) -> Spans:
        """Before anything is cut."""
        orders = [table.order for table in tables]
        axis, first = np.unique(np.concatenate(orders), return_index=True)
        if any(table.dates is None for table in tables):
            return cls(axis, orders, {}, None)
        written = [date for table in tables for date in table.dates or ()]
        return cls(axis, orders, {}, tuple(written[row] for row in first.tolist()))

    def rows(self, number: int, part: str) -> tuple[int, int]:
        """First row of a table in a part, and the first after it."""
        order = self.orders[number]
        first, end = self.parts[part]
        return self._row(order, first), self._row(order, end)

    def _row(self, order: NDArray[np.int64], place: int) -> int:
        return len(order) if place >= len(self.axis) else int(np.searchsorted(order, self.axis[place]))

    def dates(self, first: int, end: int) -> str:
        """``, 2016-01-04 to 2016-12-30``; nothing without dates."""
        return "" if self.labels is None else f", {self.labels[first]} to {self.labels[end - 1]}"


def cut(
    spans: Spans, shares: tuple[float, float, float], encoding: SeriesEncoding, source: str, noun: str
) -> Spans:
    """The same with its parts.

    Raises:
        UserError: too few for a part to have one window.
    """
    length, horizon, history = len(spans.axis), encoding.horizon, encoding.history
    first, second, _ = part_ends(length, shares)
    num_val = horizon if shares[1] else 0
    if min(first - history - horizon, second - first - num_val, length - second - horizon) < 0:
        raise UserError(
            f"{source}: {length} {noun} are too few: data.split={list(shares)} gives "
            f"{first}, {second - first} and {length - second}, where data.seq_length="
            f"{encoding.seq_length} and data.horizon={horizon} need "
            f"{history + horizon}, {num_val} and {horizon}"
        )
    val = (first, second) if num_val else (0, first)
    return spans._replace(parts={"train": (0, first), "val": val, "test": (second, length)})


def check_fold_length(folds: int, num_test: int, encoding: SeriesEncoding, noun: str) -> None:
    """Raise UserError where a fold of the test part has no window."""
    if folds and num_test // folds < encoding.horizon:
        raise UserError(
            f"data.backtest.folds={folds}: {num_test} {noun} of the test part are too few for "
            f"data.horizon={encoding.horizon}"
        )


def with_training_part(
    tables: list[SeriesTable], spans: Spans, encoding: SeriesEncoding
) -> tuple[list[SeriesTable], Spans, list[str]]:
    """The tables that have a window in the training part, and a notice of those that were left out.

    Raises:
        UserError: none has.
    """
    least = encoding.history + encoding.horizon
    ends = [spans.rows(number, "train")[1] for number in range(len(tables))]
    kept = [table for table, end in zip(tables, ends, strict=True) if end >= least]
    out = [table.name for table, end in zip(tables, ends, strict=True) if end < least]
    spans = spans._replace(orders=[table.order for table in kept])
    if not kept:
        raise UserError(
            f"{tables[0].source}: no series has {least} rows in the training part, which data.seq_length="
            f"{encoding.seq_length} and data.horizon={encoding.horizon} need"
        )
    if not out:
        return kept, spans, []
    named = ", ".join(out[:NAMED]) + (f" and {len(out) - NAMED} more" if len(out) > NAMED else "")
    told = (
        f"{len(out)} of {len(tables)} series have fewer than {least} rows in the training part and were left "
        f"out: {named}"
    )
    return kept, spans, [told]
