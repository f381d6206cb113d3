"""Encoders: token sequences to states."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqlab.errors import UserError
from seqlab.networks.contracts import State
from seqlab.networks.prefix_tree import all_states
from seqlab.networks.recurrent import Cell, Dropout, sequence_layers

DIRECTIONS = ("sum", "linear")


class JoinedDirections(nn.Module):
    """Outputs of one direction or two, (B, S, H) each, to (B, S, H): their sum, or a linear layer of both.

    Args:
        how: ``sum`` or ``linear``.
        hidden_size: H.
        num_directions: 1 or 2.

    Raises:
        UserError: an unknown ``how``, or ``linear`` of a single direction.
    """

    def __init__(self, how: str, hidden_size: int, num_directions: int) -> None:
        super().__init__()
        if how not in DIRECTIONS:
            raise UserError(f"model.network.directions={how}: choose {' or '.join(DIRECTIONS)}")
        if how == "linear" and num_directions == 1:
            raise UserError(
                "model.network.directions=linear joins two directions: set model.network.bidirectional=true"
            )
        self.linear = nn.Linear(2 * hidden_size, hidden_size) if how == "linear" else None

    def forward(self, directions: list[Tensor]) -> Tensor:
        if self.linear is not None:
            return self.linear(torch.cat(directions, dim=-1))
        return directions[0] if len(directions) == 1 else directions[0] + directions[1]


class RecurrentEncoder(nn.Module):
    """Recurrent layers over embedded tokens; both directions' outputs are joined.

    Padding is never read: a backward pass starts at each session's own last token.

    Args:
        directions: how both directions' outputs become one: ``sum``, or ``linear``, a layer.
        share_prefixes: on the CPU, run what sessions of a batch begin with alike once (end with alike, for
            the backward direction); a single layer only: a second one reads both directions of the first.
        embedding_dropout: on the embeddings that the first layer reads; not with ``share_prefixes``.
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        *,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        cell: Cell,
        bidirectional: bool,
        share_prefixes: bool,
        embedding_dropout: float = 0.0,
        directions: str = "sum",
    ) -> None:
        super().__init__()
        if share_prefixes and embedding_dropout > 0:
            raise ValueError("what is shared must be equal: dropout would make every prefix one of its own")
        self.embedding = embedding
        self.embedding_dropout = Dropout(embedding_dropout)
        self.num_directions = 2 if bidirectional else 1
        self.recurrent: Any = sequence_layers(
            cell, embedding.embedding_dim, hidden_size, num_layers, dropout, bidirectional
        )
        self.share_prefixes = share_prefixes and num_layers == 1 and self.recurrent.shares_prefixes
        self.join = JoinedDirections(directions, hidden_size, self.num_directions)

    def forward(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, State]:
        """Read (B, S) token ids of the given (B,) lengths.

        Returns:
            (B, S, H) outputs, and the final state (layers, B, directions * H), for an LSTM with its cell.
        """
        if self.share_prefixes and not source.is_cuda:
            return self._run_shared(source, lengths)
        outputs, hidden, cell = self.recurrent.read(self.embedding_dropout(self.embedding(source)), lengths)
        outputs = self.join(list(outputs.chunk(self.num_directions, dim=-1)))
        state = self.side_by_side(hidden)
        return outputs, state if cell is None else (state, self.side_by_side(cell))

    def make_traceable(self) -> None:
        self.recurrent, self.share_prefixes = self.recurrent.reader(), False

    def _run_shared(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, State]:
        """``forward`` through a tree of prefixes, and one of suffixes."""
        steps = torch.arange(source.shape[1], device=source.device)
        mirror = (lengths[:, None] - 1 - steps) % source.shape[1]  # (B, S); a real token's place from the end
        mask = (steps < lengths[:, None])[..., None]
        directions = [all_states(self.recurrent, self.embedding, source)]
        if self.num_directions == 2:
            mirrored = all_states(self.recurrent, self.embedding, source.gather(1, mirror), reverse=True)
            directions.append(mirrored)
        row = torch.arange(len(source), device=source.device)
        # the last real token of a row is the last that its direction reads
        final = [
            torch.cat([part[row, lengths - 1] for part in parts], dim=-1)[None]
            for parts in zip(*directions, strict=True)
        ]
        read = [directions[0][0]]
        if self.num_directions == 2:
            read.append(directions[1][0].gather(1, mirror[..., None].expand_as(read[0])))
        return self.join(read) * mask, (final[0], final[1]) if len(final) == 2 else final[0]

    def side_by_side(self, state: Tensor) -> Tensor:
        """(layers * directions, B, H) to (layers, B, directions * H)."""
        layers = state.unflatten(0, (-1, self.num_directions))
        return torch.cat(layers.unbind(1), dim=-1)
