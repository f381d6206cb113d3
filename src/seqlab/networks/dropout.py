"""Dropout whose random numbers are cheap on the CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LEVELS = 1 << 16  # a place is dropped by 16 random bits


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
