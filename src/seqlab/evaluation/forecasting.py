"""How a forecasting model is judged: errors in the series' own unit beside forecasts that need no network."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from seqlab.data.batches import SeriesBatch
from seqlab.data.csv_files import shown_names
from seqlab.data.series import TimeSeries
from seqlab.data.series_encoding import SeriesEncoding, SeriesWindows, joined
from seqlab.data.series_files import SeriesFile, choose_columns, read_series
from seqlab.data.series_table import SeriesTable
from seqlab.errors import UserError
from seqlab.evaluation.backtest import backtest, fold_metrics
from seqlab.evaluation.base import Contents, Evaluation, NothingFitted
from seqlab.evaluation.forecasting_figures import (
    all_figures,
    by_step,
    drawn_together,
    figures_of,
    forecast_dates,
    forecast_windows,
    mase_by_series,
    middle,
    naive_forecasts,
)
from seqlab.evaluation.forecasting_report import FLATTERED, ForecastingOutcome, forecasting_sections
from seqlab.report.page import Section
from seqlab.results.outcome import Curves, prefixed
from seqlab.tasks.regression import Regression

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


class ForecastingEvaluation(Evaluation):
    """Judges a Regression on series; nothing is fitted."""

    def fit(self, task: Regression, datamodule: TimeSeries) -> tuple[NothingFitted, dict[str, float]]:
        """Figures of the validation part, as ``val/...``."""
        windows = datamodule.windows("val")
        values, loss = forecast_windows(task, datamodule, windows, datamodule.encodings)
        figures = all_figures(values, windows, task.network.quantiles, datamodule.naive_errors())
        return NothingFitted(), prefixed("val", {"loss": float(loss.mean())} | figures)

    def test(self, task: Regression, datamodule: TimeSeries, judge: NothingFitted) -> ForecastingOutcome:
        """Measure on the test part; then, where folds are asked for, walk through it."""
        windows, scales = datamodule.windows("test"), datamodule.naive_errors()
        quantiles = task.network.quantiles
        values, loss = forecast_windows(task, datamodule, windows, datamodule.encodings)
        forecast = middle(values, quantiles)
        metrics = prefixed(
            "test", {"loss": float(loss.mean())} | all_figures(values, windows, quantiles, scales)
        )
        naive = naive_forecasts(datamodule, windows)
        for name, (_, its_values, _) in naive.items():
            figures = figures_of(its_values, windows.truth, windows.last.ravel(), windows.series, scales)
            metrics |= prefixed(f"baseline/{name}", figures)
        if datamodule.horizon > 1:
            metrics |= prefixed("test", by_step(forecast, windows, scales))
            for name, (_, its_values, _) in naive.items():
                metrics |= prefixed(f"baseline/{name}", by_step(its_values, windows, scales))
        by_itself = datamodule.test_scaled_by_itself()
        if by_itself is not None:
            flattered, _ = forecast_windows(task, datamodule, by_itself[1], by_itself[0])
            figures = all_figures(flattered, by_itself[1], quantiles, scales)
            metrics |= prefixed(f"oracle/{FLATTERED}", figures)
        folds = backtest(task, datamodule)
        return ForecastingOutcome(
            targets=datamodule.encoding.targets,
            noun=datamodule.noun,
            season=datamodule.season,
            names=datamodule.names,
            quantiles=quantiles,
            windows=windows,
            dates=forecast_dates(datamodule, windows),
            values=values,
            items=drawn_together(datamodule, windows),
            losses=loss,
            baselines=naive,
            mase=mase_by_series(forecast, windows.truth, windows.series, scales),
            scales=scales,
            metrics=metrics | fold_metrics(folds),
            folds=folds,
        )

    def predict(self, task: Regression, contents: Contents, path: Path) -> pd.DataFrame:
        """One row per target and step ahead, in the series' own unit, as the data of the training says.

        Prices: for every known day; the last rows are the real future. ``last_date`` (``last_line`` of a file
        without dates) is the last day that the forecast knows, ``step`` the days after it. Series: the steps
        after the last known one, for each series of the file. ``lower`` and ``upper`` are the outermost
        quantiles, where the network has them.

        Raises:
            UserError: a file that cannot be read, lacks a column, is shorter than a window or ends its known
                columns too early.
        """
        import pandas as pd

        rows = [_forecasts(task, part) for part in read_new_series(contents.data, path)]
        return pd.concat(rows, ignore_index=True)

    def encoder(self, contents: Contents) -> Callable[[Any], SeriesBatch]:
        """A file to a batch of the windows that ``predict`` forecasts from; its targets are (B, 0)."""

        def encode(items: Any) -> SeriesBatch:
            windows = joined([part.windows() for part in read_new_series(contents.data, Path(items))])
            return SeriesBatch(*(torch.from_numpy(getattr(windows, name)) for name in SeriesBatch._fields))

        return encode

    def sections(
        self, task: Regression, datamodule: TimeSeries, outcome: ForecastingOutcome, curves: Curves
    ) -> list[Section]:
        return forecasting_sections(outcome)


class NewSeries(NamedTuple):
    """A table to forecast from."""

    encoding: SeriesEncoding
    table: SeriesTable
    first: int  # row of the first step to forecast; the last is the one after the table's end
    dates: list[str] | None  # of the steps after its end, where those alone are forecast

    def windows(self) -> SeriesWindows:
        return self.encoding.windows(self.table, self.first, len(self.table) + 1, future_known=False)


def read_new_series(data: dict[str, Any], path: Path) -> list[NewSeries]:
    """The tables of a file, read as the training data was, each with the scales of its training part.

    A series that training lacked has the scales of its own rows.

    Args:
        data: what a checkpoint says of its data.
    """
    encoding = SeriesEncoding.from_state(data["encoding"])
    scales, rolls = data["series"], data["rolls"]
    file = read_series(path, partial(choose_columns, **data["columns"]), **data["reading"])
    grid, parts, unknown = file.grid, [], []
    for notice in [] if rolls else file.notices:
        log.warning("note: %s", notice)
    _check_known(file, encoding)
    for table in file.tables:
        own = encoding
        if table.name in scales:
            own = encoding.with_scales(scales[table.name])
        elif scales or len(file.tables) > 1:
            own.check_length(table, own.history + own.horizon, "for scales of its own", grid.noun)
            own = encoding.fit(table, 0, len(table), data["scaling"])
            unknown.append(table.name)
        own.check_length(table, own.history, "to forecast from", grid.noun)
        ahead = [grid.text(moment) for moment in grid.ahead(int(table.order[-1]), own.horizon)]
        parts.append(NewSeries(own, table, 0 if rolls else len(table), None if rolls else ahead))
    if unknown:
        log.warning(
            "note: training knew not %s: their scales are those of the rows in %s", shown_names(unknown), path
        )
    return parts


def _check_known(file: SeriesFile, encoding: SeriesEncoding) -> None:
    """Raise UserError where the known columns of a series do not reach over the horizon."""
    there = {table.name: 0 if table.future is None else len(table.future) for table in file.tables}
    short = {name: count for name, count in there.items() if count < encoding.horizon}
    if encoding.known and short:
        whose = f" (series {shown_names(list(short))})" if any(short) else ""
        columns, targets = ", ".join(encoding.known), " or ".join(encoding.targets)
        raise UserError(
            f"{file.tables[0].source}: {min(short.values())} whole rows of {columns} follow the last known "
            f"{targets}{whose}, the forecast needs {encoding.horizon}: add rows with their times and "
            f"{columns}, without a gap, and leave the target empty"
        )


@torch.inference_mode()
def _forecasts(task: Regression, part: NewSeries) -> pd.DataFrame:
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
