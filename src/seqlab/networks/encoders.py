"""Encoders: token sequences to states."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqlab.networks.recurrent import recurrent_layers

State = Tensor | tuple[Tensor, Tensor]


class RecurrentEncoder(nn.Module):
    """Recurrent layers over embedded tokens; both directions' outputs are summed.

    Padding is never read: a backward pass starts at each session's own last token.
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        *,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        cell: str,
        bidirectional: bool,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.num_directions = 2 if bidirectional else 1
        self.recurrent = recurrent_layers(
            cell, embedding.embedding_dim, hidden_size, num_layers, dropout, bidirectional
        )

    def forward(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, State]:
        """Read (B, S) token ids of the given (B,) lengths.

        Returns:
            (B, S, H) outputs, and the final state (layers, B, directions * H), for an LSTM with its cell.
        """
        embedded = self.embedding(source)  # (B, S, E)
        packed = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
        packed_outputs, state = self.recurrent(packed)
        outputs, _ = pad_packed_sequence(packed_outputs, batch_first=True, total_length=source.shape[1])
        if self.num_directions == 2:
            forward, backward = outputs.chunk(2, dim=-1)
            outputs = forward + backward
        if isinstance(state, tuple):
            return outputs, (self._join(state[0]), self._join(state[1]))
        return outputs, self._join(state)

    def _join(self, state: Tensor) -> Tensor:
        """(layers * directions, B, H) to (layers, B, directions * H)."""
        layers = state.unflatten(0, (-1, self.num_directions))
        return torch.cat(layers.unbind(1), dim=-1)
