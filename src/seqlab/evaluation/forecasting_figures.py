"""Forecasts of a split, by a network and without one; their figures in the series' own unit, and MASE."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.scaling import target_of, value_of
from seqlab.data.series import TimeSeries
from seqlab.data.series_encoding import NaiveForecast, SeriesEncoding, SeriesWindows, values_of
from seqlab.data.series_table import SeriesTable
from seqlab.progress import track
from seqlab.tasks.regression import Regression

LAST_VALUE, SEASONAL, DRIFT = "last_value", "seasonal_naive", "drift"


def mase_by_series(
    forecast: NDArray[np.float64],
    truth: NDArray[np.float64],
    series: NDArray[np.int64],
    scales: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(S,) mean absolute scaled error of each series (Hyndman & Koehler, Int. J. Forecasting 2006).

    Args:
        forecast, truth: (M, H), all forecasts of all series.
        series: (M,) number of the series of each forecast.
        scales: (S,) mean error of the naive forecast over the training part; NaN where it makes none.

    Returns:
        NaN for a series without a forecast or without a scale.
    """
    sums = np.bincount(series, np.abs(forecast - truth).mean(axis=1), len(scales))
    counts = np.bincount(series, minlength=len(scales))
    return np.divide(sums, counts, out=np.full(len(scales), np.nan), where=counts > 0) / scales


def figures_of(
    forecast: NDArray[np.float64],
    truth: NDArray[np.float64],
    last: NDArray[np.float64],
    series: NDArray[np.int64],
    scales: NDArray[np.float64],
) -> dict[str, float]:
    """mae and rmse over (M, H) forecasts, mase as the mean over series, and skill against the last value.

    Skill is 1 - MAE / MAE of the (M,) ``last`` known values; of several series, whose units may differ, it is
    that of MASE. What is undefined, such as 0 / 0, is left out.
    """
    error = np.abs(forecast - truth)
    figures = {"mae": float(error.mean()), "rmse": float(np.sqrt((error**2).mean()))}
    mase = mase_by_series(forecast, truth, series, scales)
    if np.isfinite(mase).any():
        figures["mase"] = float(np.nanmean(mase))
    own, naive = error.mean(), np.abs(last[:, None] - truth).mean()
    if len(scales) > 1:
        of_last = mase_by_series(np.broadcast_to(last[:, None], truth.shape), truth, series, scales)
        own, naive = np.nansum(mase), np.nansum(of_last)
    return figures | ({"skill": float(1 - own / naive)} if naive else {})


def interval_name(quantiles: tuple[float, ...]) -> str:
    """How much the outermost levels enclose, in percent: 80 for 0.1 and 0.9."""
    return f"{100 * (quantiles[-1] - quantiles[0]):.6g}"


def interval_figures(
    values: NDArray[np.float64], truth: NDArray[np.float64], quantiles: tuple[float, ...]
) -> dict[str, float]:
    """Share of steps inside the outermost levels of (M, H, Q) forecasts, and how far apart these are.

    Nothing where there are fewer than two levels.
    """
    if len(quantiles) < 2:
        return {}
    low, high = values[..., 0], values[..., -1]
    name = interval_name(quantiles)
    return {
        f"coverage_{name}": float(((low <= truth) & (truth <= high)).mean()),
        f"interval_width_{name}": float((high - low).mean()),
    }


def all_figures(
    values: NDArray[np.float64],
    windows: SeriesWindows,
    quantiles: tuple[float, ...],
    scales: NDArray[np.float64],
) -> dict[str, float]:
    """mae, rmse, mase, skill (where defined) of (M, H, Q) forecasts; coverage and width of the interval."""
    forecast = middle(values, quantiles)
    point = figures_of(forecast, windows.truth, windows.last.ravel(), windows.series, scales)
    return point | interval_figures(values, windows.truth, quantiles)


def by_step(
    forecast: NDArray[np.float64], windows: SeriesWindows, scales: NDArray[np.float64]
) -> dict[str, float]:
    """mae, and mase and skill where defined, of each step ahead of (M, H) forecasts: ``step_1/mae``."""
    found: dict[str, float] = {}
    for step in range(forecast.shape[1]):
        truth, last = windows.truth[:, step : step + 1], windows.last.ravel()
        figures = figures_of(forecast[:, step : step + 1], truth, last, windows.series, scales)
        found |= {f"step_{step + 1}/{name}": value for name, value in figures.items() if name != "rmse"}
    return found


def middle(values: NDArray[np.float64], quantiles: tuple[float, ...]) -> NDArray[np.float64]:
    """(M, H) the median of (M, H, Q) levels, or the one number of a network without quantiles."""
    return values[..., quantiles.index(0.5) if quantiles else 0]


