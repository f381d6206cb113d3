"""A file of series or prices to forecast from, read as the training data was."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

from seqlab.data.series_encoding import SeriesEncoding, SeriesWindows
from seqlab.data.series_files import SeriesFile, read_series
from seqlab.data.series_table import SeriesTable
from seqlab.data.stock_files import read_prices
from seqlab.errors import UserError

log = logging.getLogger(__name__)
NAMED = 6  # series that a message names


class Part(NamedTuple):
    """A table to forecast from."""

    encoding: SeriesEncoding
    table: SeriesTable
    first: int  # row of the first step to forecast; the last is the one after the table's end
    dates: list[str] | None  # of the steps after its end, where those alone are forecast

    def windows(self) -> SeriesWindows:
        return self.encoding.windows(self.table, self.first, len(self.table) + 1, future_known=False)


def read_new_series(data: dict[str, Any], path: Path) -> list[Part]:
    readers = {"prices": _prices, "series": _series}
    return readers[data["reads"]](data, path)


def _prices(data: dict[str, Any], path: Path) -> list[Part]:
    encoding = SeriesEncoding.from_state(data["encoding"])
    wanted = list(dict.fromkeys([*encoding.features, *encoding.targets]))
    table = read_prices(path, wanted, **data["reading"])
    encoding.check_length(table, encoding.history, "to forecast from")
    return [Part(encoding, table, 0, None)]


def _series(data: dict[str, Any], path: Path) -> list[Part]:
    file = read_series(path, **data["reading"])
    for notice in file.notices:
        log.warning("note: %s", notice)
    parts, unknown = [], []
    _check_known(file, SeriesEncoding.from_state(data["encoding"]))
    for table in file.tables:
        encoding, is_known = _encoding_of(table, file, data)
        unknown += [] if is_known else [table.name]
        encoding.check_length(table, encoding.history, "to forecast from", file.grid.noun)
        dates = file.grid.after(int(table.order[-1]), encoding.horizon)
        parts.append(Part(encoding, table, len(table), dates))
    if unknown:
        log.warning(
            "note: training knew %s: their scales are those of the rows in %s", _named(unknown, "not"), path
        )
    return parts


def _encoding_of(table: SeriesTable, file: SeriesFile, data: dict[str, Any]) -> tuple[SeriesEncoding, bool]:
    """The encoding of a series, by the scales of its training part; of a new series, by its own rows."""
    encoding = SeriesEncoding.from_state(data["encoding"])
    by_name = data.get("series", {})
    if table.name in by_name:
        return encoding.with_scales(by_name[table.name]), True
    if not by_name and len(file.tables) == 1:
        return encoding, True
    encoding.check_length(table, encoding.history + encoding.horizon, "for scales of its own", file.grid.noun)
    return encoding.fit(table, 0, len(table), data["scaling"]), False


def _check_known(file: SeriesFile, encoding: SeriesEncoding) -> None:
    """Raise UserError where the known columns of a series do not reach over the horizon."""
    there = {
        table.name: 0 if table.future is None else len(table.future)
        for table in file.tables
        if encoding.known
    }
    short = {name: count for name, count in there.items() if count < encoding.horizon}
    if not short:
        return
    whose = "" if not any(short) else f" (series {_named(list(short), '')})"
    columns, targets = ", ".join(encoding.known), " or ".join(encoding.targets)
    raise UserError(
        f"{file.tables[0].source}: {min(short.values())} whole rows of {columns} follow the last known "
        f"{targets}{whose}, the forecast needs {encoding.horizon}: add rows with their times and "
        f"{columns}, without a gap, and leave the target empty"
    )


def _named(names: list[str], word: str) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{word} {', '.join(names[:NAMED])}{more}".strip()
