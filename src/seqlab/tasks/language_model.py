"""Predict the next token of a text, with the state carried from batch to batch."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.data.batches import TextBatch
from seqlab.data.text_streams import StreamBatches, StreamDataset
from seqlab.networks.char_rnn import CharRNN
from seqlab.networks.encoders import State
from seqlab.search.sampling import Sampling
from seqlab.tasks.base import Losses, SequenceTask


class TokenScores(NamedTuple):
    """How tokens struck the network; one place per token."""

    nll: Tensor  # float32, -log p(token), in nats
    guess: Tensor  # int64, the likeliest token
    correct: Tensor  # bool, the token was the guess


class LanguageModel(SequenceTask[TextBatch]):
    """Cross-entropy of each next token, in nats.

    Truncated backpropagation through time (Williams and Peng, 1990): a piece that goes on where the last one
    ended gets its final state, detached; one that starts gets zeros. Training and validation carry a state
    each; the training state is part of a checkpoint.

    Args:
        pad_id: from the data.
        temperature, top_p: how ``seqlab generate`` draws unless told otherwise (seqlab.search.sampling). A
            network that knows its text well needs no sharpening: at 0.8 it writes what is too likely.
        **settings: those of SequenceTask.
    """

    batch_type: ClassVar[type] = TextBatch
    splits_validation: ClassVar[bool] = False  # a batch goes on where the one before ended
    network: CharRNN

    def __init__(
        self, *, pad_id: int, temperature: float = 0.8, top_p: float = 0.99, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.pad_id = pad_id
        self.sampling = Sampling(temperature, top_p=top_p)
        self.carried: dict[bool, State | None] = {True: None, False: None}  # by whether it is training

    def logits(self, batch: TextBatch) -> Tensor:
        """(B, T, V); carries the state on."""
        state = None if bool(batch.is_start.all()) else self.carried[self.training]
        logits, state = self.network(batch.inputs, _emptied(state, batch.is_start))
        self.carried[self.training] = _detached(state)
        return logits.float()

    def losses(self, batch: TextBatch) -> Losses:
        logits, targets = self.logits(batch).flatten(0, 1), batch.targets.flatten()
        nll = F.cross_entropy(logits, targets, reduction="sum", ignore_index=self.pad_id)
        correct = None
        if not self.training:
            correct = ((logits.argmax(dim=1) == targets) & (targets != self.pad_id)).sum()
        return Losses(nll, correct, batch.num_units)

    def predict_step(self, batch: TextBatch, batch_idx: int = 0) -> TokenScores:
        """(B, T) scores of the targets; 0 nats where there is none."""
        logits, targets = self.logits(batch), batch.targets
        nll = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none", ignore_index=self.pad_id)
        guess = logits.argmax(dim=2)
        return TokenScores(nll, guess, guess == targets)

    def get_extra_state(self) -> dict[str, Any]:
        """The carried training state, for the checkpoint."""
        return {"carried": self.carried[True]}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.carried[True] = state["carried"]


def _emptied(state: State | None, is_start: Tensor) -> State | None:
    """A state of (layers, B, H) without what it holds of the pieces that start."""
    if state is None:
        return None
    if isinstance(state, tuple):
        hidden, cell = state
        return hidden.masked_fill(is_start[:, None], 0.0), cell.masked_fill(is_start[:, None], 0.0)
    return state.masked_fill(is_start[:, None], 0.0)


def _detached(state: State) -> State:
    if isinstance(state, tuple):
        return state[0].detach(), state[1].detach()
    return state.detach()


@torch.inference_mode()
def score_tokens(task: LanguageModel, tokens: Tensor, *, num_streams: int, chunk: int = 256) -> TokenScores:
    """(N - 1,) scores of each token of a text but its first.

    The text is read as contiguous streams with carried state, so that every token is predicted once; each
    stream's first token is predicted from no state.

    Args:
        tokens: (N,) ids, at least 2.
        num_streams: 1 reads the text in one go: exact and slow.
        chunk: tokens of a stream a call; any number gives the same figures.
    """
    task.eval()
    streams = StreamDataset(tokens.to(task.device), num_streams, chunk)
    parts = [task.predict_step(streams[batch]) for batch in StreamBatches(streams, seed=0, shift=False)]
    fields = zip(*parts, strict=True)
    return TokenScores(*(torch.cat(field, dim=1).flatten()[: len(tokens) - 1] for field in fields))
