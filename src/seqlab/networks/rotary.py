"""Rotary position embedding: queries and keys are turned by their places, so that scores know distances."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

BASE = 10_000.0  # of the wavelengths: 2 pi to BASE * 2 pi steps


class Turns(NamedTuple):
    """The angles of T places, D / 2 each."""

    cos: Tensor  # (T, D / 2)
    sin: Tensor  # (T, D / 2)

    def last(self, steps: int) -> Turns:
        """Those of the last places."""
        first = self.cos.shape[0] - steps
        return Turns(self.cos[first:], self.sin[first:])


def turns(places: int, size: int, like: Tensor) -> Turns:
    """The angles ``t * BASE ** (-2 i / D)`` of places t and pairs i (Su et al., 2021, equation 15).

    They are computed in double precision, where the device has it: in single precision the angles of places
    in the thousands differ in the fourth digit.

    Args:
        places: T.
        size: D, of a head; even.
        like: a tensor of the device.
    """
    exact = torch.float32 if like.device.type == "mps" else torch.float64
    pairs = torch.arange(0, size, 2, device=like.device, dtype=exact)
    steps = torch.arange(places, device=like.device, dtype=exact)
    angles = steps[:, None] * BASE ** (-pairs / size)
    return Turns(angles.cos().float(), angles.sin().float())


def turned(vectors: Tensor, by: Turns) -> Tensor:
    """(..., T, D) queries or keys of T places, turned (equation 34).

    The pairs are the numbers i and i + D / 2, as GPT-NeoX and Llama have it: neighbors in a pair only differ
    in the order of the weights that made them.
    """
    first, second = vectors.chunk(2, dim=-1)
    parts = first * by.cos - second * by.sin, first * by.sin + second * by.cos
    return torch.cat(parts, dim=-1).to(vectors.dtype)
