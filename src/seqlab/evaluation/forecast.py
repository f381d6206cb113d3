"""How a forecasting model is judged: errors in the price's own unit beside forecasts that need no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.series_encoding import SeriesEncoding, SeriesWindows
from seqlab.data.stock import StockPrices
from seqlab.evaluation.backtest import FoldFigures, backtest
from seqlab.evaluation.forecast_figures import (
    BASELINE_ROWS,
    OPEN_PRICE,
    SKILL_MEANS,
    baseline_forecasts,
    interval_figures,
    interval_name,
    point_figures,
)
from seqlab.evaluation.outcome import Evaluation, NothingFitted, ResultTable
from seqlab.tasks.regression import Regression

FLATTERED = "scaled_by_test"
MODEL_ROW = "model"


@torch.inference_mode()
def forecast_prices(
    task: Regression, datamodule: StockPrices, windows: SeriesWindows, encoding: SeriesEncoding
) -> tuple[NDArray[np.float64], float]:
    """(N, H, Q) forecasts in the unit of the price, and the mean loss on the network's scale."""
    task.eval()
    device = next(task.parameters()).device
    outputs, total, count = [], 0.0, 0.0
    for batch in datamodule.loader(windows):
        there = type(batch)(*(field.to(device) for field in batch))
        forecasts = task.predict_step(there)
        outputs.append(forecasts.cpu())
        losses = task.losses_of(forecasts[None], there)
        total, count = total + float(losses.nll), count + float(losses.num_units)
    return encoding.prices(torch.cat(outputs), windows.last), total / count


@dataclass(frozen=True)
class ForecastOutcome:
    """The test part as it was forecast: N windows, H days each, Q levels."""

    target: str
    quantiles: tuple[float, ...]
    windows: SeriesWindows
    days: tuple[tuple[str, ...], ...] | None  # (N, H) dates that are forecast
    prices: NDArray[np.float64]  # (N, H, Q)
    baselines: dict[str, NDArray[np.float64]]  # (N, H) by name
    metrics: dict[str, float]
    folds: list[FoldFigures] = field(default_factory=list)
    flattered: NDArray[np.float64] | None = None  # (N, H, Q), on scales of the test part itself

    @property
    def forecast(self) -> NDArray[np.float64]:
        """(N, H) the median, or the one number of a network without quantiles."""
        return middle(self.prices, self.quantiles)

    def write_scores(self, path: Path) -> None:
        """Write scores.csv: one row per forecast day, with truth, interval and baselines."""
        import pandas as pd

        num_windows, horizon = self.windows.truth.shape
        rows: dict[str, Any] = {}
        if self.days is not None:
            rows["date"] = [day for days in self.days for day in days]
        rows |= {
            "step": np.tile(np.arange(1, horizon + 1), num_windows),
            "truth": self.windows.truth.ravel(),
            "forecast": self.forecast.ravel(),
        }
        if len(self.quantiles) > 1:
            rows |= {"lower": self.prices[..., 0].ravel(), "upper": self.prices[..., -1].ravel()}
        rows |= {name: values.ravel() for name, values in self.baselines.items()}
        pd.DataFrame(rows).to_csv(path, index=False, float_format="%.10g")

    def result_table(self) -> ResultTable:
        """Model, model as published examples scale it, baselines; and each fold where there are folds."""
        figures = ["mae", "rmse", "skill"]
        columns = ["MAE", "RMSE", "skill"]
        if len(self.quantiles) > 1:
            name = interval_name(self.quantiles)
            figures += [f"coverage_{name}", f"interval_width_{name}"]
            columns += ["coverage", "width"]

        def row(prefix: str) -> list[float | None]:
            return [self.metrics.get(f"{prefix}/{figure}") for figure in figures]

        model_rows = [(MODEL_ROW, row("test"))]
        if self.flattered is not None:
            model_rows.append(("model, test scaled by itself", row(f"oracle/{FLATTERED}")))
        if self.folds:
            model_rows.append((f"model, retrained for {len(self.folds)} folds", row("backtest/mean")))
        notes = [("skill", SKILL_MEANS)]
        if len(self.quantiles) > 1:
            notes.append(("coverage", f"share of the days inside the {name} % interval, and its mean width"))
        if OPEN_PRICE in self.baselines:
            notes.append(("open price", "the forecast is that day's own open, which no other row knows"))
        if self.flattered is not None:
            notes.append(("test scaled by itself", self.flattery()))
        return ResultTable(
            title=f"test part: {len(self.windows)} windows, {self.target} in its own unit",
            columns=tuple(columns),
            model_rows=model_rows,
            baseline_rows=[(BASELINE_ROWS[name], row(f"baseline/{name}")) for name in self.baselines],
            notes=notes,
        )

    def flattery(self) -> str:
        """One sentence on what scaling the test part by itself does to the figure."""
        honest, other = self.metrics["test/mae"], self.metrics[f"oracle/{FLATTERED}/mae"]
        verdict = "flatters" if other < honest else "does not flatter"
        return (
            f"scaling the test part by its own smallest and largest value {verdict} the model here: MAE "
            f"{other:.2f} where scales of the training part give {honest:.2f}; nobody knows them before"
        )


