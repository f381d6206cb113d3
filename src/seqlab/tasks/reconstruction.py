"""Write a session again from what was read of it; what cannot be written well is unusual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.data.batches import SessionBatch
from seqlab.data.vocabulary import SPECIAL
from seqlab.networks.contracts import ReconstructionNetwork, check_shape
from seqlab.tasks.base import EventScores, Losses, SequenceTask
from seqlab.tasks.graphs import BATCH, LENGTH, Graph, Tensors, padded_rows, real_steps
from seqlab.tasks.next_event import event_scores


class Reconstruction(SequenceTask[SessionBatch]):
    """Cross-entropy of each token of the session, EOS included, padding not.

    A token that is UNK counts in no loss, as in NextEvent.

    Args:
        unk_id: from the data.
        **settings: those of SequenceTask.
    """

    batch_type: ClassVar[type] = SessionBatch
    contract: ClassVar[type | None] = ReconstructionNetwork

    def __init__(self, *, unk_id: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.unk_id = unk_id

    def try_network(self, batch: SessionBatch, sizes: Mapping[str, int]) -> None:
        found = self.network(batch.source, batch.decoder_input, batch.lengths, batch.mask)
        rows, steps = batch.source.shape
        given = f"a source of shape (D, S) = {(rows, steps)}"
        axes = {"D": rows, "S": steps, "V": sizes["vocab_size"]}
        check_shape(self.network, "logits", getattr(found, "logits", found), axes, given)
        if getattr(found, "attention", None) is not None:
            axes = {"D": rows, "S": steps, "S (read)": steps}
            check_shape(self.network, "attention", found.attention, axes, given)

    def one_pass(self, sizes: Mapping[str, int], data: Mapping[str, Any]) -> Graph:
        def outputs(network: Any, source: Tensor, lengths: Tensor) -> Tensors:
            """What the decoder is fed follows from what the encoder reads."""
            decoder_input = F.pad(source, (1, 0), value=SPECIAL.bos)[:, : source.shape[1]]
            logits = network(source, decoder_input, lengths, real_steps(source, lengths)).logits
            return (logits.float().log_softmax(dim=-1),)

        return Graph(
            self.network,
            outputs,
            {"source": (BATCH, LENGTH), "lengths": (BATCH,)},
            {"log_probabilities": (BATCH, LENGTH, sizes["vocab_size"])},
            padded_rows(sizes["vocab_size"]),
            20,
            real_steps,
        )

    def _real_logits(self, batch: SessionBatch) -> tuple[Tensor, Tensor]:
        """(N, V) logits and (N,) targets of the batch's N real tokens, row by row."""
        logits = self.network(batch.source, batch.decoder_input, batch.lengths, batch.mask).logits
        return logits.float()[batch.mask], batch.source[batch.mask]

    def losses(self, batch: SessionBatch) -> Losses:
        logits, targets = self._real_logits(batch)
        count = batch.session_count.repeat_interleave(batch.lengths)
        count = count * (targets != self.unk_id)  # (N,)
        nll = F.cross_entropy(logits, targets, reduction="none")
        with torch.no_grad():
            correct = count * (logits.argmax(dim=1) == targets)
        return Losses((nll * count).sum(), correct.sum(), count.sum())

    def predict_step(self, batch: SessionBatch, batch_idx: int = 0) -> EventScores:
        """Scores of the batch's (N,) real tokens, row by row."""
        return event_scores(*self._real_logits(batch))

    @torch.inference_mode()
    def attention_weights(self, batch: SessionBatch) -> Tensor | None:
        """(D, S, S) weight of each read token (last axis) for each written one; None without attention."""
        self.eval()
        return self.network(batch.source, batch.decoder_input, batch.lengths, batch.mask).attention
