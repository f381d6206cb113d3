"""Two rows of the table on the same test items: who is right where the other is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seqlab.comparing.items import Items, Quantity, read_items
from seqlab.comparing.runs import Run
from seqlab.comparing.settings import Group
from seqlab.comparing.statistics import RESAMPLES, weighted_interval
from seqlab.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ITEMS = 20  # fewer say nothing, whatever the test


@dataclass(frozen=True)
class SeedPair:
    """One run of each row: their means over the shared items.

    ``only_right`` counts the items that the first run alone, and the second alone, has right; None where an
    item is not right or wrong.
    """

    seeds: tuple[Any, Any]
    shared: int
    items: tuple[int, int]
    first: float
    second: float
    only_right: tuple[int, int] | None


@dataclass(frozen=True)
class PairedResult:
    """``low`` to ``high`` is the 95 % bootstrap interval of ``difference``, second minus first, over
    ``items`` distinct items."""

    quantity: Quantity
    pairs: Sequence[SeedPair]
    items: int
    difference: float
    low: float
    high: float


def exact_mcnemar(only_first: int, only_second: int) -> float:
    """p-value of the two-sided exact test that both are right equally often where they disagree.

    Under that hypothesis the smaller count is binomial with probability 1/2 (McNemar 1947). SciPy's test
    gives the same, and takes half a second to import.
    """
    total, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(total, count) for count in range(fewer + 1))
    return min(1.0, 2 * tail / 2**total)


def paired_test(groups: Sequence[Group], asked: Sequence[int] | None) -> list[str]:
    """What the test of two rows says, as lines.

    Args:
        asked: the numbers of two rows, from 1. Without them two rows alone are tested where both have
            scores, and a pair that cannot be tested is told in a line.

    Raises:
        UserError: the rows that are asked for do not exist or cannot be tested.
    """
    rows = (1, 2) if asked is None else asked
    if asked is None and (len(groups) != 2 or not all(map(_has_scores, groups))):
        return []
    for row in rows:
        if not 1 <= row <= len(groups):
            raise UserError(
                f"--paired {row}: the table has rows 1 to {len(groups)}; give two of their numbers"
            )
    if rows[0] == rows[1]:
        raise UserError(f"--paired {rows[0]} {rows[1]}: give two different rows")
    try:
        return describe(compare_pair(groups[rows[0] - 1], groups[rows[1] - 1]), rows)
    except UserError as error:
        if asked is not None:
            raise
        return [f"no paired test: {error}"]


def _has_scores(group: Group) -> bool:
    return any(run.folder and (run.folder / "scores.csv").is_file() for run in group.finished)


def compare_pair(first: Group, second: Group) -> PairedResult:
    """Pair the runs of two groups by seed and their test items by what identifies them.

    The difference is the mean over all pairs of answers. Its interval draws items, each with the answers of
    all seeds that tested it: those are not independent.

    Raises:
        UserError: no seed is in both, a scores.csv is missing, or too few items are shared.
    """
    import pandas as pd

    joined, pairs, quantity = [], [], None
    for one, other in _seed_pairs(first, second):
        left, right = _items_of(one), _items_of(other)
        quantity = left.quantity
        if quantity != right.quantity:
            raise UserError(
                f"{one.name} and {other.name} cannot be paired: one lists {quantity.name} of each "
                f"{quantity.item}, the other {right.quantity.name} of each {right.quantity.item}"
            )
        names = ("_first", "_second")
        both = left.table.merge(right.table, left_index=True, right_index=True, suffixes=names)
        if len(both) < FEWEST_ITEMS:
            raise UserError(
                f"{one.name} and {other.name} share {len(both)} of {len(left.table):,} and "
                f"{len(right.table):,} test items; a paired test needs {FEWEST_ITEMS}: compare runs that "
                "test the same data, with the same seed if the seed draws the split"
            )
        pairs.append(_seed_pair((one.seed, other.seed), left, right, both))
        joined.append(both)
    assert quantity is not None
    all_items = pd.concat(joined)
    weights = all_items["weight_first"]
    total = (all_items["value_second"] - all_items["value_first"]) * weights
    sums = pd.DataFrame({"total": total, "weight": weights})
    by_item = sums.groupby(level=list(range(sums.index.nlevels)), sort=True).sum()
    weight = by_item["weight"].to_numpy()
    difference = by_item["total"].to_numpy() / weight
    low, high = weighted_interval(difference, weight)
    mean = float(np.average(difference, weights=weight))
    return PairedResult(quantity, pairs, len(difference), mean, low, high)


def _seed_pairs(first: Group, second: Group) -> list[tuple[Run, Run]]:
    left = {str(run.seed): run for run in first.finished}
    right = {str(run.seed): run for run in second.finished}
    if not left or not right:
        raise UserError("one of the two rows has no finished run")
    shared = [(left[seed], right[seed]) for seed in left if seed in right]
    if shared:
        return shared
    if len(left) == len(right) == 1:
        return [(*left.values(), *right.values())]  # type: ignore[list-item]
    raise UserError(
        f"no seed is in both rows: {', '.join(left)} and {', '.join(right)}; runs are paired by their seed"
    )


def _items_of(run: Run) -> Items:
    if run.folder is None:
        raise UserError(
            f"{run.name} was read from a server, which holds no scores.csv; compare its run folder"
        )
    return read_items(run.folder / "scores.csv")


def _seed_pair(seeds: tuple[Any, Any], left: Items, right: Items, both: pd.DataFrame) -> SeedPair:
    one, other = both["value_first"].to_numpy(), both["value_second"].to_numpy()
    means = [float(np.average(values, weights=both["weight_first"])) for values in (one, other)]
    only_right = (int((one > other).sum()), int((other > one).sum())) if left.quantity.binary else None
    counts = (len(left.table), len(right.table))
    return SeedPair(seeds, len(both), counts, means[0], means[1], only_right)


def describe(result: PairedResult, rows: Sequence[int]) -> list[str]:
    """What was tested on which items, and what came out, as lines."""
    quantity = result.quantity
    first, second = (f"row {row}" for row in rows)
    better = "higher" if quantity.higher_is_better else "lower"
    lines = [f"paired, same test items: {quantity.name}, {first} against {second} ({better} is better)"]
    for pair in result.pairs:
        alike = pair.seeds[0] == pair.seeds[1]
        seed = f"seed {pair.seeds[0]}" if alike else f"seeds {pair.seeds[0]} and {pair.seeds[1]}"
        items = f"{pair.shared:,} {quantity.item}s"
        if pair.items != (pair.shared, pair.shared):
            items += f" in both (of {pair.items[0]:,} and {pair.items[1]:,})"
        figures = f"{pair.first:.4f} and {pair.second:.4f}, difference {pair.second - pair.first:+.4f}"
        lines.append(f"  {seed}, {items}: {figures}")
        if pair.only_right is not None:
            one, other = pair.only_right
            lines.append(
                f"    exact McNemar: {one} right in {first} alone, {other} in {second} alone, "
                f"p = {exact_mcnemar(one, other):.4g}"
            )
    seeds = f", {len(result.pairs)} seeds together" if len(result.pairs) > 1 else ""
    lines += [
        f"  {second} minus {first} over {result.items:,} {quantity.item}s{seeds}: {result.difference:+.4f},",
        f"    95 % interval {result.low:+.4f} to {result.high:+.4f}, "
        f"paired bootstrap of {RESAMPLES:,} resamples",
    ]
    if quantity.item in {"day", "forecast"}:
        lines.append("  errors of days in a row are alike, so the interval is narrower than it should be")
    if quantity.item == "line":
        lines.append("  lines count by their length, and lines close to each other are alike")
    return lines
