from typing import Any

import numpy as np
import pytest

from seqlab.results.intervals import few_cells, interval_figures, resamples, table_intervals
from seqlab.results.outcome import Outcome, ResultTable


class MeanOf(Outcome):
    """The mean of some numbers, and a figure that is undefined where the first of them is not drawn."""

    def __init__(self, values: Any, run_length: int = 1) -> None:
        self.values, self.length = np.asarray(values, dtype=np.float64), run_length
        self.metrics = {"test/mean": float(self.values.sum()) / max(len(values), 1)}

    num_items = property(lambda self: len(self.values))
    run_length = property(lambda self: self.length)

    def resampled(self, weights: Any) -> dict[str, Any]:
        first = np.where(weights[:, 0] > 0, 1.0, np.nan)
        return {"test/mean": weights @ self.values / weights.sum(axis=1), "test/first": first}

    def score_table(self) -> None:
        return None

    def result_table(self) -> ResultTable:
        return ResultTable("", (), [], [], [])


def test_the_interval_of_a_share_is_that_of_the_binomial_distribution() -> None:
    found = interval_figures(MeanOf([1] * 40 + [0] * 60))
    # a share of 0.4 of 100: binomial quantiles at 2.5 and 97.5 % are 0.31 and 0.50
    assert found["test/mean/ci_low"] == pytest.approx(0.31, abs=0.015)
    assert found["test/mean/ci_high"] == pytest.approx(0.50, abs=0.015)
    assert found == interval_figures(MeanOf([1] * 40 + [0] * 60))


def test_undefined_values_and_single_items() -> None:
    assert interval_figures(MeanOf([2.0, 4.0]))["test/first/ci_low"] == 1.0
    assert interval_figures(MeanOf([2.0])) == {}
    assert interval_figures(MeanOf([])) == {}


def test_runs_of_neighbors_are_drawn_together() -> None:
    weights = np.concatenate(list(resamples(6, 3)))
    assert weights.shape == (1000, 6)
    assert (weights.sum(axis=1) == 6).all()
    # two runs of three of six in a circle: opposite ones cover each item once, equal ones three twice
    assert {tuple(sorted(row)) for row in weights.tolist()} == {
        (1, 1, 1, 1, 1, 1),
        (0, 0, 0, 2, 2, 2),
        (0, 0, 1, 1, 2, 2),
        (0, 1, 1, 1, 1, 2),
    }
    # numbers that change slowly: drawn one by one their mean seems surer than it is
    slow = np.repeat(np.random.default_rng(1).normal(size=20), 25)
    widths = []
    for length in (1, 25):
        found = interval_figures(MeanOf(slow, length))
        widths.append(found["test/mean/ci_high"] - found["test/mean/ci_low"])
    assert widths[1] > 2.5 * widths[0]


def test_very_many_items_are_drawn_less_often() -> None:
    count = sum(len(part) for part in resamples(400_000))
    assert count == 500


def test_a_table_knows_the_keys_of_its_cells() -> None:
    table = ResultTable(
        "t",
        ("F1", "AUROC"),
        [("model", [0.5, 0.75])],
        [("other", [0.1, 0.2])],
        [],
        figures=("f1", "auroc"),
        prefixes={"model": "test"},
        support={"test/f1": 29, "test/auroc": 30},
    )
    metrics = {"test/f1": 0.5, "test/f1/ci_low": 0.25, "test/f1/ci_high": 0.625}
    assert table_intervals(table, metrics) == {("model", 0): (0.25, 0.625)}
    assert few_cells(table) == {("model", 0)}
