"""How well templates agree with a ground truth."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np


def grouping_accuracy(found: Sequence[Hashable], truth: Sequence[Hashable]) -> float:
    """Share of lines whose template holds exactly the lines that the true template holds.

    Zhu et al., "Tools and benchmarks for automated log parsing", ICSE-SEIP 2019.

    Args:
        found, truth: (L,) template of each line.
    """
    _, ours = np.unique(np.asarray(list(found), dtype=str), return_inverse=True)
    _, theirs = np.unique(np.asarray(list(truth), dtype=str), return_inverse=True)
    _, pair, count = np.unique(
        ours.astype(np.int64) * (theirs.max(initial=0) + 1) + theirs, return_inverse=True, return_counts=True
    )
    together = count[pair]  # (L,) lines that both put beside this one
    exact = (together == np.bincount(ours)[ours]) & (together == np.bincount(theirs)[theirs])
    return float(exact.mean())
