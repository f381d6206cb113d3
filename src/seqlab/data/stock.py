"""Daily prices: one series of days, and how files of prices are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqlab.data.csv_files import CsvTable, check_lists, is_number, listed, read_csv
from seqlab.data.missing_values import check_missing, mend
from seqlab.data.series_encoding import OtherForecast, SeriesEncoding, SeriesWindows
from seqlab.data.series_files import DATES, SERIES, Columns, bare_table, date_place, series_of
from seqlab.data.series_module import SeriesModule
from seqlab.data.series_table import SeriesSource, SeriesTable
from seqlab.data.time_grid import TimeGrid
from seqlab.errors import UserError

KNOWN = ("Open", "High", "Low", "Close", "Volume")  # used where no features are asked for
TARGETS = ("Close", "y")  # the column to forecast where none is asked for, the first there is
FORMATS = (
    "lines of Date,Open,High,Low,Close,Volume in any order under a header, or of unique_id,ds,y, or numbers "
    "alone with data.columns"
)
OPEN_PRICE = "open_price"


def read_prices(
    path: str | Path,
    wanted: Sequence[str] | None = None,
    *,
    targets: Sequence[str] = (),
    columns: Sequence[str] | None = None,
    reverse: bool | None = None,
    missing: str = "error",
    series: str | None = None,
) -> SeriesTable:
    """Read one series of a file; blank lines and lines that begin with ``#`` are passed over.

    Args:
        wanted: columns to read (the date comes by itself); None takes those of KNOWN that the file has. Open
            is read beside them where every line has it.
        targets: one more column to read, the first of these names that the file has.
        columns: names of the columns of a file without a header line; None takes them from the last comment
            before the first line of numbers, where that names as many.
        reverse: whether a file without dates has the newest day first. A file with dates needs no telling:
            its days are put in order of date, and the lines that moved are counted in the notices.
        missing: what to do with missing numbers, see ``mend``.
        series: which one of a long file, by its name under SERIES; None where there is one.

    Raises:
        UserError: missing, empty or malformed file, a date that comes twice (names file and line), no dates
            and no ``reverse``, several series and none chosen.
    """
    check_missing(missing)
    file = read_csv(Path(path), columns, FORMATS, example="[Open,High,Low,Volume,Close]", headed="prices")
    file = _one_series(file, series)
    used = _used(file, wanted, targets)
    times = date_place(file)
    if times is not None:
        found = series_of(file, Columns(used[:1], used, ()), times, None, missing)
        return replace(found.tables[0], notices=found.notices)
    table = bare_table(file, used)
    if reverse is None:
        raise UserError(
            f"{path}: no column of dates ({', '.join(DATES)}), so nothing tells which day comes first; add "
            f"one, or say data.reverse=true (line {table.lines[0]} is the newest day) or data.reverse=false "
            "(oldest)"
        )
    told = f"{path} has no dates: its last line is taken for the oldest day (data.reverse=true)"
    table = replace(table, notices=[*file.notices, *([told] if reverse else [])])
    days = TimeGrid(1, "days", None, calendar=False)
    return mend(table.take(slice(None, None, -1 if reverse else 1)), days, missing)


def _used(file: CsvTable, wanted: Sequence[str] | None, targets: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns to read, as the file writes them."""
    places = file.places
    chosen = [name for name in KNOWN if name.lower() in places] if wanted is None else list(wanted)
    absent = [name for name in chosen if name.lower() not in places][:1]
    if targets:
        there = [name for name in targets if name.lower() in places]
        chosen += there[:1]
        absent += targets if not there else ()
    elif not chosen:
        absent = list(KNOWN)
    if absent:
        raise UserError(f"{file.path}: no column {' or '.join(absent)}; it has {', '.join(file.names)}")
    opening = places.get("open")  # the forecast of a baseline
    if opening is not None and all(is_number(cells[opening]) for _, cells in file.rows):
        chosen.append("open")
    return tuple(dict.fromkeys(file.names[places[name.lower()]] for name in chosen))


