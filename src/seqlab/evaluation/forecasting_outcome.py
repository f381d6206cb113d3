"""What judging a forecasting model gave: forecasts, figures, the table, scores.csv."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.series_encoding import SeriesWindows
from seqlab.evaluation.backtest import FoldFigures
from seqlab.evaluation.forecasting_baselines import Baseline
from seqlab.evaluation.forecasting_figures import SKILL_MEANS, SKILL_UNDEFINED, interval_name, middle
from seqlab.results.outcome import Outcome, ResultTable

FLATTERED = "scaled_by_test"
MODEL_ROW = "model"
WORST = 5  # series that the report names


@dataclass(frozen=True)
class ForecastingOutcome(Outcome):
    """The test part as it was forecast: M forecasts of S series, H steps each, Q levels."""

    targets: tuple[str, ...]
    noun: str  # plural, of a step
    season: int | None
    names: tuple[str, ...]  # (S,)
    quantiles: tuple[float, ...]
    windows: SeriesWindows
    dates: tuple[tuple[str, ...], ...] | None  # (M, H) times that are forecast
    values: NDArray[np.float64]  # (M, H, Q)
    baselines: dict[str, Baseline]  # (M, H) by name
    mase: NDArray[np.float64]  # (S,) NaN where undefined
    scales: NDArray[np.float64]  # (S,) what MASE divides by
    metrics: dict[str, float]
    folds: list[FoldFigures] = field(default_factory=list)
    flattered: NDArray[np.float64] | None = None  # (M, H, Q), on scales of the test part itself

    @property
    def forecast(self) -> NDArray[np.float64]:
        """(M, H) the median, or the one number of a network without quantiles."""
        return middle(self.values, self.quantiles)

    @property
    def each(self) -> str:
        """One of ``noun``."""
        return self.noun.removesuffix("s") if " " not in self.noun else "step"

    @property
    def unit(self) -> str:
        """What is forecast, and in which unit."""
        what = ", ".join(self.targets)
        return f"{what} in {'its' if len(self.targets) == 1 else 'their'} own unit"

    def worst(self) -> list[int]:
        """Numbers of the series with the largest MASE, at most WORST, the largest first."""
        order = np.argsort(-np.nan_to_num(self.mase, nan=-1.0), kind="stable")
        return [number for number in order.tolist() if np.isfinite(self.mase[number])][:WORST]

    def write_scores(self, path: Path) -> None:
        """Write scores.csv: one row per forecast step, with truth, interval and baselines."""
        import pandas as pd

        num_forecasts, horizon = self.windows.truth.shape
        rows: dict[str, Any] = {}
        if len(self.names) > 1:
            rows["series"] = np.repeat(np.array(self.names, dtype=object)[self.windows.series], horizon)
        if self.dates is not None:
            rows["date"] = [date for dates in self.dates for date in dates]
        rows |= {
            "step": np.tile(np.arange(1, horizon + 1), num_forecasts),
            "truth": self.windows.truth.ravel(),
            "forecast": self.forecast.ravel(),
        }
        if len(self.quantiles) > 1:
            rows |= {"lower": self.values[..., 0].ravel(), "upper": self.values[..., -1].ravel()}
        rows |= {name: baseline.values.ravel() for name, baseline in self.baselines.items()}
        pd.DataFrame(rows).to_csv(path, index=False, float_format="%.10g")

    def result_table(self) -> ResultTable:
        """Model, model as published examples scale it, baselines; and each fold where there are folds."""
        figures = ["mae", "rmse", "mase", "skill"]
        columns = ["MAE", "RMSE", "MASE", "skill"]
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
        of_series = f" of {len(self.names)} series" if len(self.names) > 1 else ""
        return ResultTable(
            title=f"test part: {len(self.windows)} windows{of_series}, {self.unit}",
            columns=tuple(columns),
            model_rows=model_rows,
            baseline_rows=[(each.label, row(f"baseline/{name}")) for name, each in self.baselines.items()],
            notes=self._notes(),
            loss_unit="on the network's scale",
        )

    def _notes(self) -> list[tuple[str, str]]:
        notes = [("skill", self.skill_note()), ("MASE", self.mase_note())]
        if len(self.quantiles) > 1:
            name = interval_name(self.quantiles)
            notes.append(
                ("coverage", f"share of the {self.noun} inside the {name} % interval, and its mean width")
            )
        notes += [baseline.note for baseline in self.baselines.values() if baseline.note is not None]
        if self.flattered is not None:
            notes.append(("test scaled by itself", self.flattery()))
        return notes

    def skill_note(self) -> str:
        """What skill is, or why these steps have none."""
        if "test/skill" not in self.metrics:
            return SKILL_UNDEFINED.format(what=" or ".join(self.targets), noun=self.noun)
        words = {"days": ("tomorrow", "today")}.get(self.noun, (f"the next {self.each}", "the last"))
        means = SKILL_MEANS.format(next=words[0], now=words[1])
        return means.replace("MAE", "MASE") if len(self.names) > 1 else means

    def mase_note(self) -> str:
        """What MASE is, or why there is none."""
        if "test/mase" not in self.metrics:
            return "undefined: the naive forecast makes no error over the training part"
        naive = f"the seasonal naive ({self.season} {self.noun})" if self.season else "the one-step naive"
        mean = "; the mean over series" if len(self.names) > 1 else ""
        return f"MAE / MAE of {naive} forecast over the training part{mean}"

    def flattery(self) -> str:
        """One sentence on what scaling the test part by itself does to the figure."""
        honest, other = self.metrics["test/mae"], self.metrics[f"oracle/{FLATTERED}/mae"]
        verdict = "flatters" if other < honest else "does not flatter"
        return (
            f"scaling the test part by its own smallest and largest value {verdict} the model here: MAE "
            f"{other:.2f} where scales of the training part give {honest:.2f}; nobody knows them before"
        )
