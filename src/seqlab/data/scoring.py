"""Scoring a whole split with each distinct piece computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader


@dataclass(frozen=True)
class ScoringPlan:
    """Batches that hold each distinct piece of a split once, and the way back to its S sessions.

    A task gives one output per piece (a pair of context and next key, or a token of a distinct session), in
    the order of the batches: Q outputs in all. ``outputs[piece_of_event]`` is then (M,), one per predicted
    event, and session s owns ``[offsets[s]:offsets[s + 1]]`` of it.
    """

    loader: DataLoader
    piece_target: NDArray[np.int64]  # (Q,) token id that the output is about
    piece_of_event: NDArray[np.integer]  # (M,)
    offsets: NDArray[np.int64]  # (S + 1,)
    first_key: NDArray[np.int64]  # (S,) place in its session of the first event predicted; 0 is the first
    num_distinct: int
    device: torch.device  # where the batches lie
