"""``seqlab predict`` for forecasting models: a CSV of prices in, the days that follow out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from seqlab.data.batches import SeriesBatch
from seqlab.data.series_encoding import SeriesEncoding, SeriesWindows
from seqlab.data.stock_files import PriceTable, read_prices
from seqlab.tasks.regression import Regression

if TYPE_CHECKING:
    import pandas as pd


@torch.inference_mode()
def predict_prices(task: Regression, baggage: dict[str, Any], path: Path) -> pd.DataFrame:
    """One row per known day and step ahead, in the unit of the price; the last rows are the real future.

    ``last_date`` (``last_line`` of a file without dates) is the last day that the forecast knows, ``step``
    the days after it. ``lower`` and ``upper`` are the outermost quantiles, where the network has them.

    Args:
        path: a file as ``data.path`` takes it; column names, order and missing numbers are handled as the
            training data's were.

    Raises:
        UserError: a file that cannot be read, lacks a column or is shorter than a window.
    """
    import pandas as pd

    encoding = SeriesEncoding.from_state(baggage["data"]["encoding"])
    table, windows = read_windows(encoding, baggage["data"], path)
    prices = encoding.prices(task.network(torch.from_numpy(windows.inputs)), windows.last)  # (N, H, Q)
    days, horizon, levels = prices.shape
    known = windows.first_rows - 1
    last = table.lines[known] if table.dates is None else np.array(table.dates, dtype=object)[known]
    rows: dict[str, Any] = {
        "last_line" if table.dates is None else "last_date": np.repeat(last, horizon),
        "step": np.tile(np.arange(1, horizon + 1), days),
        "forecast": prices[..., task.network.middle].ravel(),
    }
    if levels > 1:
        rows |= {"lower": prices[..., 0].ravel(), "upper": prices[..., -1].ravel()}
    return pd.DataFrame(rows)


def read_windows(
    encoding: SeriesEncoding, state: dict[str, Any], path: str | Path
) -> tuple[PriceTable, SeriesWindows]:
    """A file's prices, and every window of it; the last one ends with the last day.

    Raises:
        UserError: a file that cannot be read, lacks a column or is shorter than a window.
    """
    wanted = list(dict.fromkeys([*encoding.features, encoding.target]))
    table = read_prices(path, wanted, **state["reading"])
    encoding.check_length(table, encoding.history, "to forecast from")
    return table, encoding.windows(table, 0, len(table) + 1, future_known=False)


def encoder(baggage: dict[str, Any]) -> Callable[[Any], SeriesBatch]:
    """A file of prices to a batch of all its windows, oldest first; its targets are (B, 0).

    Args:
        baggage: of the checkpoint; see ``load_task``.
    """
    state = baggage["data"]
    encoding = SeriesEncoding.from_state(state["encoding"])

    def encode(items: Any) -> SeriesBatch:
        _, windows = read_windows(encoding, state, items)
        return SeriesBatch(torch.from_numpy(windows.inputs), torch.from_numpy(windows.targets))

    return encode
