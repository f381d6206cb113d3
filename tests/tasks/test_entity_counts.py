import numpy as np
import pytest
import torch

from seqlab.tasks.entity_counts import EntityCounts, EntityFigures, tagging_figures


def test_figures_from_counts() -> None:
    figures = EntityFigures.from_counts(found=2, predicted=4, gold=3)
    assert figures == pytest.approx((0.5, 2 / 3, 4 / 7))
    assert EntityFigures.from_counts(0, 0, 0) == (0, 0, 0)


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
