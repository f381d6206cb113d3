"""Forecasts of a split, by a network and without one; their figures in the series' own unit, and MASE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.scaling import price_of, target_of
from seqlab.data.series_encoding import SeriesEncoding, SeriesWindows, values_of
from seqlab.data.series_module import SeriesModule
from seqlab.data.series_table import SeriesTable
from seqlab.tasks.regression import Regression


def point_figures(
    forecast: NDArray[np.float64], truth: NDArray[np.float64], last: NDArray[np.float64]
) -> dict[str, float]:
    """mae and rmse over (N, H) forecasts in the series' own unit, and skill against the last value.

    No skill where the last value makes no error: nothing divided by nothing, or infinitely worse.
    """
    error = np.abs(forecast - truth)
    reference = np.abs(last[:, None] - truth).mean()
    mae = error.mean()
    figures = {"mae": float(mae), "rmse": float(np.sqrt((error**2).mean()))}
    return figures | ({"skill": float(1 - mae / reference)} if reference else {})


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
    """mae and rmse over all forecasts, mase as the mean over series, and skill against the last value.

    Of several series skill is that of their MASE: their own units may differ. What is undefined is left out.
    """
    figures = point_figures(forecast, truth, last)
    mase = mase_by_series(forecast, truth, series, scales)
    if np.isfinite(mase).any():
        figures["mase"] = float(np.nanmean(mase))
    if len(scales) == 1:
        return figures
    figures.pop("skill", None)
    reference = mase_by_series(np.broadcast_to(last[:, None], truth.shape), truth, series, scales)
    if "mase" in figures and np.nansum(reference):
        figures["skill"] = float(1 - np.nansum(mase) / np.nansum(reference))
    return figures


def interval_name(quantiles: tuple[float, ...]) -> str:
    """How much the outermost levels enclose, in percent: 80 for 0.1 and 0.9."""
    return f"{100 * (quantiles[-1] - quantiles[0]):.6g}"


def interval_figures(
    prices: NDArray[np.float64], truth: NDArray[np.float64], quantiles: tuple[float, ...]
) -> dict[str, float]:
    """Share of steps inside the outermost levels of (N, H, Q) forecasts, and how far apart these are.

    Nothing where there are fewer than two levels.
    """
    if len(quantiles) < 2:
        return {}
    low, high = prices[..., 0], prices[..., -1]
    name = interval_name(quantiles)
    return {
        f"coverage_{name}": float(((low <= truth) & (truth <= high)).mean()),
        f"interval_width_{name}": float((high - low).mean()),
    }


def middle(values: NDArray[np.float64], quantiles: tuple[float, ...]) -> NDArray[np.float64]:
    """(M, H) the median of (M, H, Q) levels, or the one number of a network without quantiles."""
    return values[..., quantiles.index(0.5) if quantiles else 0]


@torch.inference_mode()
def forecast_windows(
    task: Regression,
    datamodule: SeriesModule,
    windows: SeriesWindows,
    encodings: Sequence[SeriesEncoding],
) -> tuple[NDArray[np.float64], float]:
    """(N * Y, H, Q) forecasts in the series' own unit, and the mean loss on the network's scale."""
    task.eval()
    device = next(task.parameters()).device
    outputs, total, count = [], 0.0, 0.0
    for batch in datamodule.loader(windows):
        there = type(batch)(*(field.to(device) for field in batch))
        forecasts = task.predict_step(there)
        outputs.append(forecasts.cpu())
        losses = task.losses_of(forecasts[None], there)
        total, count = total + float(losses.nll), count + float(losses.num_units)
    return values_of(encodings, torch.cat(outputs), windows), total / count


def all_figures(
    values: NDArray[np.float64],
    windows: SeriesWindows,
    quantiles: tuple[float, ...],
    scales: NDArray[np.float64],
) -> dict[str, float]:
    """mae, rmse, mase, skill (where defined) over all forecasts, and coverage and width of the interval."""
    point = figures_of(middle(values, quantiles), windows.truth, windows.last, windows.series, scales)
    return point | interval_figures(values, windows.truth, quantiles)


def forecast_dates(datamodule: SeriesModule, windows: SeriesWindows) -> tuple[tuple[str, ...], ...] | None:
    """(N * Y, H) the times that are forecast; None where the data has none."""
    dates = [table.dates for table in datamodule.tables("test")]
    found = []
    for number, row in zip(windows.table.tolist(), windows.first_rows.tolist(), strict=True):
        written = dates[number]
        if written is None:
            return None
        found += [written[row : row + datamodule.horizon]] * windows.num_targets
    return tuple(found)


# Forecasts that need no network.

LAST_VALUE, SEASONAL, DRIFT = "last_value", "seasonal_naive", "drift"


class Baseline(NamedTuple):
    """Forecasts to compare with."""

    label: str
    values: NDArray[np.float64]  # (N * Y, H)
    note: tuple[str, str] | None = None  # what to know of it


def baseline_forecasts(datamodule: SeriesModule, windows: SeriesWindows) -> dict[str, Baseline]:
    """Forecasts of the test windows by name.

    ``last_value``: all stays as it is. ``seasonal_naive``: each step is as it was one season before, of
    seasons that are known. ``drift``: it changes by the mean change of the training part, as
    log-returns where the target is one. Between them what the data itself knows.
    """
    tables, ends = datamodule.tables("test"), datamodule.train_ends()
    last = np.repeat(windows.last[:, None], windows.truth.shape[1], axis=1)
    found = {LAST_VALUE: Baseline("last value", last)}
    if datamodule.season is not None:
        note = f"as it was {datamodule.season} {datamodule.noun} before, of the last season that is known"
        values = seasonal_naive(tables, windows, datamodule.encodings[0].targets, datamodule.season)
        found[SEASONAL] = Baseline("seasonal naive", values, ("seasonal naive", note))
    found |= {name: Baseline(*other) for name, other in datamodule.other_forecasts(windows).items()}
    found[DRIFT] = Baseline("mean training change", drift(tables, ends, windows, datamodule.encodings[0]))
    return found


def seasonal_naive(
    tables: list[SeriesTable], windows: SeriesWindows, targets: tuple[str, ...], season: int
) -> NDArray[np.float64]:
    """(N * Y, H) the value of the same step of the last season that is known before each window."""
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
    """(N * Y, H) the last value, changed step by step by the mean change of the series' training part."""
    kind = "difference" if encoding.target_transform == "level" else encoding.target_transform
    changes = np.empty(len(tables) * len(encoding.targets))
    for number, (table, end) in enumerate(zip(tables, train_ends, strict=True)):
        for place, target in enumerate(encoding.targets):
            train = table.column(target)[:end]
            change = target_of(train[1:, None], train[:-1], kind).mean()
            changes[number * len(encoding.targets) + place] = change
    steps = np.arange(1, windows.truth.shape[1] + 1)
    values = changes[windows.series][:, None] * steps
    return price_of(values[..., None], windows.last, kind)[..., 0]
