"""Counts of gold against predicted classes, and the figures read off them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torchmetrics import Metric


class ClassFigures(NamedTuple):
    """Precision, recall and F1 of each of C classes; 0 where there is nothing to divide by."""

    precision: NDArray[np.float64]  # (C,)
    recall: NDArray[np.float64]  # (C,)
    f1: NDArray[np.float64]  # (C,)

    @classmethod
    def from_counts(cls, confusion: ArrayLike) -> ClassFigures:
        """Of (C, C) counts, gold by predicted."""
        counts = np.asarray(confusion, dtype=np.float64)
        right, gold, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
        return cls(
            right / np.maximum(predicted, 1),
            right / np.maximum(gold, 1),
            2 * right / np.maximum(gold + predicted, 1),
        )


def classification_figures(confusion: ArrayLike) -> dict[str, float]:
    """accuracy and macro_f1 of (C, C) counts, gold by predicted.

    Macro F1 is the plain mean over the classes that occur, in gold or prediction.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    occurs = counts.sum(axis=0) + counts.sum(axis=1) > 0
    f1 = ClassFigures.from_counts(counts).f1[occurs]
    return {
        "accuracy": float(counts.trace() / max(counts.sum(), 1)),
        "macro_f1": float(f1.mean()) if len(f1) else 0.0,
    }


def count_confusion(gold: ArrayLike, predicted: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """(C, C) counts, gold by predicted, of (N,) class ids each."""
    pairs = np.asarray(gold) * num_classes + np.asarray(predicted)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


class Confusion(Metric):
    """Counts pairs of gold and predicted classes over a split, over all processes."""

    full_state_update = False
    counts: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        zeros = torch.zeros(num_classes * num_classes, dtype=torch.int64)
        self.add_state("counts", zeros, dist_reduce_fx="sum")

    def update(self, gold: Tensor, predicted: Tensor) -> None:
        """Add (B,) class ids each."""
        self.counts += torch.bincount(gold * self.num_classes + predicted, minlength=len(self.counts))

    def compute(self) -> dict[str, Tensor]:
        """() each: accuracy, macro_f1."""
        counts = self.counts.view(self.num_classes, -1).cpu().numpy()
        return {name: torch.tensor(value) for name, value in classification_figures(counts).items()}
