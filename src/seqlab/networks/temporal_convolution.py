"""A temporal convolution network: dilated convolutions over the steps, causal or in both directions.

Bai, Kolter and Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence
Modeling", 2018 (arXiv 1803.01271), section 3.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from seqlab.networks.contracts import Reading, SequenceLayers
from seqlab.networks.recurrent import check_share, check_size


class TemporalConvolution(SequenceLayers):
    """Layers of residual blocks; in each layer the dilation doubles from block to block.

    In one direction a step sees itself and what came before it. The state is what each convolution read last,
    so it goes on as recurrent layers do, whatever the pieces; zeros are what stands before the first step.
    In two directions convolutions look to both sides, and all 2 H channels see the same steps.

    Args:
        input_size, hidden_size, num_layers, dropout, bidirectional: as in SequenceLayers; H channels.
        kernel_size: steps that a convolution reads.
        num_blocks: of a layer, dilated 1, 2, 4, ...
        max_dropout: the most of ``dropout`` after each convolution; a tenth is the paper's for characters.

    Raises:
        UserError: a size below 1, a share outside [0, 1).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        kernel_size: int = 3,
        num_blocks: int = 4,
        max_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        check_share("cell.max_dropout", max_dropout)
        check_size("cell.kernel_size", kernel_size)
        check_size("cell.num_blocks", num_blocks)
        self.hidden_size, self.num_layers, self.bidirectional = hidden_size, num_layers, bidirectional
        channels = hidden_size * (2 if bidirectional else 1)
        inside = min(dropout, max_dropout)
        widths = [input_size] + [channels] * (num_layers * num_blocks - 1)
        self.blocks: Any = nn.ModuleList(
            TemporalBlock(width, channels, kernel_size, 2 ** (place % num_blocks), inside)
            for place, width in enumerate(widths)
        )
        reach = 2 * (kernel_size - 1) * (2**num_blocks - 1)  # of the two convolutions of all blocks
        self.receptive_field = 1 + num_layers * reach  # steps that an output sees

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, ...] | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """(B, T, E) and, in one direction, what was read before to (B, T, D * H) and what was read last.

        A state is two tensors a block, (reach, B, channels).
        """
        if self.bidirectional:
            return self._both_ways(inputs, None), None
        rows = inputs.transpose(1, 2)  # (B, E, T)
        after: list[Tensor] = []
        for place, block in enumerate(self.blocks):
            before = None if state is None else state[2 * place : 2 * place + 2]
            rows, read = block.causal(rows, before)
            after += read
        return rows.transpose(1, 2), tuple(after)

    def read(self, inputs: Tensor, lengths: Tensor) -> Reading:
        """Read (B, T, E) inputs of (B,) lengths; behind a row's last step convolutions read zeros."""
        if not self.bidirectional:
            return super().read(inputs, lengths)
        steps = torch.arange(inputs.shape[1], device=inputs.device)
        mask = (steps < lengths[:, None])[..., None]
        outputs = self._both_ways(inputs, mask.transpose(1, 2)) * mask
        last = (lengths - 1)[:, None, None].expand(-1, 1, self.hidden_size)
        forward, backward = outputs.chunk(2, dim=-1)
        return Reading(outputs, torch.stack((forward.gather(1, last)[:, 0], backward[:, 0])))

    def _both_ways(self, inputs: Tensor, mask: Tensor | None) -> Tensor:
        rows = inputs.transpose(1, 2)
        for block in self.blocks:
            rows = block.both_ways(rows, mask)
        return rows.transpose(1, 2)


class TemporalBlock(nn.Module):
    """Two weight-normed convolutions, each with ReLU and dropout, beside the input (figure 1b)."""

    def __init__(
        self, input_size: int, channels: int, kernel_size: int, dilation: int, dropout: float
    ) -> None:
        super().__init__()
        self.reach = (kernel_size - 1) * dilation
        self.convolutions = nn.ModuleList(
            weight_norm(nn.Conv1d(width, channels, kernel_size, dilation=dilation))
            for width in (input_size, channels)
        )
        self.beside = nn.Conv1d(input_size, channels, 1) if input_size != channels else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def causal(self, rows: Tensor, before: tuple[Tensor, ...] | None) -> tuple[Tensor, list[Tensor]]:
        """(B, C, T) rows to (B, channels, T), and the (reach, B, C) that each convolution read last."""
        hidden, after = rows, []
        for place, convolution in enumerate(self.convolutions):
            if before is None:
                read = F.pad(hidden, (self.reach, 0))
            else:
                read = torch.cat((before[place].permute(1, 2, 0).to(hidden.dtype), hidden), dim=2)
            after.append(read[:, :, read.shape[2] - self.reach :].permute(2, 0, 1))
            hidden = self.dropout(torch.relu(convolution(read)))
        return torch.relu(hidden + self.beside(rows)), after

    def both_ways(self, rows: Tensor, mask: Tensor | None) -> Tensor:
        """(B, C, T) rows, those outside the (B, 1, T) mask read as zeros, to the same of ``channels``."""
        hidden, left = rows, self.reach // 2
        for convolution in self.convolutions:
            read = hidden if mask is None else hidden * mask
            hidden = self.dropout(torch.relu(convolution(F.pad(read, (left, self.reach - left)))))
        return torch.relu(hidden + self.beside(rows))
