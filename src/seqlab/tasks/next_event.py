"""Predict the next key of a window; how surprising the true one was scores its session."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.data.batches import WindowBatch
from seqlab.tasks.base import EventScores, Losses, SequenceTask


def event_scores(logits: Tensor, targets: Tensor) -> EventScores:
    """NLL and rank of the true events.

    Args:
        logits: (P, V).
        targets: (P,) int64.
    """
    logits = logits.float()
    nll = F.cross_entropy(logits, targets, reduction="none")
    true = logits.gather(1, targets[:, None])
    return EventScores(nll, (logits > true).sum(dim=1))


class NextEvent(SequenceTask[WindowBatch]):
    """Cross-entropy on the next key, each distinct (context, key) pair weighted by how often it occurs.

    Targets that are UNK are left out of loss and accuracy: no training target is UNK, so what the network
    gives it was never trained. As scores they are maximally surprising (see detection/surprise.py).

    Args:
        unk_id: from the data.
        **settings: those of SequenceTask.
    """

    batch_type: ClassVar[type] = WindowBatch

    def __init__(self, *, unk_id: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.unk_id = unk_id

    def losses(self, batch: WindowBatch) -> Losses:
        logits = self.network(batch.contexts).float()[batch.pair_context]  # (P, V)
        count = batch.pair_count * (batch.pair_target != self.unk_id)
        nll = F.cross_entropy(logits, batch.pair_target, reduction="none")
        with torch.no_grad():
            correct = count * (logits.argmax(dim=1) == batch.pair_target)
        return Losses((nll * count).sum(), correct.sum(), count.sum())

    def predict_step(self, batch: WindowBatch, batch_idx: int = 0) -> EventScores:
        """Scores of the batch's (P,) pairs."""
        return event_scores(self.network(batch.contexts)[batch.pair_context], batch.pair_target)
