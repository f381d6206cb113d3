"""What is kept of a training: figures over epochs, and where the time went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Curve = tuple[Sequence[float], Sequence[float]]  # epochs, counted from 1, and the figure after each
Curves = Mapping[str, Curve]  # by the name of the figure: train/loss, val/accuracy, learning_rate, ...


class PartRow(NamedTuple):
    """A part of training: its seconds, its share of them all, milliseconds per training batch."""

    part: str
    seconds: float
    share: float
    ms_per_batch: float
