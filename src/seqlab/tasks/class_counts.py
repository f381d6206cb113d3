"""Right and wrong classes, tags and entities: counted over a split and all processes, and their figures."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torchmetrics import Metric

from seqlab.data.tags import count_entities


class ClassFigures(NamedTuple):
    """Precision, recall and F1 of one class, or arrays of several; 0 where there is nothing to divide by."""

    precision: Any
    recall: Any
    f1: Any

    @classmethod
    def from_counts(cls, right: Any, predicted: Any, gold: Any) -> ClassFigures:
        return cls(
            right / np.maximum(predicted, 1),
            right / np.maximum(gold, 1),
            2 * right / np.maximum(gold + predicted, 1),
        )


def count_confusion(gold: ArrayLike, predicted: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """(C, C) counts, gold by predicted, of (N,) class ids each."""
    pairs = np.asarray(gold) * num_classes + np.asarray(predicted)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def classification_figures(confusion: ArrayLike) -> dict[str, float]:
    """accuracy and macro_f1 of (C, C) counts, gold by predicted.

    Macro F1 is the plain mean over the classes that occur, in gold or prediction.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    predicted, gold = counts.sum(axis=0), counts.sum(axis=1)
    f1 = ClassFigures.from_counts(counts.diagonal(), predicted, gold).f1[predicted + gold > 0]
    return {
        "accuracy": float(counts.trace() / max(counts.sum(), 1)),
        "macro_f1": float(f1.mean()) if len(f1) else 0.0,
    }


def class_figures(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> dict[str, float]:
    """accuracy and macro_f1 of (N,) class ids each."""
    return classification_figures(count_confusion(gold, predicted, num_classes))


class Confusion(Metric):
    """Counts pairs of gold and predicted classes over a split."""

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


class TagCounts(Confusion):
    """Counts pairs of gold and predicted plain tags over a split.

    Args:
        num_tags: tags that training has; all that it lacks count as one more, which is never predicted.
    """

    figures = ("accuracy", "macro_f1")
    main = "accuracy"  # the one that a tagger is judged by

    def __init__(self, num_tags: int) -> None:
        super().__init__(num_tags + 1)

    def update(self, gold: Tensor, predicted: Tensor, mask: Tensor) -> None:  # type: ignore[override]
        """Add (B, T) tag ids; only those under the (B, T) mask count."""
        super().update(gold[mask].clamp(max=self.num_classes - 1), predicted[mask])


def plain_figures(gold: NDArray[np.int64], predicted: NDArray[np.int64], num_tags: int) -> dict[str, float]:
    """accuracy and macro_f1 of (N,) tag ids of a whole split, counted as ``TagCounts`` does."""
    return class_figures(np.minimum(gold, num_tags), np.minimum(predicted, num_tags), num_tags + 1)


class EntityCounts(Metric):
    """Counts entities and right tokens over a split; micro-averaged over types, as seqeval counts them."""

    full_state_update = False
    figures = ("entity_f1", "entity_precision", "entity_recall", "token_accuracy")
    main = "entity_f1"  # the one that a tagger is judged by
    entities: Tensor
    right_tokens: Tensor
    num_tokens: Tensor

    def __init__(self) -> None:
        super().__init__()
        # right, predicted, gold
        self.add_state("entities", torch.zeros(3, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("right_tokens", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("num_tokens", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, gold: Tensor, predicted: Tensor, mask: Tensor) -> None:
        """Add (B, T) tag ids; only those under the (B, T) mask count."""
        starts = torch.zeros_like(mask)
        starts[:, 0] = True
        true, guessed, is_first = (part[mask].cpu().numpy() for part in (gold, predicted, starts))
        self.entities += torch.from_numpy(_entities(true, guessed, is_first)).to(self.entities)
        self.right_tokens += int((true == guessed).sum())
        self.num_tokens += len(true)

    def compute(self) -> dict[str, Tensor]:
        """() each of ``figures``."""
        accuracy = (self.right_tokens / self.num_tokens.clamp(min=1)).item()
        found = _entity_figures(self.entities.cpu().numpy(), accuracy)
        return {name: torch.tensor(value, device=self.entities.device) for name, value in found.items()}


def tagging_figures(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], is_first: NDArray[np.bool_]
) -> dict[str, float]:
    """entity_precision, entity_recall, entity_f1 and token_accuracy of (N,) tag ids of a whole split."""
    return _entity_figures(_entities(gold, predicted, is_first), float((gold == predicted).mean()))


def _entities(gold: NDArray[Any], predicted: NDArray[Any], is_first: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(3,) entities that are right, predicted and gold, of all types."""
    num_types = max((int(max(gold.max(), predicted.max())) + 1) // 2, 1)
    return count_entities(gold, predicted, is_first, num_types).sum(axis=1)


def _entity_figures(counts: NDArray[Any], token_accuracy: float) -> dict[str, float]:
    figures = ClassFigures.from_counts(*counts)._asdict()
    return {f"entity_{name}": float(value) for name, value in figures.items()} | {
        "token_accuracy": token_accuracy
    }
