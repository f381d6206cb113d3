"""``seqlab predict`` for forecasting models: a CSV of series in, the steps that follow out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from seqlab.data.series_encoding import SeriesEncoding
from seqlab.data.series_files import SeriesFile, read_series
from seqlab.data.series_table import SeriesTable
from seqlab.data.stock_files import read_prices
from seqlab.errors import UserError
from seqlab.tasks.regression import Regression

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
NAMED = 6  # series that a message names


def predict_prices(task: Regression, baggage: dict[str, Any], path: Path) -> pd.DataFrame:
    """One row per target and step ahead, in the series' own unit, as the data of the training says.

    Prices: for every known day; the last rows are the real future. ``last_date`` (``last_line`` of a file
    without dates) is the last day that the forecast knows, ``step`` the days after it. Series: the steps
    after the last known one, for each series of the file. ``lower`` and ``upper`` are the outermost
    quantiles, where the network has them.

    Args:
        path: a file as ``data.path`` takes it; column names, order and missing numbers are handled as the
            training data's were.

    Raises:
        UserError: a file that cannot be read, lacks a column, is shorter than a window or ends its known
            columns too early.
    """
    readers = {"prices": _from_prices, "series": _from_series}
    return readers[baggage["data"].get("reads", "prices")](task, baggage["data"], path)


def _from_prices(task: Regression, data: dict[str, Any], path: Path) -> pd.DataFrame:
    encoding = SeriesEncoding.from_state(data["encoding"])
    wanted = list(dict.fromkeys([*encoding.features, *encoding.targets]))
    table = read_prices(path, wanted, **data["reading"])
    encoding.check_length(table, encoding.history, "to forecast from")
    return _forecasts(task, encoding, table, 0)


def _from_series(task: Regression, data: dict[str, Any], path: Path) -> pd.DataFrame:
    import pandas as pd

    file = read_series(path, **data["reading"])
    for notice in file.notices:
        log.warning("note: %s", notice)
    parts, unknown = [], []
    _check_known(file, SeriesEncoding.from_state(data["encoding"]))
    for table in file.tables:
        encoding, is_known = _encoding_of(table, file, data)
        unknown += [] if is_known else [table.name]
        encoding.check_length(table, encoding.history, "to forecast from", file.grid.noun)
        rows = _forecasts(task, encoding, table, len(table))
        dates = file.grid.after(int(table.order[-1]), encoding.horizon)
        rows.insert(rows.columns.get_loc("step") + 1, "date", dates * len(encoding.targets))
        if table.name:
            rows.insert(0, "series", table.name)
        parts.append(rows)
    if unknown:
        log.warning(
            "note: training knew %s: their scales are those of the rows in %s", _named(unknown, "not"), path
        )
    return pd.concat(parts, ignore_index=True)


def _encoding_of(table: SeriesTable, file: SeriesFile, data: dict[str, Any]) -> tuple[SeriesEncoding, bool]:
    """The encoding of a series, by the scales of its training part; of a new series, by its own rows."""
    encoding = SeriesEncoding.from_state(data["encoding"])
    by_name = data.get("series", {})
    if table.name in by_name:
        return encoding.with_scales(by_name[table.name]), True
    if not by_name and len(file.tables) == 1:
        return encoding, True
    encoding.check_length(table, encoding.history + encoding.horizon, "for scales of its own", file.grid.noun)
    return encoding.fit(table, 0, len(table), data["scaling"]), False


def _check_known(file: SeriesFile, encoding: SeriesEncoding) -> None:
    """Raise UserError where the known columns of a series do not reach over the horizon."""
    there = {
        table.name: 0 if table.future is None else len(table.future)
        for table in file.tables
        if encoding.known
    }
    short = {name: count for name, count in there.items() if count < encoding.horizon}
    if not short:
        return
    whose = "" if not any(short) else f" (series {_named(list(short), '')})"
    columns, targets = ", ".join(encoding.known), " or ".join(encoding.targets)
    raise UserError(
        f"{file.tables[0].source}: {min(short.values())} whole rows of {columns} follow the last known "
        f"{targets}{whose}, the forecast needs {encoding.horizon}: add rows with their times and "
        f"{columns}, without a gap, and leave the target empty"
    )


def _named(names: list[str], word: str) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{word} {', '.join(names[:NAMED])}{more}".strip()


@torch.inference_mode()
def _forecasts(task: Regression, encoding: SeriesEncoding, table: SeriesTable, first: int) -> pd.DataFrame:
    """Forecasts from row ``first`` of a table on, to the one after its last."""
    import pandas as pd

    windows = encoding.windows(table, first, len(table) + 1, future_known=False)
    outputs = task.network(torch.from_numpy(windows.inputs), torch.from_numpy(windows.known))
    values = encoding.values(outputs, windows.last)  # (N * Y, H, Q)
    forecasts, horizon, levels = values.shape
    known = np.repeat(windows.first_rows - 1, windows.num_targets)
    last = table.lines[known] if table.dates is None else np.array(table.dates, dtype=object)[known]
    rows: dict[str, Any] = {
        "last_line" if table.dates is None else "last_date": np.repeat(last, horizon),
        "step": np.tile(np.arange(1, horizon + 1), forecasts),
    }
    if windows.num_targets > 1:
        rows["target"] = np.tile(np.repeat(encoding.targets, horizon), len(windows))
    rows["forecast"] = values[..., task.network.middle].ravel()
    if levels > 1:
        rows |= {"lower": values[..., 0].ravel(), "upper": values[..., -1].ravel()}
    return pd.DataFrame(rows)
