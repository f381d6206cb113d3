"""How far test figures may lie from those of other test items: 95 % intervals, and figures of few items."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from seqlab.results.outcome import Outcome, ResultTable

LEVEL = 0.95
RESAMPLES, FEWEST_RESAMPLES = 1_000, 200
MOST_DRAWN = 200_000_000  # items drawn in all; above that fewer resamples are
HELD = 4_000_000  # weights in memory at once
FEW = 30  # items of a class; a figure that rests on fewer is marked
LOW, HIGH = "ci_low", "ci_high"
INTERVAL_NOTE = (
    "95 % bootstrap interval over test items; without width all resamples were alike, which is not certainty"
)
FEW_NOTE = f"fewer than {FEW} test items of a class: other ones could give another figure"


def interval_figures(outcome: Outcome) -> dict[str, float]:
    """``test/f1/ci_low`` and ``test/f1/ci_high`` of each figure that ``outcome.resampled`` gives.

    Percentile bootstrap over test items (Efron 1979): 1,000 resamples, fewer of very many items, the same in
    every run. A figure that is undefined in some resamples has the interval of the others.
    """
    num_items = outcome.num_items
    if num_items < 2:
        return {}
    drawn: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    for weights in resamples(num_items, outcome.run_length):
        for name, values in outcome.resampled(weights).items():
            drawn[name].append(values)
    tail = (1 - LEVEL) / 2
    found: dict[str, float] = {}
    for name, parts in drawn.items():
        values = np.concatenate(parts)
        values = values[np.isfinite(values)]
        if len(values):
            low, high = np.quantile(values, (tail, 1 - tail))
            found |= {f"{name}/{LOW}": float(low), f"{name}/{HIGH}": float(high)}
    return found


def resamples(num_items: int, run_length: int = 1) -> Iterator[NDArray[np.int64]]:
    """How often each of N items counts in R resamples of N: (r, N) whole numbers, until R were given.

    Args:
        run_length: items that are drawn together, where neighbors depend on each other (circular block
            bootstrap, Politis & Romano 1992).
    """
    generator = np.random.default_rng(0)
    left = min(RESAMPLES, max(MOST_DRAWN // num_items, FEWEST_RESAMPLES))
    runs = -(-num_items // run_length)
    while left:
        rows = min(left, max(HELD // num_items, 1))
        starts = generator.integers(0, num_items, size=(rows, runs, 1))
        items = (starts + np.arange(run_length)).reshape(rows, -1)[:, :num_items] % num_items
        items += np.arange(rows)[:, None] * num_items
        yield np.bincount(items.ravel(), minlength=rows * num_items).reshape(rows, num_items)
        left -= rows


def table_intervals(
    table: ResultTable, metrics: Mapping[str, float]
) -> dict[tuple[str, int], tuple[float, float]]:
    """The intervals of a table's cells, by row and number of the column, as far as ``metrics`` has them."""
    return {
        (name, column): (metrics[f"{key}/{LOW}"], metrics[f"{key}/{HIGH}"])
        for name, _ in (*table.model_rows, *table.baseline_rows)
        for column, key in enumerate(table.keys(name))
        if f"{key}/{LOW}" in metrics
    }


def few_cells(table: ResultTable) -> set[tuple[str, int]]:
    """The cells that rest on fewer than 30 items of a class, by row and number of the column."""
    return {
        (name, column)
        for name, figures in (*table.model_rows, *table.baseline_rows)
        for column, (key, figure) in enumerate(zip(table.keys(name), figures, strict=False))
        if figure is not None and table.support.get(key, FEW) < FEW
    }


def is_interval(name: str) -> bool:
    """Whether a key of metrics.json is a bound of another figure."""
    return name.endswith((f"/{LOW}", f"/{HIGH}"))
