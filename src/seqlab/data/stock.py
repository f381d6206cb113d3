"""Daily prices: one series of days, with the settings that suit them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqlab.data.samples.stock_prices import sample_prices
from seqlab.data.series_encoding import SeriesEncoding, SeriesWindows
from seqlab.data.series_module import SeriesModule
from seqlab.data.series_source import OtherForecast, Source, check_lists
from seqlab.data.series_table import SeriesTable
from seqlab.data.stock_files import MISSING, TARGETS, read_prices
from seqlab.errors import UserError

OPEN_PRICE = "open_price"


class StockPrices(SeriesModule):
    """T days of F features and the price of the N days that follow.

    The three parts follow each other in time. A window belongs to the part in which all days that it
    forecasts lie; the days that it reads may reach back into the part before, as they would in use.

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
        **settings of SeriesModule: a change of the last known price is forecast where nothing else is said.

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
        feature_transform: str | dict[str, str] | None = None,
        scaling: str = "standard",
        scale_test_by_itself: bool = False,
        split: Sequence[float] = (0.6, 0.1, 0.3),
        sample: dict[str, Any] | None = None,
        backtest: dict[str, int] | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__(
            seq_length=seq_length,
            horizon=horizon,
            target_transform=target_transform,
            feature_transform=feature_transform,
            scaling=scaling,
            split=split,
            backtest=backtest,
            season=None,
            batch_size=batch_size,
            seed=seed,
        )
        check_lists({"features": features, "columns": columns})
        if missing not in MISSING:
            raise UserError(f"data.missing={missing}: choose {' or '.join(MISSING)}")
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

    def read(self) -> Source:
        targets = TARGETS if self.target is None else (self.target,)
        if self.path is None:
            table = sample_prices(**self.sample)
        else:
            wanted = None if self.features is None else list(self.features)
            table = read_prices(self.path, wanted, targets=targets, **self.reading)
        self.notices += table.notices
        target = next((name for name in targets if table.has(name)), targets[0])
        table.column(target)  # told here where it is not there
        features = tuple(self.features) if self.features is not None else _features(table, target)
        return Source([table], (target,), features)

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


def _features(table: SeriesTable, target: str) -> tuple[str, ...]:
    """All columns of the table; the target always among them."""
    return table.columns if table.has(target) else (*table.columns, target)