@torch.inference_mode()
def forecast_windows(
    task: Regression, datamodule: TimeSeries, windows: SeriesWindows, encodings: Sequence[SeriesEncoding]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(M, H, Q) forecasts in the series' own unit, and (N,) each window's loss on the network's scale."""
    task.eval()
    device = next(task.parameters()).device
    outputs, losses = [], []
    for batch in track(datamodule.loader(windows), "judging"):
        there = type(batch)(*(field.to(device) for field in batch))
        forecasts = task.predict_step(there)
        outputs.append(forecasts.cpu())
        losses.append(task.loss_of_each(forecasts[None], there)[0].double().mean(dim=1).cpu())
    return values_of(encodings, torch.cat(outputs), windows), torch.cat(losses).numpy()


def drawn_together(datamodule: TimeSeries, windows: SeriesWindows) -> NDArray[np.int64]:
    """(N,) number of the item of each test window: what a bootstrap draws as one.

    All series of a moment are one item, as they share its shocks, and moments are drawn in runs (Goncalves,
    Econometric Theory 2011); of more series than moments each series is one item.
    """
    tables = [table.order for table in datamodule.tables("test")]
    places = zip(windows.table.tolist(), windows.first_rows.tolist(), strict=True)
    moments, by_moment = np.unique([tables[number][row] for number, row in places], return_inverse=True)
    return windows.table if len(tables) > len(moments) else by_moment


class DrawnForecasts:
    """M forecasts of S series, each as often as its item was drawn in R resamples.

    Args:
        weights: (R, I), how often each item counts.
        items, series: (M,) of each forecast.
    """

    def __init__(
        self,
        weights: NDArray[np.int64],
        items: NDArray[np.int64],
        series: NDArray[np.int64],
        scales: NDArray[np.float64],
    ) -> None:
        self.weights, self.places, self.scales = weights, (items, series), scales
        self.counts = self.sums(np.ones(len(items)))

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(R, S) sums of (M,) values."""
        from scipy.sparse import csc_array

        shape = (self.weights.shape[1], len(self.scales))
        total: NDArray[np.float64] = self.weights @ csc_array((values, self.places), shape=shape)
        return total

    def mean(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(R,) means of (M,) values."""
        return self.sums(values).sum(axis=1) / np.maximum(self.counts.sum(axis=1), 1)

    def figures(
        self, error: NDArray[np.float64], of_last: NDArray[np.float64]
    ) -> dict[str, NDArray[np.float64]]:
        """(R,) mae, mase and skill as ``figures_of`` gives them; NaN where undefined.

        Args:
            error, of_last: (M,) mean absolute error of each forecast, and of the last value.
        """
        own, naive = self.mean(error), self.mean(of_last)
        found = {"mae": own}
        with np.errstate(divide="ignore", invalid="ignore"):
            mase, mase_of_last = (self.sums(each) / self.counts / self.scales for each in (error, of_last))
            defined = np.isfinite(mase)
            own_mase = np.where(defined, mase, 0).sum(axis=1)
            found["mase"] = own_mase / defined.sum(axis=1)
            if len(self.scales) > 1:
                own, naive = own_mase, np.nansum(mase_of_last, axis=1)
            found["skill"] = 1 - own / naive
        return found


def forecast_dates(datamodule: TimeSeries, windows: SeriesWindows) -> tuple[tuple[str, ...], ...] | None:
    """(M, H) the times that are forecast; None where the data has none."""
    dates = [table.dates for table in datamodule.tables("test")]
    if None in dates:
        return None
    found = []
    for number, row in zip(windows.table.tolist(), windows.first_rows.tolist(), strict=True):
        found += [(dates[number] or ())[row : row + datamodule.horizon]] * windows.num_targets
    return tuple(found)


def naive_forecasts(datamodule: TimeSeries, windows: SeriesWindows) -> dict[str, NaiveForecast]:
    """Forecasts of the test windows by name.

    ``last_value``: all stays as it is. ``seasonal_naive``: each step is as it was one season before, of
    seasons that are known. ``drift``: it changes by the mean change of the training part, as
    log-returns where the target is one. Between them what the data itself knows.
    """
    tables, ends = datamodule.tables("test"), datamodule.train_ends()
    last = np.repeat(windows.last.reshape(-1, 1), windows.truth.shape[1], axis=1)
    found = {LAST_VALUE: NaiveForecast("last value", last)}
    if datamodule.season is not None:
        note = f"as it was {datamodule.season} {datamodule.noun} before, of the last season that is known"
        values = seasonal_naive(tables, windows, datamodule.encoding.targets, datamodule.season)
        found[SEASONAL] = NaiveForecast("seasonal naive", values, ("seasonal naive", note))
    found |= datamodule.other_forecasts(windows)
    values = drift(tables, ends, windows, datamodule.encoding)
    return found | {DRIFT: NaiveForecast("mean training change", values)}


def seasonal_naive(
    tables: list[SeriesTable], windows: SeriesWindows, targets: tuple[str, ...], season: int
) -> NDArray[np.float64]:
    """(M, H) the value of the same step of the last season that is known before each window."""
    horizon = windows.truth.shape[1]
    back = np.arange(horizon) % season - season  # from the first step that is forecast
    found = np.empty((len(windows), len(targets), horizon))
    for number, table in enumerate(tables):
        of_table = windows.table == number
        rows = windows.first_rows[of_table][:, None] + back
        for place, target in enumerate(targets):
            found[of_table, place] = table.column(target)[rows]
    return found.reshape(-1, horizon)


def drift(
    tables: list[SeriesTable], train_ends: list[int], windows: SeriesWindows, encoding: SeriesEncoding
) -> NDArray[np.float64]:
    """(M, H) the last value, changed step by step by the mean change of the series' training part."""
    kind = "difference" if encoding.target_transform == "level" else encoding.target_transform
    parts = zip(tables, train_ends, strict=True)
    trains = [table.column(target)[:end] for table, end in parts for target in encoding.targets]
    changes = np.array([target_of(train[1:, None], train[:-1], kind).mean() for train in trains])  # (S,)
    steps = np.arange(1, windows.truth.shape[1] + 1)
    outputs = changes[windows.series][:, None] * steps
    return value_of(outputs[..., None], windows.last.ravel(), kind)[..., 0]
