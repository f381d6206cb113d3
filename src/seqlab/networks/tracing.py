"""Networks in operations that exporters know, with the same numbers. Only exporting loads this."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from seqlab.networks.contracts import Reading

FOREVER = 1e4  # a gate's input that makes it exactly 1 in float32, and its negative exactly 0


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
        single: nn.RNNBase = kind(weights["weight_ih"].shape[1], recurrent.hidden_size)
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
