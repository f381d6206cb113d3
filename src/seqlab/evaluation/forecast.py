"""How a forecasting model is judged: errors in the series' own unit beside forecasts that need no network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.series_encoding import SeriesEncoding, SeriesWindows, values_of
from seqlab.data.series_module import SeriesModule
from seqlab.evaluation.backtest import FoldFigures, backtest
from seqlab.evaluation.forecast_figures import figures_of, interval_figures, mase_by_series
from seqlab.evaluation.forecast_outcome import FLATTERED, ForecastOutcome, middle
from seqlab.evaluation.naive_forecasts import baseline_forecasts
from seqlab.evaluation.outcome import Evaluation, NothingFitted
from seqlab.tasks.regression import Regression


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
    figures = point_metrics(middle(values, quantiles), windows, scales)
    return figures | interval_figures(values, windows.truth, quantiles)


def point_metrics(
    forecast: NDArray[np.float64], windows: SeriesWindows, scales: NDArray[np.float64]
) -> dict[str, float]:
    """Figures of (N * Y, H) forecasts, see ``figures_of``."""
    return figures_of(forecast, windows.truth, windows.last, windows.series, scales)


class ForecastEvaluation(Evaluation):
    """Judges a Regression on series; nothing is fitted."""

    def fit(self, task: Regression, datamodule: SeriesModule) -> tuple[NothingFitted, dict[str, float]]:
        """Figures of the validation part, as ``val/...``."""
        windows = datamodule.windows("val")
        values, loss = forecast_windows(task, datamodule, windows, datamodule.encodings)
        figures = all_figures(values, windows, task.network.quantiles, datamodule.naive_errors())
        return NothingFitted(), {"val/loss": loss} | {f"val/{name}": value for name, value in figures.items()}

    def test(self, task: Regression, datamodule: SeriesModule, judge: NothingFitted) -> ForecastOutcome:
        """Measure on the test part; then, where folds are asked for, walk through it."""
        windows, scales = datamodule.windows("test"), datamodule.naive_errors()
        quantiles = task.network.quantiles
        values, loss = forecast_windows(task, datamodule, windows, datamodule.encodings)
        forecast = middle(values, quantiles)
        metrics = {"test/loss": loss}
        for name, figure in all_figures(values, windows, quantiles, scales).items():
            metrics[f"test/{name}"] = figure
        baselines = baseline_forecasts(datamodule, windows)
        for name, baseline in baselines.items():
            figures = point_metrics(baseline.values, windows, scales)
            metrics |= {f"baseline/{name}/{key}": figure for key, figure in figures.items()}
        if datamodule.horizon > 1:
            metrics |= by_step("test", forecast, windows, scales)
            for name, baseline in baselines.items():
                metrics |= by_step(f"baseline/{name}", baseline.values, windows, scales)
        flattered, by_itself = None, datamodule.test_scaled_by_itself()
        if by_itself is not None:
            encodings, its_windows = by_itself
            flattered, _ = forecast_windows(task, datamodule, its_windows, encodings)
            figures = all_figures(flattered, its_windows, quantiles, scales)
            metrics |= {f"oracle/{FLATTERED}/{name}": figure for name, figure in figures.items()}
        folds = backtest(task, datamodule)
        metrics |= fold_metrics(folds)
        return ForecastOutcome(
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
