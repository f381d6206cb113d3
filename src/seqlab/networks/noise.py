"""Noise on input tokens: a network that has met gaps is less sure of itself off the beaten track."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlab.networks.recurrent import check_share


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
