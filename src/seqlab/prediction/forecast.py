"""``seqlab predict`` for forecasting models: a CSV of series in, the steps that follow out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from seqlab.data.batches import SeriesBatch
from seqlab.data.series_encoding import SeriesEncoding, SeriesWindows, joined
from seqlab.data.series_files import SeriesFile, read_series
from seqlab.data.series_table import SeriesTable
from seqlab.data.stock import read_prices
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
    import pandas as pd

    rows = [_forecasts(task, part) for part in _read(baggage["data"], path)]
    return pd.concat(rows, ignore_index=True)


def encoder(baggage: dict[str, Any]) -> Callable[[Any], SeriesBatch]:
    """A file to a batch of the windows that ``predict_prices`` forecasts from; its targets are (B, 0).

    Args:
        baggage: of the checkpoint; see ``load_task``.
    """

    def encode(items: Any) -> SeriesBatch:
        windows = joined([part.windows() for part in _read(baggage["data"], Path(items))])
        return SeriesBatch(*(torch.from_numpy(getattr(windows, name)) for name in SeriesBatch._fields))

    return encode


class Part(NamedTuple):
    """A table to forecast from."""

    encoding: SeriesEncoding
    table: SeriesTable
    first: int  # row of the first step to forecast; the last is the one after the table's end
    dates: list[str] | None  # of the steps after its end, where those alone are forecast

    def windows(self) -> SeriesWindows:
        return self.encoding.windows(self.table, self.first, len(self.table) + 1, future_known=False)


def _read(data: dict[str, Any], path: Path) -> list[Part]:
    readers = {"prices": _prices, "series": _series}
    return readers[data.get("reads", "prices")](data, path)


def _prices(data: dict[str, Any], path: Path) -> list[Part]:
    encoding = SeriesEncoding.from_state(data["encoding"])
    wanted = list(dict.fromkeys([*encoding.features, *encoding.targets]))
    table = read_prices(path, wanted, **data["reading"])
    encoding.check_length(table, encoding.history, "to forecast from")
    return [Part(encoding, table, 0, None)]


def _series(data: dict[str, Any], path: Path) -> list[Part]:
    file = read_series(path, **data["reading"])
    for notice in file.notices:
        log.warning("note: %s", notice)
    parts, unknown = [], []
    _check_known(file, SeriesEncoding.from_state(data["encoding"]))
    for table in file.tables:
        encoding, is_known = _encoding_of(table, file, data)
        unknown += [] if is_known else [table.name]
        encoding.check_length(table, encoding.history, "to forecast from", file.grid.noun)
        dates = file.grid.after(int(table.order[-1]), encoding.horizon)
        parts.append(Part(encoding, table, len(table), dates))
    if unknown:
        log.warning(
            "note: training knew %s: their scales are those of the rows in %s", _named(unknown, "not"), path
        )
    return parts


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
def _forecasts(task: Regression, part: Part) -> pd.DataFrame:
    import pandas as pd

    encoding, table, windows = part.encoding, part.table, part.windows()
    outputs = task.network(torch.from_numpy(windows.inputs), torch.from_numpy(windows.known))
    values = encoding.values(outputs, windows.last)  # (N * Y, H, Q)
    forecasts, horizon, levels = values.shape
    known = np.repeat(windows.first_rows - 1, windows.num_targets)
    last = table.lines[known] if table.dates is None else np.array(table.dates, dtype=object)[known]
    rows: dict[str, Any] = {"series": table.name} if part.dates and table.name else {}
    rows |= {
        "last_line" if table.dates is None else "last_date": np.repeat(last, horizon),
        "step": np.tile(np.arange(1, horizon + 1), forecasts),
    }
    if part.dates is not None:
        rows["date"] = part.dates * len(encoding.targets)
    if windows.num_targets > 1:
        rows["target"] = np.tile(np.repeat(encoding.targets, horizon), len(windows))
    rows["forecast"] = values[..., task.network.middle].ravel()
    if levels > 1:
        rows |= {"lower": values[..., 0].ravel(), "upper": values[..., -1].ravel()}
    return pd.DataFrame(rows)
