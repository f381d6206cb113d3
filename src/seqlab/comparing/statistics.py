"""Mean, standard deviation and a bootstrap interval of a few seeds; the same of many test items."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
EXACT_UP_TO = 5  # seeds; 5 ** 5 = 3,125 resamples are all there are
RESAMPLES = 10_000
_CHUNK = 4_000_000  # numbers held at once


@dataclass(frozen=True)
class Spread:
    """``std`` divides by n - 1 (None for n = 1); ``low`` to ``high`` is the 95 % bootstrap interval."""

    n: int
    mean: float
    std: float | None = None
    low: float | None = None
    high: float | None = None


@cache
def _draws(n: int) -> NDArray[np.int64]:
    """(R, n) indices: all n ** n resamples where those are few, otherwise random ones, always the same."""
    if n <= EXACT_UP_TO:
        return np.array(list(product(range(n), repeat=n)), dtype=np.int64)
    return np.random.default_rng(0).integers(0, n, size=(RESAMPLES, n))


def _interval(means: NDArray[np.float64]) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)


@cache  # the table, its cells and the page ask for the same figures
def spread(values: tuple[float, ...]) -> Spread:
    """Of the figures of a group's seeds, at least one: percentile bootstrap (Efron 1979) of their mean.

    Of up to five values every resample is taken, so that nothing is random.
    """
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) == 1:
        return Spread(1, mean)
    low, high = _interval(array[_draws(len(array))].mean(axis=1))
    return Spread(len(array), mean, float(array.std(ddof=1)), low, high)


def weighted_interval(
    values: NDArray[np.float64], weights: NDArray[np.float64], resamples: int = RESAMPLES
) -> tuple[float, float]:
    """95 % bootstrap interval of the weighted mean of N items; an item and its weight are drawn together.

    Args:
        values: (N,)
        weights: (N,) such as the tokens of a line, so that the mean is the one over tokens.
    """
    generator = np.random.default_rng(0)
    total, means = len(values), []
    weighted = values * weights
    rows = max(1, _CHUNK // total)
    for start in range(0, resamples, rows):
        drawn = generator.integers(0, total, size=(min(rows, resamples - start), total), dtype=np.int32)
        means.append(weighted[drawn].sum(axis=1) / weights[drawn].sum(axis=1))
    return _interval(np.concatenate(means))
