"""Entities found, predicted and gold: precision, recall and F1 as seqeval counts them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from seqlab.data.tags import count_entities


class EntityFigures(NamedTuple):
    """Shares of entities; one is found where both bounds and the type are exact. Over nothing they are 0."""

    precision: float
    recall: float
    f1: float

    @classmethod
    def from_counts(cls, found: float, predicted: float, gold: float) -> EntityFigures:
        return cls(
            found / predicted if predicted else 0.0,
            found / gold if gold else 0.0,
            2 * found / (predicted + gold) if predicted + gold else 0.0,
        )


class EntityCounts(Metric):
    """Counts entities and right tokens over a split, over all processes; micro-averaged over types."""

    full_state_update = False
    figures = ("entity_f1", "entity_precision", "entity_recall", "token_accuracy")
    main = "entity_f1"  # the one that a tagger is judged by
    entities: Tensor
    right_tokens: Tensor
    num_tokens: Tensor

    def __init__(self) -> None:
        super().__init__()
        # found, predicted, gold
        self.add_state("entities", torch.zeros(3, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("right_tokens", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("num_tokens", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, gold: Tensor, predicted: Tensor, mask: Tensor) -> None:
        """Add (B, T) tag ids; only those under the (B, T) mask count."""
        true, guessed = gold[mask], predicted[mask]
        starts = torch.zeros_like(mask)
        starts[:, 0] = True
        num_types = (int(max(true.max(), guessed.max())) + 1) // 2
        counts = count_entities(
            true.cpu().numpy(), guessed.cpu().numpy(), starts[mask].cpu().numpy(), max(num_types, 1)
        )
        self.entities += torch.from_numpy(counts.sum(axis=1)).to(self.entities)
        self.right_tokens += (true == guessed).sum()
        self.num_tokens += true.numel()

    def compute(self) -> dict[str, Tensor]:
        """() each: entity_precision, entity_recall, entity_f1, token_accuracy."""
        figures = EntityFigures.from_counts(*self.entities.tolist())
        accuracy = (self.right_tokens / self.num_tokens.clamp(min=1)).item()
        values = {f"entity_{name}": value for name, value in figures._asdict().items()}
        values["token_accuracy"] = accuracy
        return {name: torch.tensor(value, device=self.entities.device) for name, value in values.items()}


def tagging_figures(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], is_first: NDArray[np.bool_]
) -> dict[str, float]:
    """entity_precision, entity_recall, entity_f1 and token_accuracy of (N,) tag ids of a whole split."""
    num_types = max((int(max(gold.max(), predicted.max())) + 1) // 2, 1)
    found, guessed, true = count_entities(gold, predicted, is_first, num_types).sum(axis=1).tolist()
    figures: dict[str, Any] = EntityFigures.from_counts(found, guessed, true)._asdict()
    return {f"entity_{name}": value for name, value in figures.items()} | {
        "token_accuracy": float((gold == predicted).mean())
    }
