"""Daily prices (data=stock): one series, its usual columns, and what is particular to prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from seqlab.data.series import TimeSeries
from seqlab.data.series_encoding import NaiveForecast, SeriesEncoding, SeriesWindows
from seqlab.data.series_files import SeriesFile
from seqlab.data.series_table import SeriesTable
from seqlab.errors import UserError

OPEN_PRICE = "open_price"


class StockPrices(TimeSeries):
    """T days of F features and the price of the H days that follow.

    The settings are explained in conf/data/stock.yaml; ``settings`` are those of TimeSeries.
    """

    rolls: ClassVar[bool] = True

    def __init__(
        self,
        *,
        target: str | None = None,
        features: Sequence[str] | None = None,
        series: str | int | None = None,
        reverse: bool | None = None,
        seq_length: int = 7,
        horizon: int = 1,
        target_transform: str = "log_return",
        feature_transform: str | dict[str, str] | None = None,
        scale_test_by_itself: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(
            targets=None if target is None else [target],
            features=features,
            season=None,
            seq_length=seq_length,
            horizon=horizon,
            target_transform=target_transform,
            feature_transform=feature_transform,
            **settings,
        )
        if self.asked["features"] == []:
            raise UserError("data.features=[]: name at least one column, or null for the usual ones")
        self.asked["prices"] = True
        only = None if series is None else str(series)
        self.reading |= {"only": only, "single": True, "reverse": reverse, "beside": ["open"]}
        self.scale_test_by_itself = scale_test_by_itself

    def read(self) -> SeriesFile:
        if self.source.path is not None:
            return super().read()
        from seqlab.data.samples.stock_prices import sample_prices

        return sample_prices(**self.sample, **self.asked)

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

    def fitted_on(self) -> dict[str, str]:
        found = super().fitted_on()
        if self.scale_test_by_itself:
            first, end = self._spans.parts["test"]
            days = f"the {end - first:,} test days{self._spans.dates(first, end)}"
            found["scales of the row `test scaled by itself`"] = f"{days}, which no forecast could know"
        return found

    def other_forecasts(self, windows: SeriesWindows) -> dict[str, NaiveForecast]:
        """Each day closes as it opened: knows the day's open, which the model does not.

        Left out where a day has no Open, and where Open is the target.
        """
        table = self.table("test")
        if "open" not in table.frame or self.encoding.targets[0].lower() == "open":
            return {}
        opening = table.column("Open")[windows.first_rows[:, None] + np.arange(self.horizon)]
        if not np.isfinite(opening).all():
            return {}
        note = ("open price", "the forecast is that day's own open, which no other row knows")
        return {OPEN_PRICE: NaiveForecast("open price (knows that day)", opening, note)}