def _one_series(file: CsvTable, series: str | None) -> CsvTable:
    """The rows of one series: the one that is named, or the only one."""
    place = file.places.get(SERIES)
    if place is None:
        if series is not None:
            raise UserError(
                f"data.series={series}: {file.path} has no column {SERIES}, it holds one series; leave it out"
            )
        return file
    names = list(dict.fromkeys(cells[place] for _, cells in file.rows))
    if series is None and len(names) > 1:
        raise UserError(
            f"{file.path}: {len(names):,} series under {SERIES}; choose one with data.series=NAME: "
            f"{listed(names)}"
        )
    if series is not None and series not in names:
        raise UserError(f"data.series={series}: no such {SERIES} in {file.path}; it has {listed(names)}")
    chosen = names[0] if series is None else series
    return file._replace(rows=[row for row in file.rows if row[1][place] == chosen])


class StockPrices(SeriesModule):
    """T days of F features and the price of the N days that follow: ``data=series`` as prices need it.

    Args:
        path: a CSV file; None takes the sample.
        columns, reverse, missing, series: how to read it, see ``read_prices``.
        target: the column to forecast; None takes Close, or y where there is none.
        features: the columns to read; None takes Open, High, Low, Close and Volume as far as they are there,
            and the target.
        scale_test_by_itself: also judge the model on the test part as published examples scale it, by the
            smallest and largest value of the test part itself, which nobody knows beforehand. Every figure
            of it stands under ``oracle/``.
        sample: ``num_days`` and ``seed``, see ``sample_prices``.
        **settings: those of SeriesModule; the log-return from the last known price is forecast where nothing
            else is said.

    Raises:
        UserError: for a setting out of range; at ``setup``, for a file that cannot be read or is too short.
    """

    reads: ClassVar[str] = "prices"

    def __init__(
        self,
        *,
        path: str | Path | None = None,
        columns: Sequence[str] | None = None,
        reverse: bool | None = None,
        missing: str = "error",
        series: str | int | None = None,
        target: str | None = None,
        features: Sequence[str] | None = None,
        seq_length: int = 7,
        horizon: int = 1,
        target_transform: str = "log_return",
        scale_test_by_itself: bool = False,
        sample: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(
            seq_length=seq_length, horizon=horizon, target_transform=target_transform, **settings
        )
        check_lists({"features": features, "columns": columns})
        check_missing(missing)
        if features is not None and not list(features):
            raise UserError("data.features=[]: name at least one column, or null for all")
        self.path = path
        self.reading: dict[str, Any] = {
            "columns": None if columns is None else list(columns),
            "reverse": reverse,
            "missing": missing,
            "series": None if series is None else str(series),
        }
        self.target, self.features = target, features
        self.scale_test_by_itself = scale_test_by_itself
        self.sample = dict(sample or {})

    def read(self) -> SeriesSource:
        targets = TARGETS if self.target is None else (self.target,)
        wanted = None if self.features is None else list(self.features)
        if self.path is None:
            from seqlab.data.samples.stock_prices import sample_prices

            table = sample_prices(**self.sample)
        else:
            table = read_prices(self.path, wanted, targets=targets, **self.reading)
        self.notices += table.notices
        target = next((name for name in targets if table.has(name)), targets[0])
        table.column(target)  # told here where it is not there
        return SeriesSource([table], (target,), table.columns if wanted is None else tuple(wanted))

    def reading_state(self) -> dict[str, Any]:
        return self.reading

    @property
    def encoding(self) -> SeriesEncoding:
        """That of the one series."""
        return self.encodings[0]

    def table(self, split: str) -> SeriesTable:
        """The days up to the end of a split."""
        return self.tables(split)[0]

    def test_scaled_by_itself(self) -> tuple[list[SeriesEncoding], SeriesWindows] | None:
        """The test part on scales of itself and the days its first window reads: what not to do.

        None where ``scale_test_by_itself`` does not ask for it.
        """
        if not self.scale_test_by_itself:
            return None
        table = self.table("test")
        first, end = self._spans.parts["test"]
        encoding = self.encoding.fit(table, max(first - self.seq_length, 0), end, self.scaling)
        return [encoding], encoding.windows(table, first, end)

    def other_forecasts(self, windows: SeriesWindows) -> dict[str, OtherForecast]:
        """Each day closes as it opened: knows the day's open, which the model does not.

        Left out without an Open column, and where Open is the target.
        """
        table = self.table("test")
        if not table.has("Open") or self.encoding.targets[0].lower() == "open":
            return {}
        opening = table.column("Open")[windows.first_rows[:, None] + np.arange(self.horizon)]
        note = ("open price", "the forecast is that day's own open, which no other row knows")
        return {OPEN_PRICE: OtherForecast("open price (knows that day)", opening, note)}
