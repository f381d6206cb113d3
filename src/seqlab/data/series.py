"""Series of numbers from a CSV file: any regular ones, one or many (data=series), and prices (data=stock)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqlab.data.series_encoding import OtherForecast, SeriesEncoding, SeriesWindows
from seqlab.data.series_files import (
    PRICE_TARGETS,
    Columns,
    SeriesFile,
    price_columns,
    read_series,
    series_columns,
)
from seqlab.data.series_module import SeriesModule
from seqlab.data.series_table import SeriesTable
from seqlab.data.time_grid import DAYS

OPEN_PRICE = "open_price"


class TimeSeries(SeriesModule):
    """One or more targets of one or more series: hours, days, weeks, months or plain steps.

    Args:
        targets, features, known: columns, see ``series_columns``.
        time, id, columns, missing: how the file is read, see ``read_series``.
        sample: settings of ``sample_series``.
        **settings: those of SeriesModule; features are read as they are and a difference from the last known
            value is forecast where nothing else is said.

    Raises:
        UserError: for a setting out of range; at ``setup``, for a file that cannot be read or is too short.
    """

    reads: ClassVar[str] = "series"

    def __init__(
        self,
        *,
        path: str | Path | None = None,
        time: str | None = None,
        id: str | None = None,
        targets: Sequence[str] | None = None,
        features: Sequence[str] | None = None,
        known: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        missing: str = "error",
        season: int | str | None = "auto",
        seq_length: int = 48,
        horizon: int = 24,
        target_transform: str = "difference",
        feature_transform: str | dict[str, str] | None = "level",
        sample: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(
            path=path,
            reading={"time": time, "id": id, "columns": columns, "missing": missing},
            asked={"targets": targets, "features": features, "known": known},
            season=season,
            seq_length=seq_length,
            horizon=horizon,
            target_transform=target_transform,
            feature_transform=feature_transform,
            sample=sample,
            **settings,
        )

    def read(self) -> SeriesFile:
        if self.source.path is None:
            from seqlab.data.samples.seasonal_series import sample_series

            return sample_series(**self.sample, **self.asked)
        return read_series(self.source.path, partial(series_columns, **self.asked), **self.reading)

    def asked_of_new_files(self) -> dict[str, Any]:
        encoding = self.encodings[0]
        past = [name for name in encoding.features if name not in (*encoding.targets, *encoding.known)]
        return {"targets": list(encoding.targets), "features": past, "known": list(encoding.known)}


class StockPrices(SeriesModule):
    """T days of F features and the price of the N days that follow: ``data=series`` as prices need it.

    Args:
        columns, reverse, missing: how the file is read, see ``read_series``.
        series: which one of a long file, by its name under unique_id.
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
        only = None if series is None else str(series)
        super().__init__(
            path=path,
            reading={
                "columns": columns,
                "reverse": reverse,
                "missing": missing,
                "only": only,
                "single": True,
            },
            asked={"target": target, "features": features},
            seq_length=seq_length,
            horizon=horizon,
            target_transform=target_transform,
            sample=sample,
            **settings,
        )
        self.scale_test_by_itself = scale_test_by_itself

    def read(self) -> SeriesFile:
        if self.source.path is not None:
            return read_series(self.source.path, partial(price_columns, **self.asked), **self.reading)
        from seqlab.data.samples.stock_prices import sample_prices

        table = sample_prices(**self.sample)
        target, features = self.asked["target"] or PRICE_TARGETS[0], self.asked["features"]
        table.column(target)  # told here where it is not there
        columns = Columns((target,), table.columns if features is None else tuple(features))
        return SeriesFile([table], columns, DAYS, table.notices)

    def asked_of_new_files(self) -> dict[str, Any]:
        return {"target": self.encoding.targets[0], "features": list(self.encoding.features)}

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
