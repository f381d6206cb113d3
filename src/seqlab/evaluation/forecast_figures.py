"""Figures of forecasts in the price's own unit, and the forecasts that need no network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqlab.data.price_changes import price_of, target_of
from seqlab.data.series_encoding import SeriesEncoding, SeriesWindows
from seqlab.data.stock_files import PriceTable

LAST_VALUE, OPEN_PRICE, DRIFT = "last_value", "open_price", "drift"
BASELINE_ROWS = {
    LAST_VALUE: "last value",
    OPEN_PRICE: "open price (knows that day)",
    DRIFT: "mean training change",
}
SKILL_MEANS = (
    "1 - MAE / MAE of the last value: above 0 the model's forecasts are nearer to what came than the "
    "forecast that tomorrow is as today, at 0 they are no better, below 0 they are worse"
)

SKILL_UNDEFINED = (
    "undefined, 0 / 0: the price never changes over these days, so the last value makes no error to compare "
    "with"
)


def point_figures(
    forecast: NDArray[np.float64], truth: NDArray[np.float64], last: NDArray[np.float64]
) -> dict[str, float]:
    """mae and rmse over (N, H) forecasts in the unit of the price, and skill against the last value.

    No skill where the last value makes no error: nothing divided by nothing, or infinitely worse.
    """
    error = np.abs(forecast - truth)
    reference = np.abs(last[:, None] - truth).mean()
    mae = error.mean()
    figures = {"mae": float(mae), "rmse": float(np.sqrt((error**2).mean()))}
    return figures | ({"skill": float(1 - mae / reference)} if reference else {})


def interval_name(quantiles: tuple[float, ...]) -> str:
    """How much the outermost levels enclose, in percent: 80 for 0.1 and 0.9."""
    return f"{100 * (quantiles[-1] - quantiles[0]):.6g}"


def interval_figures(
    prices: NDArray[np.float64], truth: NDArray[np.float64], quantiles: tuple[float, ...]
) -> dict[str, float]:
    """Share of days inside the outermost levels of (N, H, Q) forecasts, and how far apart these are.

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


def baseline_forecasts(
    table: PriceTable, encoding: SeriesEncoding, windows: SeriesWindows, train_end: int
) -> dict[str, NDArray[np.float64]]:
    """(N, H) forecasts by name.

    ``last_value``: all stays as it is. ``drift``: it changes by the mean change of the training days (rows
    before ``train_end``), as log-returns where the target is one. ``open_price``: each day closes as it
    opened; it knows the day's open, which the model does not. Left out without an Open column, and where
    Open is the target.
    """
    steps = np.arange(windows.truth.shape[1])
    last = windows.last[:, None]
    found = {LAST_VALUE: np.repeat(last, len(steps), axis=1)}
    if table.has("Open") and encoding.target.lower() != "open":
        found[OPEN_PRICE] = table.column("Open")[windows.first_rows[:, None] + steps]
    kind = "difference" if encoding.target_transform == "level" else encoding.target_transform
    train = table.column(encoding.target)[:train_end]
    change = target_of(train[1:, None], train[:-1], kind).mean()
    changes = np.broadcast_to(change * (steps + 1), found[LAST_VALUE].shape)
    found[DRIFT] = price_of(changes[..., None], windows.last, kind)[..., 0]
    return found
