"""The recurrent cells by name, built one way for every network, and how they read rows of known lengths."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqlab.errors import UserError

State = Tensor | tuple[Tensor, Tensor]  # (L, B, H) hidden states, for an LSTM with its cells


class Reading(NamedTuple):
    """B rows of up to T tokens, read by L layers in D directions."""

    outputs: Tensor  # (B, T, D * H) of the top layer, 0 under padding
    hidden: Tensor  # (L * D, B, H) after each row's last token
    cell: Tensor | None  # the same of an LSTM

    @property
    def state(self) -> State:
        return self.hidden if self.cell is None else (self.hidden, self.cell)


class Recurrent(nn.RNNBase):
    """What all cells have beside torch's layers."""

    def read(self, inputs: Tensor, lengths: Tensor) -> Reading:
        """Read (B, T, E) inputs of (B,) lengths; a backward direction starts at each row's own last token."""
        packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
        packed_outputs, state = self(packed)
        outputs, _ = pad_packed_sequence(packed_outputs, batch_first=True, total_length=inputs.shape[1])
        return Reading(outputs, *(state if isinstance(state, tuple) else (state, None)))


class RNN(Recurrent, nn.RNN): ...


class GRU(Recurrent, nn.GRU): ...


class LSTM(Recurrent, nn.LSTM):
    """torch's LSTM, which trains in bfloat16 on every CPU.

    oneDNN's LSTM kernel raises an error under bfloat16 autocast on a CPU without such instructions; torch's
    own kernel takes over there, with the same numbers.
    """

    def forward(self, input: Any, hx: tuple[Tensor, Tensor] | None = None) -> Any:
        if not torch.is_autocast_enabled("cpu") or onednn_runs_lstm_in_bfloat16():
            return super().forward(input, hx)
        with torch.backends.mkldnn.flags(enabled=False):
            return super().forward(input, hx)


@cache
def onednn_runs_lstm_in_bfloat16() -> bool:
    """Whether a small nn.LSTM runs under bfloat16 autocast on this machine's CPU."""
    with torch.random.fork_rng(devices=[]), torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        try:
            nn.LSTM(1, 1)(torch.zeros(1, 1, 1))
        except RuntimeError:
            return False
    return True


CELLS: dict[str, Any] = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


def recurrent_layers(
    cell: str, input_size: int, hidden_size: int, num_layers: int, dropout: float, bidirectional: bool = False
) -> Recurrent:
    """Batch-first layers of ``cell``; dropout acts between layers, so a single layer has none.

    Raises:
        UserError: an unknown cell, a size below 1 or a dropout outside [0, 1).
    """
    if cell not in CELLS:
        raise UserError(f"model.network.cell={cell}: choose {', '.join(CELLS)}")
    check_size("hidden_size", hidden_size)
    check_size("num_layers", num_layers)
    check_share("dropout", dropout)
    return CELLS[cell](
        input_size,
        hidden_size,
        num_layers,
        batch_first=True,
        dropout=dropout if num_layers > 1 else 0.0,
        bidirectional=bidirectional,
    )


def check_size(name: str, size: int) -> None:
    """Raise UserError where a size is no whole number of at least 1."""
    if not isinstance(size, int) or size < 1:
        raise UserError(f"model.network.{name}={size}: give a whole number, at least 1")


def check_share(name: str, value: float) -> None:
    """Raise UserError where a probability of dropping something is not in [0, 1)."""
    if not isinstance(value, int | float) or not 0 <= value < 1:
        raise UserError(f"model.network.{name}={value}: give a probability from 0 up to, not including, 1")
