from typing import Any

import numpy as np
import pytest

from seqlab.data.module import Profile
from seqlab.evaluation.audit import LeakAudit, length_distance
from seqlab.evaluation.base import NothingFitted
from seqlab.evaluation.validation_only import NotTested
from seqlab.results.outcome import Outcome, ResultTable


class Data:
    """Splits of words; a test split that is locked while ``is_open`` is not set."""

    is_open = False

    def __init__(self, **splits: tuple[list[str], tuple[str, str] | None]) -> None:
        self.splits = splits

    def profile(self, split: str) -> Profile:
        assert (split == "test") == self.is_open
        words, span = self.splits[split]
        known = set("".join(self.splits["train"][0]))
        return Profile(
            "words",
            words,
            np.array(list(map(len, words))),
            np.array([not set(word) <= known for word in words]),
            "a letter that training never showed",
            span,
        )

    def fitted_on(self) -> dict[str, str]:
        return {"vocabulary": "4 training words"}

    def split_rule(self) -> str:
        return "split in order"


class Judged(Outcome):
    """``right`` of N test items."""

    def __init__(self, right: list[int]) -> None:
        self.right = np.array(right, dtype=np.float64)
        self.metrics = {"test/accuracy": float(self.right.sum()) / max(len(right), 1)}

    num_items = property(lambda self: len(self.right))

    def resampled(self, weights: Any) -> dict[str, Any]:
        return {"test/accuracy": weights @ self.right / weights.sum(axis=1)}

    def score_table(self) -> None:
        return None

    def result_table(self) -> ResultTable:
        rows = [("model", [self.metrics["test/accuracy"]])]
        return ResultTable("", ("accuracy",), rows, [], [], figures=("accuracy",), prefixes={"model": "test"})


def audited(data: Data, right: list[int]) -> tuple[dict[str, float], dict[str, str]]:
    audit = LeakAudit(data, NothingFitted())
    data.is_open = True
    figures = audit.figures(Judged(right))
    return figures, dict(audit.lines)


def test_duplicates_are_counted_and_figures_given_without_them() -> None:
    train = ["ab", "cd", "abc", "d"]
    data = Data(train=(train, None), val=(["ab", "b"], None), test=(["ab", "dc", "x", "ab"], None))
    figures, lines = audited(data, [1, 0, 1, 1])
    assert figures == pytest.approx(
        {
            "audit/duplicate_share": 0.5,
            "audit/val_duplicate_share": 0.5,
            "audit/without_duplicates/accuracy": 0.5,
            # lengths 2 2 3 1 and 2 2 1 2: at 2 the shares are 3/4 and 4/4
            "audit/length_distance": 0.25,
            "audit/unknown_share": 0.25,
        }
    )
    assert lines == {
        "duplicates": "2 of 4 test words (50.0%) are in training; accuracy without them 0.5000, with them "
        "0.7500",
        "fitted": "vocabulary on 4 training words",
        "train and test": "split in order; median length 2 and 2, KS distance 0.25; "
        "1 test words (25.0%) hold a letter that training never showed",
    }


def test_nothing_is_left_or_nothing_repeats() -> None:
    splits = {"train": (["a"], None), "val": (["b"], None)}
    figures, lines = audited(Data(**splits, test=(["a", "a"], None)), [1, 0])
    assert "audit/without_duplicates/accuracy" not in figures
    assert lines["duplicates"].endswith("without them nothing is left")
    figures, lines = audited(Data(**splits, test=(["b"], None)), [1])
    assert figures["audit/duplicate_share"] == 0
    assert lines["duplicates"] == "0 of 1 test words (0.0%) are in training"


@pytest.mark.parametrize(("first", "in_order"), [("2024-03-02", 1.0), ("2024-02-01", 0.0)])
def test_the_order_of_time(first: str, in_order: float) -> None:
    data = Data(
        train=(["a"], ("2024-01-01", "2024-03-01")),
        val=(["a"], None),
        test=(["b"], (first, "2024-04-01")),
    )
    figures, lines = audited(data, [1])
    assert figures["audit/in_order_of_time"] == in_order
    order = "in order of time" if in_order else "NOT in order of time"
    assert f"{order} (train 2024-01-01 to 2024-03-01, test {first} to 2024-04-01)" in lines["train and test"]


def test_where_nothing_was_tested_the_test_split_is_not_read() -> None:
    audit = LeakAudit(Data(train=(["a"], None), val=(["a"], None)), NothingFitted())
    assert audit.figures(NotTested()) == {}
    assert audit.lines == []


def test_items_that_no_figure_counts_are_compared_without_figures() -> None:
    """A text's figures are those of its tokens; the audit compares its lines."""
    data = Data(train=(["a"], None), val=(["a"], None), test=(["a", "b"], None))
    figures, lines = audited(data, [1, 0, 1])
    assert figures["audit/duplicate_share"] == 0.5
    assert not [name for name in figures if "without_duplicates" in name]
    assert lines["duplicates"] == "1 of 2 test words (50.0%) are in training"


@pytest.mark.parametrize("empty", ["train", "test"])
def test_a_split_without_an_item_to_compare(empty: str) -> None:
    splits = {name: (["a"], None) for name in ("train", "val", "test")} | {empty: ([], None)}
    figures, lines = audited(Data(**splits), [1])
    assert figures == {}
    assert lines == {"fitted": "vocabulary on 4 training words", "train and test": "split in order"}


def test_the_distance_of_lengths_is_that_of_scipy() -> None:
    from scipy.stats import ks_2samp

    draw = np.random.default_rng(0)
    one, other = draw.integers(1, 9, 40), draw.integers(3, 12, 25)
    assert length_distance(one, other) == pytest.approx(ks_2samp(one, other).statistic)
