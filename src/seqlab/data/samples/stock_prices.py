"""Daily prices for data=stock without a file: real ones from a package, else a seeded random walk."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqlab.data.series_files import PRICES
from seqlab.data.series_table import SeriesTable
from seqlab.errors import UserError

REAL_NOTICE = "no data.path was given: real daily prices of GOOG, 2004 to 2013, from bokeh-sampledata"
SYNTHETIC_NOTICE = (
    "no data.path was given and bokeh-sampledata is not installed: the prices are a seeded random walk, "
    "which no model can forecast"
)
DEFAULT_DAYS = 1000


def sample_prices(num_days: int | None = None, seed: int = 0) -> SeriesTable:
    """GOOG where bokeh-sampledata is installed, else a random walk; its notice says which.

    Args:
        num_days: the last so many days of GOOG (all without it), or the length of the walk.
        seed: of the walk.

    Raises:
        UserError: a number of days below 2.
    """
    if num_days is not None and (not isinstance(num_days, int) or num_days < 2):
        raise UserError(f"data.sample.num_days={num_days}: give at least 2, or null")
    try:
        from bokeh_sampledata.stocks import GOOG
    except ImportError:
        return random_walk(num_days or DEFAULT_DAYS, seed)
    columns: dict[str, Any] = dict(GOOG)
    values = np.stack([np.asarray(columns[name.lower()], dtype=np.float64) for name in PRICES], axis=1)
    table = SeriesTable(
        columns=PRICES,
        values=values,
        lines=np.arange(1, len(values) + 1),
        source="sample of GOOG",
        dates=tuple(str(date)[:10] for date in columns["date"]),
        notices=[REAL_NOTICE],
    )
    return table if num_days is None else table.take(slice(-num_days, None))


def random_walk(num_days: int, seed: int) -> SeriesTable:
    """Prices whose log-returns are independent and whose volume is larger on days of large ones."""
    rng = np.random.default_rng(seed)
    overnight, in_day = rng.normal(0, 0.006, num_days), rng.normal(0, 0.012, num_days)
    log_close = np.log(100.0) + np.cumsum(overnight + in_day)
    close, opening = np.exp(log_close), np.exp(log_close - in_day)
    spread = np.abs(rng.normal(0, 0.005, (2, num_days)))
    high = np.maximum(opening, close) * (1 + spread[0])
    low = np.minimum(opening, close) * (1 - spread[1])
    volume = np.round(1e6 * np.exp(rng.normal(0, 0.3, num_days) + 20 * np.abs(in_day)))
    return SeriesTable(
        columns=PRICES,
        values=np.stack([opening, high, low, close, volume], axis=1),
        lines=np.arange(1, num_days + 1),
        source="sample of a random walk",
        notices=[SYNTHETIC_NOTICE],
    )
