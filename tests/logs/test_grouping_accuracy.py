"""Grouping accuracy by hand, and of the formats against drain3 with the masks that loghub gives it."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest


@pytest.fixture
def benchmark(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """benchmarks/grouping_accuracy.py."""
    return load_script("benchmarks/grouping_accuracy.py")


def test_by_hand(benchmark: ModuleType) -> None:
    grouping_accuracy = benchmark.grouping_accuracy
    assert grouping_accuracy("aabbc", "xxyyz") == 1
    assert grouping_accuracy("aabbb", "xxyyz") == pytest.approx(2 / 5)  # b holds a line too many
    assert grouping_accuracy([10, 1, 10], ["a", "b", "a"]) == 1
    assert grouping_accuracy("abbcc", "xxxyy") == pytest.approx(2 / 5)  # x is cut in two
    assert grouping_accuracy(range(4), "xxxx") == 0


def test_formats_group_as_well_as_drain3_with_the_masks_of_loghub(
    loghub: tuple[str, Path], benchmark: ModuleType
) -> None:
    name, path = loghub
    truth = pd.read_csv(f"{path}_structured.csv", dtype=str, keep_default_na=False)
    messages = truth["Content"].tolist()
    grouping_accuracy = benchmark.grouping_accuracy
    ours, theirs = benchmark.our_ids(name, path, messages), benchmark.drain3_ids(name, messages)
    assert grouping_accuracy(ours, truth["EventId"]) >= grouping_accuracy(theirs, truth["EventId"])
