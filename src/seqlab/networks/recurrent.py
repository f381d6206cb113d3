"""The recurrent cells by name, built one way for every network, and how they read rows of known lengths."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqlab.errors import UserError

FOREVER = 1e4  # a gate's input that makes it exactly 1 in float32, and its negative exactly 0
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


class LengthReader(nn.Module):
    """``read`` of recurrent layers, from their weights, in operations that exporters know.

    ONNX has no packed sequences. Here every direction of every layer is a layer of its own over padded rows:
    padding stands after a row's last token, so a layer has read all that is real before it comes to padding,
    and the backward direction reads each row mirrored within its length. An LSTM's cell is needed after a
    row's last token and not after the padding behind it: one more input, 1 under padding, holds the forget
    gate open and the input gate shut there.
    """

    def __init__(self, recurrent: nn.RNNBase) -> None:
        super().__init__()
        self.num_directions = 2 if recurrent.bidirectional else 1
        self.has_cell = recurrent.mode == "LSTM"
        suffixes = ("", "_reverse")[: self.num_directions]
        self.layers = nn.ModuleList(
            self._single(recurrent, f"_l{layer}{suffix}")
            for layer in range(recurrent.num_layers)
            for suffix in suffixes
        )

    def _single(self, recurrent: nn.RNNBase, suffix: str) -> nn.RNNBase:
        weights = {
            name: getattr(recurrent, f"{name}{suffix}").detach().clone()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        if self.has_cell:
            size = recurrent.hidden_size
            padding = weights["weight_ih"].new_zeros(4 * size, 1)  # gates: input, forget, cell, output
            padding[:size], padding[size : 2 * size] = -FOREVER, FOREVER
            weights["weight_ih"] = torch.cat((weights["weight_ih"], padding), dim=1)
        kind: Any = type(recurrent)
        single: nn.RNNBase = kind(weights["weight_ih"].shape[1], recurrent.hidden_size, batch_first=True)
        single.load_state_dict({f"{name}_l0": weight for name, weight in weights.items()})
        return single

    def read(self, inputs: Tensor, lengths: Tensor) -> Reading:
        """Read (B, T, E) inputs of (B,) lengths."""
        steps = torch.arange(inputs.shape[1], device=inputs.device)
        is_real = steps < lengths[:, None]  # (B, T)
        mirror = torch.where(is_real, lengths[:, None] - 1 - steps, steps)
        last = (lengths - 1)[:, None, None]
        padding = (~is_real).to(inputs.dtype)[..., None]
        hidden: list[Tensor] = []
        cells: list[Tensor] = []
        directions: list[Tensor] = []
        for place, layer in enumerate(self.layers):
            direction = place % self.num_directions
            if direction == 0 and directions:
                inputs = torch.cat(directions, dim=-1)
            if direction == 0:
                directions = []
            given = inputs if direction == 0 else _take(inputs, mirror)
            if self.has_cell:
                outputs, (_, cell) = layer(torch.cat((given, padding), dim=-1))
                cells.append(cell)
            else:
                outputs, _ = layer(given)
            hidden.append(outputs.gather(1, last.expand(-1, 1, outputs.shape[-1]))[:, 0])
            directions.append(outputs if direction == 0 else _take(outputs, mirror))
        outputs = torch.cat(directions, dim=-1) * is_real[..., None]
        return Reading(outputs, torch.stack(hidden), torch.cat(cells) if cells else None)


def _take(rows: Tensor, places: Tensor) -> Tensor:
    """(B, T, E) rows with their steps in the order of (B, T) places."""
    return rows.gather(1, places[..., None].expand(-1, -1, rows.shape[-1]))


def traceable(network: nn.Module) -> nn.Module:
    """A network with the same numbers, in operations that a tracer can follow.

    It is what the network's own ``traceable`` gives; else a copy, each part of which had ``make_traceable``
    called, where it has it.
    """
    own: Any = getattr(network, "traceable", None)
    if own is not None:
        return own()
    copied = deepcopy(network)
    for part in list(copied.modules()):
        change: Any = getattr(part, "make_traceable", None)
        if change is not None:
            change()
    return copied
