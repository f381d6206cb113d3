"""What a run gives: figures, a table, a file of scores; curves over epochs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import pandas as pd

import numpy as np
from numpy.typing import NDArray

Curve = tuple[Sequence[float], Sequence[float]]  # epochs, counted from 1, and the figure after each
# by the name of the figure: train/loss, val/accuracy, learning_rate; those of step/ are over steps
Curves = Mapping[str, Curve]
Row = tuple[str, list[float | None]]  # a name, and a figure for each column


@dataclass(frozen=True)
class ResultTable:
    """Figures beside each other: the model's rows first, then its baselines'."""

    title: str
    columns: tuple[str, ...]
    model_rows: list[Row]  # the first is the one that the run is about
    baseline_rows: list[Row]
    notes: list[tuple[str, str]]  # what a figure is about, and what to know of it
    warnings: Sequence[str] = ()  # what to know before any figure: shown above the table
    examples: Sequence[str] = ()  # lines that the terminal shows above the table
    measured_on: str = ""  # one sentence under the title of the report's table
    loss_unit: str = ""  # of the curves: nats per token, ...
    figures: Sequence[str] = ()  # of each column, its name in metrics.json
    prefixes: Mapping[str, str] = field(default_factory=dict)  # of rows by name: test, baseline/majority, ...
    support: Mapping[str, int] = field(
        default_factory=dict
    )  # by key of metrics.json: see ``Outcome.support``

    def keys(self, row: str) -> list[str]:
        """The keys of metrics.json behind a row's cells; none where the row has no prefix."""
        prefix = self.prefixes.get(row)
        return [] if prefix is None else [f"{prefix}/{figure}" for figure in self.figures]


@dataclass(frozen=True)
class LinePanel:
    """Lines that a tracker draws itself, such as ROC curves."""

    x_title: str
    y_title: str
    lines: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]  # by name: (R,) x and y
    # of precision over recall, (R,) true and false positives at each threshold; the last finds everything
    counts: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=dict)


@dataclass(frozen=True)
class CountPanel:
    """Counts of gold by predicted that a tracker draws itself."""

    names: Sequence[str]  # (C,)
    counts: NDArray[np.int64]  # (C, C)


@dataclass(frozen=True)
class HeatPanel:
    """Weights over a grid, such as attention of T steps over S, for the report and for trackers."""

    title: str
    row_title: str
    column_title: str
    rows: Sequence[str]  # (T,)
    columns: Sequence[str]  # (S,)
    values: NDArray[np.floating]  # (T, S) of 0 and up
    note: str = ""  # what a reader must know, such as that it is a part


def figure_rows(
    metrics: Mapping[str, float], prefixes: Mapping[str, str], figures: Iterable[str]
) -> list[Row]:
    """A row for each name with the figures under its prefix in ``metrics``; None where one is missing.

    Args:
        prefixes: by the name of the row: ``{"model": "test", "majority": "baseline/majority"}``.
    """
    figures = list(figures)
    return [
        (name, [metrics.get(f"{prefix}/{figure}") for figure in figures]) for name, prefix in prefixes.items()
    ]


def best_baseline(figures: Mapping[str, float], own: float, *, smaller: bool = False) -> tuple[str, str]:
    """The name of the best baseline, and what to say where the model is not better.

    Args:
        figures: of each baseline; the best is the largest.
        own: the model's.
        smaller: the smallest is the best.
    """
    best = (min if smaller else max)(figures, key=lambda name: figures[name])
    ahead = (own - figures[best]) * (-1 if smaller else 1)
    verdict = "" if ahead > 0 else "; the model is no better" if ahead == 0 else "; it beats the model"
    return best, verdict


def prefixed(prefix: str, figures: Mapping[str, float]) -> dict[str, float]:
    """Figures under names of metrics.json: ``{"test/mae": 0.5}``."""
    return {f"{prefix}/{name}": value for name, value in figures.items()}


class Outcome(ABC):
    """The result of judging a trained task on the test split."""

    float_format: ClassVar[str] = "%.6g"  # of scores.csv

    metrics: Any  # dict[str, float]: the keys of metrics.json that the evaluation adds; a field or a property

    @property
    def num_items(self) -> int:
        """N test items that ``resampled`` counts: sessions, names, sentences; 0 gives no intervals."""
        return 0

    @property
    def run_length(self) -> int:
        """Items that a bootstrap draws together: above 1 where neighbors depend on each other, as days do."""
        return 1

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Test figures of other test items, drawn from these.

        Args:
            weights: (R, N), how often each item counts.

        Returns:
            (R,) values by key of metrics.json; NaN where a figure is undefined. With weights of 1 they are
            those of ``metrics``.
        """
        return {}

    def support(self) -> dict[str, int]:
        """By key of metrics.json: of the classes that a test figure rests on, the items of the smallest."""
        return {}

    @abstractmethod
    def score_table(self) -> Any:
        """What scores.csv holds: a DataFrame, or its columns by name; None for no file."""

    @abstractmethod
    def result_table(self) -> ResultTable:
        """The figures to show, the model's and its baselines'."""

    @cached_property
    def table_once(self) -> ResultTable:
        """``result_table()``, made once for all its readers."""
        return self.result_table()

    def write_scores(self, path: Path, *, safe: bool = False) -> None:
        """Write scores.csv; ``safe``: see ``without_formulas``."""
        import pandas as pd

        columns = self.score_table()
        if columns is not None:
            frame = pd.DataFrame(columns)
            frame = without_formulas(frame) if safe else frame
            frame.to_csv(path, index=False, float_format=self.float_format, encoding="utf-8")

    def line_panels(self) -> dict[str, LinePanel]:
        """By title, what trackers draw as lines."""
        return {}

    def count_panels(self) -> dict[str, CountPanel]:
        """By title, what trackers draw as confusion matrices."""
        return {}

    def heat_panels(self) -> list[HeatPanel]:
        """What the report and trackers draw as heat maps."""
        return []

    def signatures(self) -> dict[str, str]:
        """What environment.json must say so that the figures can be compared with others'."""
        return {}

    def in_words(self) -> list[tuple[str, str]]:
        """What a newcomer reads first: how good the model is in plain numbers, then the best method without a
        network; each with a word for what it is about. Bad results are told as plainly as good ones."""
        table, said = self.table_once, []
        for name, figures in table.model_rows[:1]:
            cells = zip(table.columns, figures, strict=True)
            shown = ", ".join(f"{column} {figure:.4g}" for column, figure in cells if figure is not None)
            said.append((name, f"{shown} ({table.title})"))
        firsts = [(name, figures[0]) for name, figures in table.baseline_rows if figures]
        others = [f"{name} {figure:.4g}" for name, figure in firsts if figure is not None]
        if others:
            said.append(("baselines", f"{table.columns[0]} without a network: {', '.join(others)}"))
        return said

    def next_steps(self, checkpoint: str) -> list[str]:
        """`seqlab` commands that use what was learned.

        Args:
            checkpoint: its path, quoted for a shell.
        """
        return []


FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose texts no spreadsheet runs as formulas: an apostrophe stands before those that begin so,
    headings included; numbers stay. See OWASP, "CSV Injection"."""
    return table.map(_safe_cell).rename(columns=_safe_cell)


def _safe_cell(cell: Any) -> Any:
    if not (isinstance(cell, str) and cell.startswith(FORMULA_STARTS)):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


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
