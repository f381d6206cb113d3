"""Predict the next key of a window; how surprising the true one was scores its session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.contracts import full_name
from seqlab.data.batches import WindowBatch
from seqlab.errors import UserError
from seqlab.networks.contracts import NextEventNetwork, check_shape
from seqlab.tasks.base import EventScores, Losses, SequenceTask

if TYPE_CHECKING:
    from seqlab.tasks.graphs import Graph


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

    Where the data says when events came (``data.times=true``), the cross-entropy of each delay's bucket,
    given its event, is added to that of the event.

    Targets that are UNK are left out of loss and accuracy: no training target is UNK, so what the network
    gives it was never trained. As scores they are maximally surprising (see detection/surprise.py).

    Args:
        unk_id: from the data.
        **settings: those of SequenceTask.
    """

    batch_type: ClassVar[type] = WindowBatch
    contract: ClassVar[type | None] = NextEventNetwork

    def __init__(self, *, unk_id: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.unk_id = unk_id

    def try_network(self, batch: WindowBatch, sizes: Mapping[str, int]) -> None:
        logits, _ = self._logits(batch)
        axes = {"C": len(batch.contexts), "V": sizes["vocab_size"]}
        given = f"contexts of shape (C, W) = {tuple(batch.contexts.shape)}"
        check_shape(self.network, "logits", logits, axes, given)

    def one_pass(self, sizes: Mapping[str, int], data: Mapping[str, Any]) -> Graph:
        from seqlab.tasks.graphs import BATCH, LENGTH, Graph, random_tokens

        vocab_size = sizes["vocab_size"]
        tokens = random_tokens(vocab_size)
        return Graph(
            self.network,
            lambda network, contexts: (network(contexts).float().log_softmax(dim=-1),),
            {"contexts": (BATCH, LENGTH)},
            {"log_probabilities": (BATCH, vocab_size)},
            lambda batch, length, generator: (tokens(batch, length, generator),),
            int(data.get("window_size", 10)),
        )

    def losses(self, batch: WindowBatch) -> Losses:
        logits, delays = self._logits(batch)
        logits = logits.float()[batch.pair_context]  # (P, V)
        count = batch.pair_count * (batch.pair_target != self.unk_id)
        nll = F.cross_entropy(logits, batch.pair_target, reduction="none")
        if delays is not None and batch.pair_delay is not None:
            from seqlab.networks.delays import delay_loss

            nll = nll + delay_loss(delays, batch.pair_delay)
        with torch.no_grad():
            correct = count * (logits.argmax(dim=1) == batch.pair_target)
        return Losses((nll * count).sum(), correct.sum(), count.sum())

    def predict_step(self, batch: WindowBatch, batch_idx: int = 0) -> EventScores:
        """Scores of the batch's (P,) pairs."""
        logits, delays = self._logits(batch)
        scores = event_scores(logits[batch.pair_context], batch.pair_target)
        if delays is None or batch.pair_delay is None:
            return scores
        from seqlab.networks.delays import delay_loss, longer

        return EventScores(
            *scores[:2], delay_loss(delays, batch.pair_delay), longer(delays, batch.pair_delay)
        )

    def _logits(self, batch: WindowBatch) -> tuple[Tensor, Tensor | None]:
        """(C, V) of the next key and, where delays are read, (P, NUM_DELAYS) of the delay before it.

        Raises:
            UserError: a network that reads delays and a batch without them, or the other way round.
        """
        head: Any = getattr(self.network, "delay_head", None)
        if (head is None) != (batch.pair_delay is None):
            if not hasattr(self.network, "delay_head"):
                raise UserError(
                    f"data.times=true: {full_name(self.network)} has no delay_head, so it reads no times: "
                    "set data.times=false"
                )
            raise UserError(
                f"model.network.times={head is not None} and data.times={head is None}: set data.times "
                "alone, the model follows it"
            )
        if head is None:
            return self.network(batch.contexts), None
        network: Any = self.network
        states = network.states(batch.contexts)
        return network.output(states), head(states, batch.pair_context, batch.pair_target)
