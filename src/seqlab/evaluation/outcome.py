"""What every evaluation gives: figures, a table, a file of scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class ResultTable:
    """Figures beside each other: the model's rows first, then its baselines'."""

    title: str
    columns: tuple[str, ...]
    model_rows: list[tuple[str, list[float | None]]]
    baseline_rows: list[tuple[str, list[float | None]]]
    notes: list[tuple[str, str]]  # what a figure is about, and what to know of it
    warnings: Sequence[str] = ()  # what to know before any figure: shown above the table
    examples: Sequence[str] = ()  # lines that the terminal shows above the table


class Outcome(Protocol):
    """The result of judging a trained task on the test split."""

    @property
    def metrics(self) -> dict[str, float]:
        """The keys of metrics.json that the evaluation adds."""

    def write_scores(self, path: Path) -> None:
        """Write scores.csv."""

    def result_table(self) -> ResultTable:
        """The figures to show, the model's and its baselines'."""


class Judge(Protocol):
    """What an evaluation fits on training and validation data: thresholds, baselines, scales."""

    def state(self) -> dict[str, Any]:
        """Plain values for the checkpoint, under ``judge``."""


class NothingFitted:
    """The judge of an evaluation that needs no fitting."""

    def state(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class FittedBaselines(NothingFitted):
    """Baselines, counted on the training split; scoring new data needs none of them."""

    baselines: tuple[Any, ...]


class Evaluation(Protocol):
    """How a kind of model is judged: a model config names one under ``evaluation``."""

    def check(self, datamodule: Any) -> None:
        """Refuse data that cannot be judged, with a UserError, before anything is trained.

        As it stands here it refuses none.
        """

    def fit(self, task: Any, datamodule: Any) -> tuple[Judge, dict[str, float]]:
        """Decide all that is to be decided, on training and validation data; gives ``val/...`` figures."""

    def test(self, task: Any, datamodule: Any, judge: Any) -> Outcome:
        """Measure on the test split, which ``open_test`` must have unlocked."""


def plain_figures(metrics: dict[str, float]) -> dict[str, float]:
    """Floats alone, as metrics.json promises.

    Raises:
        ValueError: a figure that is not finite.
    """
    figures = {name: float(value) for name, value in metrics.items()}
    for name, value in figures.items():
        if not math.isfinite(value):
            raise ValueError(f"{name}={value}: a metric must be finite")
    return figures
