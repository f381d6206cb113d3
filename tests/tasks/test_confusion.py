import pytest
import torch

from seqlab.tasks.confusion import ClassFigures, Confusion, classification_figures, count_confusion


def test_figures_of_a_small_matrix_by_hand() -> None:
    # rows gold, columns predicted; the fourth class does not occur
    confusion = count_confusion([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 0, 0], 4)
    assert confusion.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    figures = ClassFigures.from_counts(confusion)
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
