"""What training leaves out at random: numbers (Dropout) and tokens (TokenNoise)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlab.networks.recurrent import check_share

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
