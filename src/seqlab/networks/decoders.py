"""Decoders: states and the tokens so far to logits of the next token."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from seqlab.errors import UserError
from seqlab.networks.attention import Attention
from seqlab.networks.contracts import State
from seqlab.networks.recurrent import Cell, Dropout, sequence_layers

ATTEND_AFTER = ("last", "first")
CELLS_AT_ONCE = 2**26  # numbers that attention makes before it goes step by step


class Memory(NamedTuple):
    """What decoders read of B encoded sources; made once, however many steps are decoded."""

    outputs: Tensor  # (B, S, H) encoder states
    mask: Tensor  # (B, S) bool, True on real source tokens
    projected: Tensor | None  # (B, S, H) what the attention scores; None without attention

    def take(self, rows: Tensor) -> Memory:
        """The sources of the given (N,) rows."""
        projected = None if self.projected is None else self.projected.index_select(0, rows)
        return Memory(self.outputs.index_select(0, rows), self.mask.index_select(0, rows), projected)


class AttentionDecoder(nn.Module):
    """Recurrent layers, attention over the encoder's outputs, ``tanh(W [state; context])``, linear to V.

    (Luong et al., EMNLP 2015, equations 5 and 6, without input feeding.) With teacher forcing every decoder
    input is known, so all T steps run in one call of the recurrent layers and one product for the attention.
    Without attention the combining layer reads the state alone.

    Args:
        attention: None for none.
        attend_after: ``last`` layer, or ``first``: the other layers then read [state; context], so that they
            remember what was attended to before (Wu et al., 2016, section 3), still in one call.
        tied: the output's matrix is the embedding's, the combined state then E wide (Press and Wolf, EACL
            2017).

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        attention: Attention | None,
        *,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        cell: Cell,
        attend_after: str = "last",
        embedding_dropout: float = 0.0,
        tied: bool = False,
    ) -> None:
        super().__init__()
        if attend_after not in ATTEND_AFTER:
            raise UserError(f"model.network.attend_after={attend_after}: choose {' or '.join(ATTEND_AFTER)}")
        self.embedding = embedding
        self.embedding_dropout = Dropout(embedding_dropout)
        self.attention = attention
        self.attends_at_once = False  # whatever it takes; else in parts
        self.num_lower = 1 if attend_after == "first" else num_layers
        self.recurrent = _decoder_layers(cell, embedding.embedding_dim, hidden_size, self.num_lower, dropout)
        width = hidden_size * (1 if attention is None else 2)  # of [state; context]
        self.upper: Any = None
        if num_layers > self.num_lower:
            self.upper = _decoder_layers(cell, width, hidden_size, num_layers - self.num_lower, dropout)
        readout_size = embedding.embedding_dim if tied else hidden_size
        self.combine = nn.Linear(width, readout_size)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(readout_size, embedding.num_embeddings)
        if tied:
            self.output.weight = embedding.weight

    def begin(self, hidden: Tensor) -> State:
        """(layers, B, H) of what was read to the state before the first step."""
        if self.recurrent.num_states:
            return hidden
        lower = self.recurrent.begin(hidden[-1])
        return lower if self.upper is None else (*lower, *self.upper.begin(hidden[-1]))

    def remember(self, encoder_outputs: Tensor, source_mask: Tensor) -> Memory:
        """What all steps read of (B, S, H) encoder outputs, whose real tokens the (B, S) mask marks."""
        projected = None if self.attention is None else self.attention.project_keys(encoder_outputs)
        return Memory(encoder_outputs, source_mask, projected)

    def forward(
        self, inputs: Tensor, state: State, encoder_outputs: Tensor, source_mask: Tensor
    ) -> tuple[Tensor, Tensor | None, State]:
        """Run T steps on known inputs.

        Args:
            inputs: (B, T) token ids, BOS first.
            state: (layers, B, H) first state, for an LSTM with its cell.
            encoder_outputs: (B, S, H).
            source_mask: (B, S) True on real source tokens.

        Returns:
            (B, T, V) logits, (B, T, S) attention weights or None, and the state after the last step.
        """
        readout, weights, state = self.readout(inputs, state, self.remember(encoder_outputs, source_mask))
        return self.output(readout), weights, state

    def readout(self, inputs: Tensor, state: State, memory: Memory) -> tuple[Tensor, Tensor | None, State]:
        """``forward`` up to the output layer: (B, T, readout) instead of logits.

        A loss that leaves padding out, and a search that runs K hypotheses of a source beside each other,
        apply ``output`` to the rows they want.
        """
        lower_state, upper_state = self._split(state)
        embedded = self.embedding_dropout(self.embedding(inputs))
        states, lower_state = self.recurrent(embedded, lower_state)  # (B, T, H)
        contexts, weights = self._attend(states, memory)
        if self.upper is not None:
            joined = states if contexts is None else torch.cat((states, contexts), dim=-1)  # (B, T, 2H)
            states, upper_state = self.upper(self.dropout(joined), upper_state)
        if contexts is not None:
            states = torch.cat((states, contexts), dim=-1)  # (B, T, 2H)
        readout = self.dropout(torch.tanh(self.combine(states)))  # (B, T, readout)
        return readout, weights, self._join(lower_state, upper_state)

    def make_traceable(self) -> None:
        self.attends_at_once = True  # what a tracer follows does not depend on sizes

    def _split(self, state: State) -> tuple[State, State]:
        """The first layers' part of a state and the others'."""
        if self.upper is None:
            return state, state
        if not self.recurrent.num_states:
            first = self.recurrent.num_tensors
            return state[:first], state[first:]
        if isinstance(state, tuple):
            lower, upper = zip(
                *((part[: self.num_lower], part[self.num_lower :]) for part in state), strict=True
            )
            return lower, upper
        return state[: self.num_lower], state[self.num_lower :]

    def _join(self, lower: State, upper: State) -> State:
        if self.upper is None:
            return lower
        if not self.recurrent.num_states:
            return (*lower, *upper)
        if isinstance(lower, tuple):
            return tuple(torch.cat(parts) for parts in zip(lower, upper, strict=True))
        return torch.cat((lower, upper))  # type: ignore[arg-type]

    def _attend(self, states: Tensor, memory: Memory) -> tuple[Tensor | None, Tensor | None]:
        """Contexts (B, T, H) and weights; K hypotheses of a source, (B * K, 1, H), are its K steps."""
        if self.attention is None or memory.projected is None:
            return None, None
        if self.attends_at_once:
            return self.attention(states, memory.outputs, memory.mask, memory.projected)
        num_rows, num_steps = states.shape[:2]
        per_source = states.reshape(len(memory.mask), -1, states.shape[-1])
        read = memory.outputs, memory.mask, memory.projected
        at_once = max(CELLS_AT_ONCE // self.attention.cells_per_step(memory.projected), 1)
        if per_source.shape[1] <= at_once:
            contexts, weights = self.attention(per_source, *read)
        else:  # the backward pass computes each part again, so that only one is held at a time
            parts = [
                checkpoint(self.attention, part, *read, use_reentrant=False)
                for part in per_source.split(at_once, dim=1)
            ]
            contexts, weights = (torch.cat(found, dim=1) for found in zip(*parts, strict=True))
        return contexts.reshape(num_rows, num_steps, -1), weights.reshape(num_rows, num_steps, -1)


class PrimedLayers(nn.Module):
    """Layers without hidden states that could be set, as a decoder's: what was read comes as input.

    It is read as a step before the first, and added to every step, for layers that look back so far only.
    """

    num_states = 0

    def __init__(self, layers: Any, input_size: int) -> None:
        super().__init__()
        self.layers = layers
        self.to_input = nn.Linear(layers.hidden_size, input_size)
        with torch.no_grad():
            self.num_tensors = len(self.begin(torch.zeros(1, layers.hidden_size)))

    def begin(self, read: Tensor) -> tuple[Tensor, ...]:
        """(B, H) of what was read to the state before the first step."""
        added = self.to_input(read)
        return added[None], *_tensors(self.layers(added[:, None])[1])

    def forward(self, inputs: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(B, T, E) to (B, T, H) and the state after the last step."""
        added, *before = state
        outputs, after = self.layers(
            inputs + added[0, :, None], before[0] if len(before) == 1 else tuple(before)
        )
        return outputs, (added, *_tensors(after))


def _tensors(state: State) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


def _decoder_layers(cell: Cell, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> Any:
    layers = sequence_layers(cell, input_size, hidden_size, num_layers, dropout)
    return layers if layers.num_states else PrimedLayers(layers, input_size)
