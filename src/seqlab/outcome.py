"""What every evaluation gives: figures, a table, a file of scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class ResultTable:
    """Figures beside each other: the model's rows first, then its baselines'."""

    title: str
    columns: tuple[str, ...]
    model_rows: list[tuple[str, list[float | None]]]
    baseline_rows: list[tuple[str, list[float | None]]]
    notes: list[tuple[str, str]]  # what a figure is about, and what to know of it


class Outcome(Protocol):
    """The result of judging a trained task on the test split."""

    @property
    def metrics(self) -> dict[str, float]:
        """The keys of metrics.json that the evaluation adds."""

    def write_scores(self, path: Path) -> None:
        """Write scores.csv."""

    def result_table(self) -> ResultTable:
        """The figures to show, the model's and its baselines'."""


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
