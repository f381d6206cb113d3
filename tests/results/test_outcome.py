import math
from typing import ClassVar

import numpy as np
import pytest
import torch

from seqlab.results.outcome import Outcome, ResultTable, plain_figures


def test_numbers_of_any_library_become_floats() -> None:
    figures = plain_figures({"a": 1, "b": np.float32(0.5), "c": torch.tensor(0.25)})
    assert figures == {"a": 1.0, "b": 0.5, "c": 0.25}
    assert all(type(value) is float for value in figures.values())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_figure_that_is_not_finite_is_named(value: float) -> None:
    with pytest.raises(ValueError, match=rf"test/auroc={value}: a metric must be finite"):
        plain_figures({"val/loss": 1.0, "test/auroc": value})


def test_the_table_is_made_once_for_all_its_readers() -> None:
    made = []

    class Counted(Outcome):
        metrics: ClassVar[dict[str, float]] = {}

        def score_table(self) -> None:
            return None

        def result_table(self) -> ResultTable:
            made.append(1)
            return ResultTable("2 items", ("accuracy",), [("model", [0.5])], [], [])

    outcome = Counted()
    assert outcome.table_once is outcome.table_once
    assert outcome.in_words() == [("model", "accuracy 0.5 (2 items)")]
    assert made == [1]
