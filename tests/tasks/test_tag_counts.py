import numpy as np
import pytest
import torch

from seqlab.tasks.tag_counts import TagCounts, plain_figures

# 3 tags in training; tag 3 is one that training lacks
GOLD = [0, 0, 0, 1, 1, 2, 3]
PREDICTED = [0, 0, 1, 1, 1, 0, 2]
# right 4 of 7; F1: tag 0 2*2/(3+3), tag 1 2*2/(2+3), tag 2 0 of 1+1, tag 3 0
EXPECTED = {"accuracy": 4 / 7, "macro_f1": (2 / 3 + 4 / 5 + 0 + 0) / 4}


def test_accuracy_and_macro_f1_by_hand() -> None:
    assert plain_figures(np.array(GOLD), np.array(PREDICTED), 3) == pytest.approx(EXPECTED)


def test_batches_give_the_figures_of_the_whole_and_padding_counts_nowhere() -> None:
    counts = TagCounts(3)
    gold = torch.tensor([[0, 0, 0, 1], [1, 2, 5, 0]])  # 5: any tag that training lacks
    predicted = torch.tensor([[0, 0, 1, 1], [1, 0, 2, 0]])
    mask = torch.tensor([[True] * 4, [True, True, True, False]])
    counts.update(gold[:1], predicted[:1], mask[:1])
    counts.update(gold[1:], predicted[1:], mask[1:])
    found = {name: value.item() for name, value in counts.compute().items()}
    assert found == pytest.approx(EXPECTED)
    assert set(found) == set(TagCounts.figures)
