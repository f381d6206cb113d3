"""Daily prices for data=stock without a file: real ones from bokeh-sampledata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from seqlab.data.series_files import PRICES, CsvTable, SeriesFile, choose_columns
from seqlab.data.series_table import DATE, LINE, SeriesTable
from seqlab.data.time_grid import DAYS
from seqlab.errors import UserError

NOTICE = "no data.path was given: real daily prices of GOOG, 2004 to 2013, from bokeh-sampledata"
SOURCE = "sample of GOOG"


def sample_prices(num_days: int | None = None, **asked: Any) -> SeriesFile:
    """GOOG, its last ``num_days`` days or all.

    Args:
        asked: columns, as ``choose_columns`` takes them.

    Raises:
        UserError: a number of days below 2, or a column that the sample lacks.
    """
    from bokeh_sampledata.stocks import GOOG

    if num_days is not None and (not isinstance(num_days, int) or num_days < 2):
        raise UserError(f"data.sample.num_days={num_days}: give at least 2, or null")
    days = pd.DataFrame(GOOG).tail(num_days or len(GOOG["date"])).reset_index(drop=True)
    numbers = days[[name.lower() for name in PRICES]].astype(float)
    frame = numbers.assign(**{LINE: days.index + 1, DATE: days["date"].astype(str).str.slice(0, 10)})
    columns = choose_columns(CsvTable(Path(SOURCE), list(PRICES), numbers, []), set(), **asked)
    return SeriesFile([SeriesTable(SOURCE, frame)], columns, DAYS, [NOTICE])
