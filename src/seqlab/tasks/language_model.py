"""Predict the next token of a text, with the state carried from batch to batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.contracts import full_name
from seqlab.data.batches import TextBatch
from seqlab.data.text_streams import StreamBatches, StreamDataset
from seqlab.errors import UserError
from seqlab.networks.contracts import LanguageModelNetwork, check_shape, described
from seqlab.networks.reading import read_on
from seqlab.progress import track
from seqlab.search.sampling import Sampling
from seqlab.tasks.base import Losses, SequenceTask
from seqlab.tasks.graphs import (
    BATCH,
    LENGTH,
    Graph,
    Tensors,
    random_state,
    random_tokens,
    state_axes,
    state_tensors,
)


class TokenScores(NamedTuple):
    """How tokens struck the network; one place per token."""

    nll: Tensor  # float32, -log p(token), in nats
    guess: Tensor  # int64, the likeliest token
    correct: Tensor  # bool, the token was the guess


class LanguageModel(SequenceTask[TextBatch]):
    """Cross-entropy of each next token, in nats.

    Truncated backpropagation through time (Williams and Peng, 1990): a piece that goes on where the last one
    ended gets its final state, detached; one that starts gets zeros. Training and validation carry a state
    each; the training state is part of a checkpoint. A network without a state trains on each piece by
    itself; in validation, test and generated text it reads windows: see ``read_on``.
    """

    batch_type: ClassVar[type] = TextBatch
    splits_validation: ClassVar[bool] = False  # a batch goes on where the one before ended
    contract: ClassVar[type | None] = LanguageModelNetwork

    def __init__(
        self, *, pad_id: int, temperature: float = 0.8, top_p: float = 0.99, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.pad_id = pad_id
        self.sampling = Sampling(temperature, top_p=top_p)
        self.carried: dict[bool, Any] = {True: None, False: None}  # by whether it is training
        self.before: Tensor | None = (
            None  # (B, K) last tokens read in validation, of a network without a state
        )

    def logits(self, batch: TextBatch) -> Tensor:
        """(B, T, V); carries the state on."""
        state = None if bool(batch.is_start.all()) else self.carried[self.training]
        alone = self.training or bool(batch.is_start.any())
        before = None if alone else self.before
        logits, state, before = read_on(self.network, batch.inputs, _emptied(state, batch.is_start), before)
        self.carried[self.training] = _each(state, Tensor.detach)
        if not self.training:
            self.before = before
        return logits.float()

    def try_network(self, batch: TextBatch, sizes: Mapping[str, int]) -> None:
        rows, steps = batch.inputs.shape
        given = f"tokens of shape (B, T) = {(rows, steps)}"
        found = self.network(batch.inputs, None)
        if not isinstance(found, tuple) or len(found) != 2:
            raise UserError(
                f"{full_name(self.network)} was given {given}: (logits, state) are expected, (logits, None) "
                f"of a network without a state; {described(found)} came"
            )
        axes = {"B": rows, "T": steps, "V": sizes["vocab_size"]}
        check_shape(self.network, "logits", found[0], axes, given)
        for part in state_tensors(found[1]):
            if not isinstance(part, Tensor) or part.ndim < 2 or part.shape[1] != rows:
                raise UserError(
                    f"{full_name(self.network)} was given {given}: a state of tensors with the batch of "
                    f"{rows} on their second axis is expected, or None; {described(part)} came"
                )

    def one_pass(self, sizes: Mapping[str, int], data: Mapping[str, Any]) -> Graph:
        tokens = random_tokens(sizes["vocab_size"])
        with torch.no_grad():
            token = torch.zeros(1, 1, dtype=torch.int64)
            state = self.network(token, None)[1]
            axes = state_axes(state, self.network(token, state)[1])

        def sample(batch: int, length: int, generator: torch.Generator) -> Tensors:
            return tokens(batch, length, generator), *random_state(axes, batch, generator)

        def outputs(network: Any, given: Tensor, *states: Tensor) -> Tensors:
            state: Any = None if not states else states[0] if len(states) == 1 else states
            logits, state = network(given, state)
            return logits.float().log_softmax(dim=-1), *state_tensors(state)

        longest = getattr(self.network, "context_size", None)
        return Graph(
            self.network,
            outputs,
            {"tokens": (BATCH, LENGTH), **axes},
            {
                "log_probabilities": (BATCH, LENGTH, sizes["vocab_size"]),
                **{f"{name}_after": each for name, each in axes.items()},
            },
            sample,
            32 if longest is None else max(min(32, (int(longest) - 1) // 3), 1),
        )

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


def _each(state: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """A state whose tensors a function was applied to."""
    if state is None or isinstance(state, Tensor):
        return None if state is None else function(state)
    return tuple(function(part) for part in state)


def _emptied(state: Any, is_start: Tensor) -> Any:
    """A state of (layers, B, ...) tensors without what it holds of the pieces that start."""
    return _each(state, lambda part: part.masked_fill(is_start.view(-1, *[1] * (part.ndim - 2)), 0))


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
    batches = StreamBatches(streams, seed=0, shift=False)
    parts = [task.predict_step(streams[batch]) for batch in track(batches, "judging")]
    fields = zip(*parts, strict=True)
    return TokenScores(*(torch.cat(field, dim=1).flatten()[: len(tokens) - 1] for field in fields))