def middle(prices: NDArray[np.float64], quantiles: tuple[float, ...]) -> NDArray[np.float64]:
    """(N, H) the median of (N, H, Q) levels."""
    return prices[..., quantiles.index(0.5) if quantiles else 0]


def all_figures(
    prices: NDArray[np.float64], windows: SeriesWindows, quantiles: tuple[float, ...]
) -> dict[str, float]:
    """mae, rmse, skill over all days and steps, and coverage and width of the interval."""
    forecast = middle(prices, quantiles)
    figures = point_figures(forecast, windows.truth, windows.last)
    return figures | interval_figures(prices, windows.truth, quantiles)


class ForecastEvaluation(Evaluation):
    """Judges a Regression on StockPrices; nothing is fitted."""

    def fit(self, task: Regression, datamodule: StockPrices) -> tuple[NothingFitted, dict[str, float]]:
        """Figures of the validation part, as ``val/...``."""
        windows = datamodule.windows("val")
        prices, loss = forecast_prices(task, datamodule, windows, datamodule.encoding)
        figures = all_figures(prices, windows, task.network.quantiles)
        return NothingFitted(), {"val/loss": loss} | {f"val/{name}": value for name, value in figures.items()}

    def test(self, task: Regression, datamodule: StockPrices, judge: NothingFitted) -> ForecastOutcome:
        """Measure on the test part; then, where folds are asked for, walk through it."""
        table, windows, encoding = datamodule.table("test"), datamodule.windows("test"), datamodule.encoding
        quantiles = task.network.quantiles
        prices, loss = forecast_prices(task, datamodule, windows, encoding)
        metrics = {"test/loss": loss}
        metrics |= {f"test/{name}": value for name, value in all_figures(prices, windows, quantiles).items()}
        baselines = baseline_forecasts(table, encoding, windows, datamodule.train_end)
        for name, forecast in baselines.items():
            figures = point_figures(forecast, windows.truth, windows.last)
            metrics |= {f"baseline/{name}/{key}": value for key, value in figures.items()}
        if datamodule.horizon > 1:
            metrics |= by_step("test", middle(prices, quantiles), windows)
            for name, forecast in baselines.items():
                metrics |= by_step(f"baseline/{name}", forecast, windows)
        flattered = None
        if datamodule.scale_test_by_itself:
            other, its_windows = datamodule.test_scaled_by_itself()
            flattered, _ = forecast_prices(task, datamodule, its_windows, other)
            figures = all_figures(flattered, its_windows, quantiles)
            metrics |= {f"oracle/{FLATTERED}/{name}": value for name, value in figures.items()}
        folds = backtest(task, datamodule)
        metrics |= fold_metrics(folds)
        days = table.dates
        return ForecastOutcome(
            target=encoding.target,
            quantiles=quantiles,
            windows=windows,
            days=None
            if days is None
            else tuple(days[row : row + datamodule.horizon] for row in windows.first_rows.tolist()),
            prices=prices,
            baselines=baselines,
            metrics=metrics,
            folds=folds,
            flattered=flattered,
        )


def by_step(prefix: str, forecast: NDArray[np.float64], windows: SeriesWindows) -> dict[str, float]:
    """mae and skill of each step ahead: ``<prefix>/step_1/mae``."""
    found: dict[str, float] = {}
    for step in range(forecast.shape[1]):
        part = slice(step, step + 1)
        figures = point_figures(forecast[:, part], windows.truth[:, part], windows.last)
        found |= {f"{prefix}/step_{step + 1}/{name}": figures[name] for name in ("mae", "skill")}
    return found


def fold_metrics(folds: list[FoldFigures]) -> dict[str, float]:
    """``backtest/fold_1/...`` and the plain mean over folds, ``backtest/mean/...``."""
    found: dict[str, float] = {}
    for number, fold in enumerate(folds, start=1):
        found |= {f"backtest/fold_{number}/{name}": value for name, value in fold.figures.items()}
    if folds:
        names = folds[0].figures
        found |= {
            f"backtest/mean/{name}": float(np.mean([fold.figures[name] for fold in folds])) for name in names
        }
    return found
