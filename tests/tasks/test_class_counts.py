import numpy as np
import pytest
import torch

from seqlab.tasks.class_counts import (
    ClassFigures,
    Confusion,
    EntityCounts,
    TagCounts,
    classification_figures,
    count_confusion,
    plain_figures,
    tagging_figures,
)

# 3 tags in training; tag 3 is one that training lacks
GOLD = [0, 0, 0, 1, 1, 2, 3]
PREDICTED = [0, 0, 1, 1, 1, 0, 2]
# right 4 of 7; F1: tag 0 2*2/(3+3), tag 1 2*2/(2+3), tag 2 0 of 1+1, tag 3 0
EXPECTED = {"accuracy": 4 / 7, "macro_f1": (2 / 3 + 4 / 5 + 0 + 0) / 4}


def test_figures_of_a_small_matrix_by_hand() -> None:
    # rows gold, columns predicted; the fourth class does not occur
    confusion = count_confusion([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 0, 0], 4)
    assert confusion.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    figures = ClassFigures.from_counts(confusion.diagonal(), confusion.sum(axis=0), confusion.sum(axis=1))
    assert figures.precision.tolist() == pytest.approx([2 / 4, 1 / 2, 0, 0])
    assert figures.recall.tolist() == pytest.approx([2 / 3, 1 / 2, 0, 0])
    assert figures.f1.tolist() == pytest.approx([4 / 7, 1 / 2, 0, 0])
    assert classification_figures(confusion) == {
        "accuracy": pytest.approx(3 / 6),
        "macro_f1": pytest.approx((4 / 7 + 1 / 2 + 0) / 3),
    }


def test_batches_add_up_to_the_whole() -> None:
    gold, predicted = torch.tensor([0, 1, 2, 1, 1]), torch.tensor([0, 2, 2, 1, 0])
    metric = Confusion(3)
    metric.update(gold[:2], predicted[:2])
    metric.update(gold[2:], predicted[2:])
    whole = classification_figures(count_confusion(gold, predicted, 3))
    assert {name: float(value) for name, value in metric.compute().items()} == pytest.approx(whole)


def test_figures_from_counts() -> None:
    figures = ClassFigures.from_counts(right=2, predicted=4, gold=3)
    assert figures == pytest.approx((0.5, 2 / 3, 4 / 7))
    assert ClassFigures.from_counts(0, 0, 0) == (0, 0, 0)


def test_batches_of_padded_sentences_count_as_the_whole_split() -> None:
    rng = np.random.default_rng(0)
    gold, predicted = torch.from_numpy(rng.integers(0, 5, size=(2, 6, 7)))
    lengths = torch.tensor([7, 3, 1, 4, 5, 2])
    mask = torch.arange(7) < lengths[:, None]
    counts = EntityCounts()
    for rows in (slice(0, 4), slice(4, 6)):
        counts.update(gold[rows], predicted[rows], mask[rows])
    firsts = torch.zeros_like(mask)
    firsts[:, 0] = True
    whole = tagging_figures(gold[mask].numpy(), predicted[mask].numpy(), firsts[mask].numpy())
    assert whole["entity_f1"] > 0
    assert {name: value.item() for name, value in counts.compute().items()} == pytest.approx(whole)


def test_hand_counted_figures() -> None:
    # gold PER(0-2), LOC(3); predicted PER(0), LOC(3): one of two found, tokens 3 of 4
    gold, predicted = np.array([3, 4, 0, 1]), np.array([3, 0, 0, 1])
    figures = tagging_figures(gold, predicted, np.array([True, False, False, False]))
    assert figures == pytest.approx(
        {"entity_precision": 0.5, "entity_recall": 0.5, "entity_f1": 0.5, "token_accuracy": 0.75}
    )
    nothing = tagging_figures(np.zeros(3, int), np.zeros(3, int), np.array([True, False, False]))
    assert nothing["entity_f1"] == 0
    assert nothing["token_accuracy"] == 1


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
