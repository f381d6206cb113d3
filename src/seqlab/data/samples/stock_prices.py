"""Daily prices for data=stock without a file: real ones from bokeh-sampledata."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqlab.data.series_files import PRICES
from seqlab.data.series_table import SeriesTable
from seqlab.errors import UserError

NOTICE = "no data.path was given: real daily prices of GOOG, 2004 to 2013, from bokeh-sampledata"


def sample_prices(num_days: int | None = None) -> SeriesTable:
    """GOOG, its last ``num_days`` days or all.

    Raises:
        UserError: a number of days below 2.
    """
    from bokeh_sampledata.stocks import GOOG

    if num_days is not None and (not isinstance(num_days, int) or num_days < 2):
        raise UserError(f"data.sample.num_days={num_days}: give at least 2, or null")
    columns: dict[str, Any] = dict(GOOG)
    values = np.stack([np.asarray(columns[name.lower()], dtype=np.float64) for name in PRICES], axis=1)
    table = SeriesTable(
        columns=PRICES,
        values=values,
        lines=np.arange(1, len(values) + 1),
        source="sample of GOOG",
        dates=tuple(str(date)[:10] for date in columns["date"]),
        notices=[NOTICE],
    )
    return table if num_days is None else table.take(slice(-num_days, None))
