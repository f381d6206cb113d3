"""Minimal recurrent layers: their gates read no state, so that all steps are computed at once.

Feng, Tung, Ahmed, Bengio and Hajimirsadeghi, "Were RNNs All We Needed?", 2024 (arXiv 2410.01201), sections
3.1 and 3.2. Each state is a mean of the one before and of what is new, weighted by a gate of the input::

    h_t = keep_t * h_(t-1) + (1 - keep_t) * g(W x_t),  g(x) = x + 0.5 where x >= 0, else sigmoid(x)

The paper scans logarithms, as differences of cumulative sums, which in float32 loses digits as steps grow.
The scans here multiply numbers from 0 to 1 alone: nothing overflows or cancels, at any length.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.networks.contracts import Reading, SequenceLayers

TRACED_LEVELS = 16  # of a scan whose length a tracer does not know: up to 65,536 steps


class MinimalLayers(SequenceLayers):
    """What both kinds have: layers of one direction or two, dropout between them.

    Args:
        input_size, hidden_size, num_layers, dropout, bidirectional: as in SequenceLayers.
    """

    num_states = 1
    unit_inputs = True  # near 0 all states are alike: g(0) = 0.5
    num_gates: int  # (B, T, H) inputs of the gate

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.hidden_size, self.num_layers, self.bidirectional = hidden_size, num_layers, bidirectional
        self.num_directions = 2 if bidirectional else 1
        self.is_traced = False
        self.dropout = nn.Dropout(dropout)
        widths = [input_size] + [self.num_directions * hidden_size] * (num_layers - 1)
        self.maps = nn.ModuleList(  # of each layer, direction by direction
            nn.Linear(width, (1 + self.num_gates) * hidden_size)
            for width in widths
            for _ in range(self.num_directions)
        )

    def keep(self, *gates: Tensor) -> Tensor:
        """The share of the state that is kept, 0 to 1, from (B, T, H) inputs of the gates."""
        raise NotImplementedError

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B, T, E) and (L * D, B, H) to (B, T, D * H) and the state after the last step."""
        return self._run(inputs, state, None)

    def read(self, inputs: Tensor, lengths: Tensor) -> Reading:
        """Read (B, T, E) inputs of (B,) lengths; a backward direction starts at each row's own last step."""
        steps = torch.arange(inputs.shape[1], device=inputs.device)
        outputs, hidden = self._run(inputs, None, lengths)
        return Reading(outputs * (steps < lengths[:, None])[..., None], hidden)

    def make_traceable(self) -> None:
        self.is_traced = True

    def _run(self, inputs: Tensor, state: Tensor | None, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        last, mirror = None, None
        if lengths is not None:
            steps = torch.arange(inputs.shape[1], device=inputs.device)
            last = (lengths - 1)[:, None, None].expand(-1, 1, self.hidden_size)
            mirror = torch.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
        hidden: list[Tensor] = []
        for layer in range(self.num_layers):
            directions: list[Tensor] = []
            for direction in range(self.num_directions):
                place = layer * self.num_directions + direction
                read = inputs if direction == 0 else _mirrored(inputs, mirror)
                states = self._states(place, read, None if state is None else state[place])
                hidden.append(states[:, -1] if last is None else states.gather(1, last)[:, 0])
                directions.append(states if direction == 0 else _mirrored(states, mirror))
            outputs = torch.cat(directions, dim=-1) if self.bidirectional else directions[0]
            inputs = self.dropout(outputs)
        return outputs, torch.stack(hidden)

    def _states(self, place: int, inputs: Tensor, before: Tensor | None) -> Tensor:
        """(B, T, E) and (B, H) to (B, T, H) in one direction of one layer."""
        new, *gates = self.maps[place](inputs).float().chunk(1 + self.num_gates, dim=-1)
        keep = self.keep(*gates)
        added = (1 - keep) * torch.where(new >= 0, new + 0.5, torch.sigmoid(new))
        before = added.new_zeros(added[:, 0].shape) if before is None else before.float()
        if self.is_traced:
            return scan_by_doubling(keep, added, before, TRACED_LEVELS)
        return Scan.apply(keep, added, before)


class MinGRU(MinimalLayers):
    """``keep = 1 - sigmoid(W_z x)`` (section 3.1)."""

    num_gates = 1

    def keep(self, *gates: Tensor) -> Tensor:
        return torch.sigmoid(-gates[0])


class MinLSTM(MinimalLayers):
    """``keep = f / (f + i)`` of a forget gate f and an input gate i (section 3.2). It has no cell."""

    num_gates = 2

    def keep(self, *gates: Tensor) -> Tensor:
        forget, enter = gates
        return torch.sigmoid(F.softplus(-enter) - F.softplus(-forget))


class Scan(torch.autograd.Function):
    """All states of ``h_t = keep_t * h_(t-1) + added_t``; its gradient is such a scan from the end."""

    @staticmethod
    def forward(ctx: Any, keep: Tensor, added: Tensor, before: Tensor) -> Tensor:
        """(B, T, H) twice and (B, H) to (B, T, H)."""
        states = scan(keep, added, before)
        ctx.save_for_backward(keep, states, before)
        return states

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        keep, states, before = ctx.saved_tensors
        later = torch.cat((keep[:, 1:], torch.zeros_like(keep[:, :1])), dim=1)  # what the next step keeps
        zeros = torch.zeros_like(before)
        grad_added = scan(later.flip(1), grads[0].flip(1), zeros).flip(1)
        grad_keep = grad_added * torch.cat((before[:, None], states[:, :-1]), dim=1)
        return grad_keep, grad_added, keep[:, 0] * grad_added[:, 0]


def scan(keep: Tensor, added: Tensor, before: Tensor) -> Tensor:
    """(B, T, H) coefficients, (B, T, H) inputs and the (B, H) state before them to (B, T, H) states."""
    if keep.is_cuda:  # log T passes over all steps; on a CPU T short ones are faster at any length
        return scan_by_doubling(keep, added, before, (added.shape[1] - 1).bit_length())
    states = torch.empty_like(added)
    for kept, new, state in zip(keep.unbind(1), added.unbind(1), states.unbind(1), strict=True):
        before = torch.addcmul(new, kept, before, out=state)
    return states


def scan_by_doubling(keep: Tensor, added: Tensor, before: Tensor, levels: int) -> Tensor:
    """The same, each level reaching back twice as far (Hillis and Steele, 1986): up to 2 ** levels steps."""
    steps = torch.arange(added.shape[1], device=added.device)
    added = added + keep * before[:, None] * (steps == 0)[:, None]
    for level in range(levels):
        source = steps - 2**level
        is_there = (source >= 0)[:, None]
        source = source.clamp(min=0)
        added = added + keep * added.index_select(1, source) * is_there
        keep = torch.where(is_there, keep * keep.index_select(1, source), 0)
    return added


def _mirrored(rows: Tensor, mirror: Tensor | None) -> Tensor:
    """(B, T, E) rows from their end; padding stays where the ``mirror`` has it."""
    if mirror is None:
        return rows.flip(1)
    return rows.gather(1, mirror[..., None].expand(-1, -1, rows.shape[-1]))
