"""A file of series or prices to forecast from, read as the training data was."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from seqlab.data.csv_files import listed
from seqlab.data.series_encoding import SeriesEncoding, SeriesWindows
from seqlab.data.series_files import Columns, SeriesFile, price_columns, read_series, series_columns
from seqlab.data.series_table import SeriesTable
from seqlab.errors import UserError

log = logging.getLogger(__name__)
COLUMNS: dict[str, Callable[..., Columns]] = {"prices": price_columns, "series": series_columns}


class Part(NamedTuple):
    """A table to forecast from."""

    encoding: SeriesEncoding
    table: SeriesTable
    first: int  # row of the first step to forecast; the last is the one after the table's end
    dates: list[str] | None  # of the steps after its end, where those alone are forecast

    def windows(self) -> SeriesWindows:
        return self.encoding.windows(self.table, self.first, len(self.table) + 1, future_known=False)


def read_new_series(data: dict[str, Any], path: Path) -> list[Part]:
    """The tables of a file: prices are forecast day by day, series after their last known step.

    Args:
        data: what a checkpoint says of its data.
    """
    encoding = SeriesEncoding.from_state(data["encoding"])
    is_prices = data["reads"] == "prices"
    file = read_series(path, partial(COLUMNS[data["reads"]], **data["columns"]), **data["reading"])
    for notice in [] if is_prices else file.notices:
        log.warning("note: %s", notice)
    _check_known(file, encoding)
    parts, unknown = [], []
    for table in file.tables:
        own, is_known = _encoding_of(table, file, encoding, data)
        unknown += [] if is_known else [table.name]
        own.check_length(table, own.history, "to forecast from", file.grid.noun)
        dates = None if is_prices else file.grid.after(int(table.order[-1]), own.horizon)
        parts.append(Part(own, table, 0 if is_prices else len(table), dates))
    if unknown:
        log.warning(
            "note: training knew not %s: their scales are those of the rows in %s", listed(unknown), path
        )
    return parts


def _encoding_of(
    table: SeriesTable, file: SeriesFile, encoding: SeriesEncoding, data: dict[str, Any]
) -> tuple[SeriesEncoding, bool]:
    """The encoding of a series, by the scales of its training part; of a new series, by its own rows."""
    by_name = data.get("series", {})
    if table.name in by_name:
        return encoding.with_scales(by_name[table.name]), True
    if not by_name and len(file.tables) == 1:
        return encoding, True
    encoding.check_length(table, encoding.history + encoding.horizon, "for scales of its own", file.grid.noun)
    return encoding.fit(table, 0, len(table), data["scaling"]), False


def _check_known(file: SeriesFile, encoding: SeriesEncoding) -> None:
    """Raise UserError where the known columns of a series do not reach over the horizon."""
    if not encoding.known:
        return
    there = {table.name: 0 if table.future is None else len(table.future) for table in file.tables}
    short = {name: count for name, count in there.items() if count < encoding.horizon}
    if short:
        whose = f" (series {listed(list(short))})" if any(short) else ""
        columns, targets = ", ".join(encoding.known), " or ".join(encoding.targets)
        raise UserError(
            f"{file.tables[0].source}: {min(short.values())} whole rows of {columns} follow the last known "
            f"{targets}{whose}, the forecast needs {encoding.horizon}: add rows with their times and "
            f"{columns}, without a gap, and leave the target empty"
        )
