"""How a forecasting model is judged: errors in the series' own unit beside forecasts that need no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.batches import SeriesBatch
from seqlab.data.new_series import Part, read_new_series
from seqlab.data.series_encoding import SeriesWindows, joined
from seqlab.data.series_module import SeriesModule
from seqlab.evaluation.backtest import FoldFigures, backtest
from seqlab.evaluation.base import Contents, Evaluation, NothingFitted
from seqlab.evaluation.forecasting_figures import (
    all_figures,
    baseline_forecasts,
    figures_of,
    forecast_dates,
    forecast_windows,
    mase_by_series,
    middle,
)
from seqlab.evaluation.forecasting_report import FLATTERED, ForecastingOutcome, forecasting_sections
from seqlab.report.page import Section
from seqlab.results.outcome import Curves, prefixed
from seqlab.tasks.regression import Regression

if TYPE_CHECKING:
    import pandas as pd


class ForecastingEvaluation(Evaluation):
    """Judges a Regression on series; nothing is fitted."""

    def fit(self, task: Regression, datamodule: SeriesModule) -> tuple[NothingFitted, dict[str, float]]:
        """Figures of the validation part, as ``val/...``."""
        windows = datamodule.windows("val")
        values, loss = forecast_windows(task, datamodule, windows, datamodule.encodings)
        figures = all_figures(values, windows, task.network.quantiles, datamodule.naive_errors())
        return NothingFitted(), prefixed("val", {"loss": loss} | figures)

    def test(self, task: Regression, datamodule: SeriesModule, judge: NothingFitted) -> ForecastingOutcome:
        """Measure on the test part; then, where folds are asked for, walk through it."""
        windows, scales = datamodule.windows("test"), datamodule.naive_errors()
        quantiles = task.network.quantiles
        values, loss = forecast_windows(task, datamodule, windows, datamodule.encodings)
        forecast = middle(values, quantiles)
        metrics = prefixed("test", {"loss": loss} | all_figures(values, windows, quantiles, scales))
        baselines = baseline_forecasts(datamodule, windows)
        for name, baseline in baselines.items():
            figures = figures_of(baseline.values, windows.truth, windows.last, windows.series, scales)
            metrics |= prefixed(f"baseline/{name}", figures)
        if datamodule.horizon > 1:
            metrics |= by_step("test", forecast, windows, scales)
            for name, baseline in baselines.items():
                metrics |= by_step(f"baseline/{name}", baseline.values, windows, scales)
        flattered, by_itself = None, datamodule.test_scaled_by_itself()
        if by_itself is not None:
            encodings, its_windows = by_itself
            flattered, _ = forecast_windows(task, datamodule, its_windows, encodings)
            figures = all_figures(flattered, its_windows, quantiles, scales)
            metrics |= prefixed(f"oracle/{FLATTERED}", figures)
        folds = backtest(task, datamodule)
        metrics |= fold_metrics(folds)
        return ForecastingOutcome(
            targets=datamodule.encodings[0].targets,
            noun=datamodule.noun,
            season=datamodule.season,
            names=datamodule.names,
            quantiles=quantiles,
            windows=windows,
            dates=forecast_dates(datamodule, windows),
            values=values,
            baselines=baselines,
            mase=mase_by_series(forecast, windows.truth, windows.series, scales),
            scales=scales,
            metrics=metrics,
            folds=folds,
            flattered=flattered,
        )

    def predict(self, task: Regression, contents: Contents, path: Path) -> pd.DataFrame:
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

        rows = [_forecasts(task, part) for part in read_new_series(contents.data, path)]
        return pd.concat(rows, ignore_index=True)

    def encoder(self, contents: Contents) -> Callable[[Any], SeriesBatch]:
        """A file to a batch of the windows that ``predict`` forecasts from; its targets are (B, 0)."""

        def encode(items: Any) -> SeriesBatch:
            windows = joined([part.windows() for part in read_new_series(contents.data, Path(items))])
            return SeriesBatch(*(torch.from_numpy(getattr(windows, name)) for name in SeriesBatch._fields))

        return encode

    def sections(
        self, task: Regression, datamodule: SeriesModule, outcome: ForecastingOutcome, curves: Curves
    ) -> list[Section]:
        return forecasting_sections(outcome)


def by_step(
    prefix: str, forecast: NDArray[np.float64], windows: SeriesWindows, scales: NDArray[np.float64]
) -> dict[str, float]:
    """mae, and mase and skill where defined, of each step ahead: ``<prefix>/step_1/mae``."""
    found: dict[str, float] = {}
    for step in range(forecast.shape[1]):
        part = slice(step, step + 1)
        truth = windows.truth[:, part]
        figures = figures_of(forecast[:, part], truth, windows.last, windows.series, scales)
        for name in ("mae", "mase", "skill"):
            if name in figures:
                found[f"{prefix}/step_{step + 1}/{name}"] = figures[name]
    return found


def fold_metrics(folds: list[FoldFigures]) -> dict[str, float]:
    """``backtest/fold_1/...`` and the plain mean over folds that have a figure, ``backtest/mean/...``."""
    found: dict[str, float] = {}
    for number, fold in enumerate(folds, start=1):
        found |= {f"backtest/fold_{number}/{name}": value for name, value in fold.figures.items()}
    for name in dict.fromkeys(name for fold in folds for name in fold.figures):
        values = [fold.figures[name] for fold in folds if name in fold.figures]
        found[f"backtest/mean/{name}"] = float(np.mean(values))
    return found


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
