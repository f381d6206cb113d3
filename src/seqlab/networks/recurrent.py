"""The layers of every network, by name or by config; torch's recurrent cells; what training leaves out."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqlab.contracts import full_name, members
from seqlab.errors import UserError, shown
from seqlab.networks.contracts import Reading, SequenceLayers

_LEVELS = 1 << 16  # a number is dropped by 16 random bits


class Recurrent(nn.RNNBase, SequenceLayers):
    """What all cells have beside torch's layers. Dropout acts between layers, so a single layer has none."""

    num_states = 1
    shares_prefixes = True

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        between = dropout if num_layers > 1 else 0.0
        build: Any = super().__init__  # of torch's RNN, GRU or LSTM
        build(
            input_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=between,
            bidirectional=bidirectional,
        )

    def read(self, inputs: Tensor, lengths: Tensor) -> Reading:
        """Read (B, T, E) inputs of (B,) lengths; a backward direction starts at each row's own last token."""
        packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
        packed_outputs, state = self(packed)
        outputs, _ = pad_packed_sequence(packed_outputs, batch_first=True, total_length=inputs.shape[1])
        return Reading(outputs, *(state if isinstance(state, tuple) else (state, None)))

    def reader(self) -> nn.Module:
        from seqlab.networks.tracing import LengthReader

        return LengthReader(self)


class RNN(Recurrent, nn.RNN): ...


class GRU(Recurrent, nn.GRU): ...


class LSTM(Recurrent, nn.LSTM):
    """torch's LSTM, which trains in bfloat16 on every CPU.

    oneDNN's LSTM kernel raises an error under bfloat16 autocast on a CPU without such instructions; torch's
    own kernel takes over there, with the same numbers.
    """

    num_states = 2

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


CELLS = {  # those without settings of their own; the group layers= has all
    "rnn": f"{__name__}.RNN",
    "gru": f"{__name__}.GRU",
    "lstm": f"{__name__}.LSTM",
    "mingru": "seqlab.networks.minimal.MinGRU",
    "minlstm": "seqlab.networks.minimal.MinLSTM",
}
Cell = str | Callable[..., Any]  # a name of CELLS, or what takes the arguments of a class of SequenceLayers


def sequence_layers(
    cell: Cell,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    dropout: float,
    bidirectional: bool = False,
) -> Any:
    """The SequenceLayers of a network: those of a name, or what a config's ``_partial_`` node builds.

    Raises:
        UserError: an unknown cell, a size below 1 or a dropout outside [0, 1).
    """
    check_size("hidden_size", hidden_size)
    check_size("num_layers", num_layers)
    check_share("dropout", dropout)
    if isinstance(cell, str):
        if cell not in CELLS:
            near = difflib.get_close_matches(cell, CELLS, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise UserError(
                f"model.network.cell={shown(cell)}: choose {', '.join(CELLS)}; layers= has others too{meant}"
            )
        module, _, name = CELLS[cell].rpartition(".")
        cell = getattr(import_module(module), name)
    if not callable(cell):
        raise UserError(f"model.network.cell={shown(cell)}: give a name, or _target_ and _partial_: true")
    built = cell(
        input_size=input_size,
        hidden_size=hidden_size,
        num_layers=num_layers,
        dropout=dropout,
        bidirectional=bidirectional,
    )
    missing = [name for name in members(SequenceLayers) if not hasattr(built, name)]
    missing.sort(key=lambda name: name in SequenceLayers.__annotations__)  # methods first
    if missing:
        raise UserError(
            f"model.network.cell: {full_name(built)} has no {' and no '.join(missing)}: derive it from "
            "seqlab.networks.contracts.SequenceLayers"
        )
    return built


def check_size(name: str, size: int) -> None:
    """Raise UserError where a size is no whole number of at least 1."""
    if not isinstance(size, int) or size < 1:
        raise UserError(f"model.network.{name}={size}: give a whole number, at least 1")


def check_share(name: str, value: float) -> None:
    """Raise UserError where a probability of dropping something is not in [0, 1)."""
    if not isinstance(value, int | float) or not 0 <= value < 1:
        raise UserError(f"model.network.{name}={value}: give a probability from 0 up to, not including, 1")


class Dropout(nn.Dropout):
    """``nn.Dropout`` with four decisions from each 64-bit random number on the CPU.

    There the plain layer draws one number a place, which is a tenth of the training time of a translation
    network. The probability is rounded to a multiple of 1 / 65,536, and what is kept is divided by the share
    that is kept in truth. On other devices this is the plain layer.
    """

    def forward(self, input: Tensor) -> Tensor:
        dropped = round(self.p * _LEVELS)
        if not self.training or dropped == 0 or input.device.type != "cpu":
            return super().forward(input)
        numbers = torch.empty(-(-input.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        bits = numbers.view(torch.int16)[: input.numel()].view(input.shape)
        mask = (bits >= dropped - _LEVELS // 2).to(input.dtype)
        return input * mask.mul_(_LEVELS / (_LEVELS - dropped))


class TokenNoise(nn.Module):
    """Replace tokens by UNK with a given probability while training; special tokens stay.

    It trains UNK's embedding and, before a decoder, weakens what is copied (word dropout: Bowman et al.,
    "Generating sentences from a continuous space", CoNLL 2016, section 3.1).

    Args:
        probability: share of ordinary tokens replaced.
        unk_id: the id put in their place; ids up to it are special and stay.
    """

    def __init__(self, name: str, probability: float, unk_id: int) -> None:
        super().__init__()
        check_share(name, probability)
        self.probability = probability
        self.unk_id = unk_id

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., T) int64 to the same shape."""
        if not self.training or self.probability == 0:
            return tokens
        hit = torch.rand(tokens.shape, device=tokens.device) < self.probability
        return tokens.masked_fill(hit & (tokens > self.unk_id), self.unk_id)
