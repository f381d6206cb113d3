"""What judging a forecasting model gave: forecasts, the table, scores.csv, and pictures for the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.series_encoding import NaiveForecast, SeriesWindows
from seqlab.evaluation.backtest import FoldFigures
from seqlab.evaluation.forecasting_figures import DrawnForecasts, interval_name, mase_by_series, middle
from seqlab.evaluation.forecasting_pictures import forecast_section
from seqlab.report.charts import line_chart
from seqlab.report.page import Section
from seqlab.report.svg import chart_grid
from seqlab.report.tables import metrics_table
from seqlab.results.outcome import Outcome, ResultTable, best_baseline, figure_rows

FLATTERED = "scaled_by_test"
MODEL_ROW = "model"
WORST = 5  # series that the report names


@dataclass(frozen=True)
class ForecastingOutcome(Outcome):
    """The test part as it was forecast: M forecasts of S series, H steps each, Q levels."""

    float_format = "%.10g"

    targets: tuple[str, ...]
    noun: str  # plural, of a step
    season: int | None
    names: tuple[str, ...]  # (S,)
    quantiles: tuple[float, ...]
    windows: SeriesWindows
    dates: tuple[tuple[str, ...], ...] | None  # (M, H) times that are forecast
    values: NDArray[np.float64]  # (M, H, Q)
    items: NDArray[np.int64]  # (N,) of the windows, see ``drawn_together``
    losses: NDArray[np.float64]  # (N,) of the windows
    baselines: dict[str, NaiveForecast]  # (M, H) by name
    mase: NDArray[np.float64]  # (S,) NaN where undefined
    scales: NDArray[np.float64]  # (S,) what MASE divides by
    metrics: dict[str, float]
    folds: Sequence[FoldFigures] = ()

    @property
    def forecast(self) -> NDArray[np.float64]:
        """(M, H) the median, or the one number of a network without quantiles."""
        return middle(self.values, self.quantiles)

    @property
    def unit(self) -> str:
        """What is forecast, and in which unit."""
        return f"{', '.join(self.targets)} in {'its' if len(self.targets) == 1 else 'their'} own unit"

    def by_mase(self) -> list[int]:
        """Numbers of the series whose MASE is defined, the largest first."""
        order = np.argsort(-np.nan_to_num(self.mase, nan=-1.0), kind="stable")
        return order[: int(np.isfinite(self.mase).sum())].tolist()

    @property
    def num_items(self) -> int:
        """Moments, or series where they are more."""
        return int(self.items.max(initial=-1)) + 1

    @property
    def run_length(self) -> int:
        """N^(1/3) moments (Hall, Horowitz & Jing, Biometrika 1995), and no fewer than forecasts overlap.

        At most a third of them all: longer runs would leave nothing to draw.
        """
        if np.array_equal(self.items, self.windows.table):
            return 1
        wanted = max(math.ceil(self.num_items ** (1 / 3)), self.windows.truth.shape[1])
        return max(min(wanted, self.num_items // 3), 1)

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """All of ``test/``."""
        truth, last = self.windows.truth, self.windows.last.reshape(-1, 1)
        targets = self.windows.num_targets
        drawn = DrawnForecasts(weights, np.repeat(self.items, targets), self.windows.series, self.scales)
        error, of_last = np.abs(self.forecast - truth), np.abs(last - truth)
        found = {"loss": drawn.mean(np.repeat(self.losses, targets))}
        found["rmse"] = np.sqrt(drawn.mean((error**2).mean(axis=1)))
        found |= drawn.figures(error.mean(axis=1), of_last.mean(axis=1))
        if len(self.quantiles) > 1:
            low, high = self.values[..., 0], self.values[..., -1]
            name = interval_name(self.quantiles)
            found[f"coverage_{name}"] = drawn.mean(((low <= truth) & (truth <= high)).mean(axis=1))
            found[f"interval_width_{name}"] = drawn.mean((high - low).mean(axis=1))
        for step in range(truth.shape[1] if truth.shape[1] > 1 else 0):
            figures = drawn.figures(error[:, step], of_last[:, step])
            found |= {f"step_{step + 1}/{name}": values for name, values in figures.items()}
        keyed = {f"test/{name}": values for name, values in found.items()}
        return {name: values for name, values in keyed.items() if name in self.metrics}

    def support(self) -> dict[str, int]:
        """Windows."""
        return {name: len(self.windows) for name in self.metrics if name.startswith("test/")}

    def score_table(self) -> dict[str, Any]:
        """One row per forecast step, with truth, interval and baselines."""
        num_forecasts, horizon = self.windows.truth.shape
        columns: dict[str, Any] = {}
        if len(self.names) > 1:
            columns["series"] = np.repeat(np.array(self.names, dtype=object)[self.windows.series], horizon)
        if self.dates is not None:
            columns["date"] = [date for dates in self.dates for date in dates]
        columns["step"] = np.tile(np.arange(1, horizon + 1), num_forecasts)
        columns |= {"truth": self.windows.truth.ravel(), "forecast": self.forecast.ravel()}
        if len(self.quantiles) > 1:
            columns |= {"lower": self.values[..., 0].ravel(), "upper": self.values[..., -1].ravel()}
        return columns | {name: baseline.values.ravel() for name, baseline in self.baselines.items()}

    def result_table(self) -> ResultTable:
        """Model, model as published examples scale it, baselines; and each fold where there are folds."""
        columns = {"mae": "MAE", "rmse": "RMSE", "mase": "MASE", "skill": "skill"}
        models = {MODEL_ROW: "test"}
        notes = [("skill", self.skill_note()), ("MASE", self._mase_note())]
        if len(self.quantiles) > 1:
            name = interval_name(self.quantiles)
            columns |= {f"coverage_{name}": "coverage", f"interval_width_{name}": "width"}
            said = f"share of the {self.noun} inside the {name} % interval, and its mean width"
            notes.append(("coverage", said))
        notes += [baseline.note for baseline in self.baselines.values() if baseline.note is not None]
        if f"oracle/{FLATTERED}/mae" in self.metrics:
            models["model, test scaled by itself"] = f"oracle/{FLATTERED}"
            said = "on scales of the test part's own smallest and largest value, which nobody knows before"
            notes.append(("test scaled by itself", said))
        if self.folds:
            models[f"model, retrained for {len(self.folds)} folds"] = "backtest/mean"
        baselines = {each.label: f"baseline/{name}" for name, each in self.baselines.items()}
        of_series = f" of {len(self.names)} series" if len(self.names) > 1 else ""
        return ResultTable(
            title=f"test part: {len(self.windows)} windows{of_series}, {self.unit}",
            columns=tuple(columns.values()),
            model_rows=figure_rows(self.metrics, models, columns),
            baseline_rows=figure_rows(self.metrics, baselines, columns),
            notes=notes,
            loss_unit="on the network's scale",
            figures=tuple(columns),
            prefixes=models | baselines,
            support=self.support(),
        )

    def in_words(self) -> list[tuple[str, str]]:
        """The mean error in the series' own unit, of several series MASE, beside the naive forecasts'."""
        key, what = (
            ("mae", self.unit) if len(self.names) == 1 else ("mase", "in naive errors of training (MASE)")
        )
        own, skill = self.metrics.get(f"test/{key}"), self.metrics.get("test/skill")
        if own is None or skill is None:
            return super().in_words()
        verdict = f"{abs(skill):.1%} {'below' if skill > 0 else 'ABOVE'} the last value's"
        naive = {each.label: self.metrics[f"baseline/{name}/{key}"] for name, each in self.baselines.items()}
        best, behind = best_baseline(naive, own, smaller=True)
        ahead = behind.replace("it beats", f"{best} beats")
        return [
            ("mean error", f"{own:.4g} over {len(self.windows):,} test windows, {what}; {verdict}"),
            (
                "baselines",
                f"{', '.join(f'{name} {value:.4g}' for name, value in naive.items())}: no network{ahead}",
            ),
        ]

    def next_steps(self, checkpoint: str) -> list[str]:
        return [f"predict {checkpoint} NEW.csv --output forecast.csv"]

    def skill_note(self) -> str:
        """What skill is, or why these steps have none."""
        if "test/skill" not in self.metrics:
            return (
                f"undefined, 0 / 0: the {' or '.join(self.targets)} never changes over these {self.noun}, so "
                "the last value makes no error to compare with"
            )
        figure = "MASE" if len(self.names) > 1 else "MAE"
        return (
            f"1 - {figure} / {figure} of the last value: above 0 the model's forecasts are nearer to what "
            "came than the forecast that all stays as it is, at 0 they are no better, below 0 they are worse"
        )

    def _mase_note(self) -> str:
        """What MASE is, or why there is none."""
        if "test/mase" not in self.metrics:
            return "undefined: the naive forecast makes no error over the training part"
        naive = f"the seasonal naive ({self.season} {self.noun})" if self.season else "the one-step naive"
        mean = "; the mean over series" if len(self.names) > 1 else ""
        return f"MAE / MAE of {naive} forecast over the training part{mean}"


def forecasting_sections(outcome: ForecastingOutcome) -> list[Section]:
    """What the report shows of a run."""
    sections = [forecast_section(outcome)]
    if len(outcome.names) > 1:
        sections.append(series_section(outcome))
    if outcome.windows.truth.shape[1] > 1:
        sections.append(step_section(outcome))
    if outcome.folds:
        sections.append(fold_section(outcome))
    return sections


def series_section(outcome: ForecastingOutcome) -> Section:
    """The series with the largest MASE, beside the naive forecasts of the same series."""
    truth, series = outcome.windows.truth, outcome.windows.series
    columns = {"MASE": outcome.mase}
    for each in outcome.baselines.values():
        columns[f"MASE of the {each.label}"] = mase_by_series(each.values, truth, series, outcome.scales)
    columns["MAE"] = outcome.mase * outcome.scales
    worst = outcome.by_mase()[:WORST]
    rows = [(outcome.names[number], [float(each[number]) for each in columns.values()]) for number in worst]
    note = (
        f"Those of {len(outcome.names)} series whose forecasts are the worst, measured by the naive "
        "forecast's error on their training part. MAE is in each series' own unit."
    )
    return Section("Worst series", metrics_table(tuple(columns), rows, row_title="series"), note)


def step_section(outcome: ForecastingOutcome) -> Section:
    """Error of each step ahead, of the model and its baselines: MAE, of several series MASE."""
    figure = "mae" if len(outcome.names) == 1 else "mase"
    steps = np.arange(1, outcome.windows.truth.shape[1] + 1)
    lines = {MODEL_ROW: "test"} | {each.label: f"baseline/{name}" for name, each in outcome.baselines.items()}
    series = {
        label: (steps, [outcome.metrics.get(f"{prefix}/step_{step}/{figure}", np.nan) for step in steps])
        for label, prefix in lines.items()
    }
    ahead, name = f"{outcome.noun} ahead", figure.upper()
    chart = line_chart(series, ahead, name, title=f"{name} by {ahead}")
    return Section("Error by horizon", chart_grid([chart]))


def fold_section(outcome: ForecastingOutcome) -> Section:
    """What each fold of the walk-forward evaluation gave."""
    names = ["mae", "last_value_mae", "mase", "skill", f"train_{outcome.noun.replace(' ', '_')}"]
    rows = [(f"from {fold.begins}", [fold.figures.get(name) for name in names]) for fold in outcome.folds]
    columns = ("MAE", "MAE of the last value", "MASE", "skill", f"training {outcome.noun}")
    note = f"For each fold a new network learned from all {outcome.noun} before it, by the same recipe."
    return Section("Walk-forward", metrics_table(columns, rows, row_title="fold"), note)
