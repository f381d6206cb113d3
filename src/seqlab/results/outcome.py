"""What every evaluation gives: figures, a table, a file of scores."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ResultTable:
    """Figures beside each other: the model's rows first, then its baselines'."""

    title: str
    columns: tuple[str, ...]
    model_rows: list[tuple[str, list[float | None]]]  # the first is the one that the run is about
    baseline_rows: list[tuple[str, list[float | None]]]
    notes: list[tuple[str, str]]  # what a figure is about, and what to know of it
    warnings: Sequence[str] = ()  # what to know before any figure: shown above the table
    examples: Sequence[str] = ()  # lines that the terminal shows above the table
    measured_on: str = ""  # one sentence under the title of the report's table
    loss_unit: str = ""  # of the curves: nats per token, ...


class Outcome(ABC):
    """The result of judging a trained task on the test split."""

    metrics: Any  # dict[str, float]: the keys of metrics.json that the evaluation adds; a field or a property

    @abstractmethod
    def write_scores(self, path: Path) -> None:
        """Write scores.csv."""

    @abstractmethod
    def result_table(self) -> ResultTable:
        """The figures to show, the model's and its baselines'."""

    def signatures(self) -> dict[str, str]:
        """What environment.json must say so that the figures can be compared with others'."""
        return {}

    def next_steps(self, checkpoint: str) -> list[str]:
        """`seqlab` commands that show what the model is good for, where no figure says it.

        Args:
            checkpoint: its path, quoted for a shell.
        """
        return []


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
