"""Which pair goes where: pairs written in a config, splits that are given, one file that is divided."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqlab.data.pair_files import Pair, clean
from seqlab.errors import UserError


def literal_pairs(entries: Sequence[Sequence[str]]) -> list[Pair]:
    """The pairs of ``data.pairs``, cleaned.

    Raises:
        UserError: no entry, or one that is not two texts.
    """
    if not entries:
        raise UserError("data.pairs is empty; give at least one [source, target]")
    for pair in entries:
        if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(side, str) for side in pair):
            raise UserError(f"data.pairs holds {pair!r}: give [source, target], both texts (in quotes)")
    return [(clean(source), clean(target)) for source, target in entries]


def without_held_out(train: Sequence[Pair], val: Sequence[Pair], test: Sequence[Pair]) -> list[Pair]:
    """The training pairs that stand in neither val nor test.

    Raises:
        UserError: none is left.
    """
    held_out = {*val, *test}
    kept = [pair for pair in train if pair not in held_out]
    if not kept:
        raise UserError(f"all {len(train):,} training pairs stand in val or test as well: give other files")
    return kept


def divide_pairs(
    distinct: Sequence[Pair], shares: Sequence[float], seed: int, origin: str
) -> dict[str, list[Pair]]:
    """Train, val and test, drawn by ``seed``.

    Raises:
        UserError: too few pairs for every part to have one.
    """
    ends = np.rint(np.cumsum(shares) * len(distinct)).astype(int).tolist()
    if not 0 < ends[0] < ends[1] < ends[2]:
        raise UserError(
            f"{origin}: {len(distinct)} distinct pairs do not fill train, val and test with shares "
            f"{list(shares)}; give more pairs, or the splits themselves"
        )
    order = np.random.default_rng(seed).permutation(len(distinct)).tolist()
    mixed = [distinct[row] for row in order]
    return {"train": mixed[: ends[0]], "val": mixed[ends[0] : ends[1]], "test": mixed[ends[1] :]}
