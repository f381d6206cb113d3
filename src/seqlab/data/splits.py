"""How data is cut into train, val and test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqlab.data.sequences import Sessions, concatenate
from seqlab.errors import UserError


def check_fractions(split: Sequence[float]) -> tuple[float, float, float]:
    """The three shares of train, val and test.

    Raises:
        UserError: not three positive numbers with sum 1.
    """
    try:
        shares = tuple(float(share) for share in split)
    except (TypeError, ValueError):
        shares = ()
    if len(shares) != 3 or min(shares, default=0) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise UserError(
            f"data.split={list(shares) or split}: give three positive shares of train, val and test with "
            "sum 1, like [0.7,0.1,0.2]"
        )
    return shares


def split_by_session(
    normal: Sessions, abnormal: Sessions | None, split: Sequence[float], seed: int
) -> dict[str, Sessions]:
    """Shuffle normal sessions into train, val and test; abnormal ones join the test split.

    Raises:
        UserError: bad shares, or too few normal sessions to fill the three splits.
    """
    train_share, val_share, _ = check_fractions(split)
    order = np.random.default_rng(seed).permutation(len(normal))
    # 0.7 * 90 is 62.99...: the small number keeps a whole share whole
    first, second = (int(share * len(normal) + 1e-9) for share in (train_share, train_share + val_share))
    if not 0 < first < second < len(normal):
        raise UserError(
            f"data.split={list(split)} leaves a split of {len(normal)} normal sessions empty; give more"
        )
    test = normal.take(order[second:])
    return {
        "train": normal.take(order[:first]),
        "val": normal.take(order[first:second]),
        "test": test if abnormal is None else concatenate([test, abnormal]),
    }
