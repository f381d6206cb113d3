"""Two rows of the table on the same test items: who is right where the other is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seqlab.comparing.groups import Group
from seqlab.comparing.items import Items, Quantity, read_items
from seqlab.comparing.runs import Run
from seqlab.comparing.statistics import RESAMPLES, weighted_interval
from seqlab.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ITEMS = 20  # fewer say nothing, whatever the test


@dataclass(frozen=True)
class McNemar:
    """``only_first`` items are right in the first run alone, ``only_second`` in the second alone."""

    only_first: int
    only_second: int
    p_value: float


@dataclass(frozen=True)
class SeedPair:
    """One run of each row. ``difference`` is second minus first, a mean over the shared items."""

    seeds: tuple[Any, Any]
    shared: int
    items: tuple[int, int]
    first: float
    second: float
    difference: float
    mcnemar: McNemar | None


@dataclass(frozen=True)
class PairedResult:
    """``low`` to ``high`` is the 95 % bootstrap interval of ``difference``, over ``items`` distinct items."""

    quantity: Quantity
    pairs: Sequence[SeedPair]
    items: int
    difference: float
    low: float
    high: float


def exact_mcnemar(only_first: int, only_second: int) -> McNemar:
    """Two-sided exact test that both are right equally often where they disagree (McNemar 1947).

    Under that hypothesis the smaller count is binomial with probability 1/2.
    """
    total, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(total, count) for count in range(fewer + 1))
    return McNemar(only_first, only_second, min(1.0, 2 * tail / 2**total))


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
        if left.quantity != right.quantity:
            raise UserError(
                f"{one.name} and {other.name} cannot be paired: one lists {left.quantity.name} of each "
                f"{left.quantity.item}, the other {right.quantity.name} of each {right.quantity.item}"
            )
        quantity = left.quantity
        both = left.table.merge(
            right.table, left_index=True, right_index=True, suffixes=("_first", "_second")
        )
        if len(both) < FEWEST_ITEMS:
            raise UserError(
                f"{one.name} and {other.name} share {len(both)} of {len(left.table):,} and "
                f"{len(right.table):,} test items; a paired test needs {FEWEST_ITEMS}: compare runs that "
                "test the same data, with the same seed if the seed draws the split"
            )
        pairs.append(_seed_pair(one, other, left, right, both))
        joined.append(both)
    assert quantity is not None
    all_items = pd.concat(joined)
    total = (all_items["value_second"] - all_items["value_first"]) * all_items["weight_first"]
    sums = pd.DataFrame({"total": total, "weight": all_items["weight_first"]})
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
    if run.place is None:
        raise UserError(
            f"{run.name} was read from a server, which holds no scores.csv; compare its run folder"
        )
    return read_items(run.place / "scores.csv")


def _seed_pair(one: Run, other: Run, left: Items, right: Items, both: pd.DataFrame) -> SeedPair:
    values = both["value_first"].to_numpy(), both["value_second"].to_numpy()
    weights = both["weight_first"].to_numpy()
    means = [float(np.average(value, weights=weights)) for value in values]
    test = None
    if left.quantity.binary:
        test = exact_mcnemar(int((values[0] > values[1]).sum()), int((values[1] > values[0]).sum()))
    counts = len(left.table), len(right.table)
    seeds = (one.seed, other.seed)
    return SeedPair(seeds, len(both), counts, means[0], means[1], means[1] - means[0], test)


def describe(result: PairedResult, names: tuple[str, str]) -> list[str]:
    """What was tested on which items, and what came out, as sentences."""
    quantity = result.quantity
    better = "higher" if quantity.higher_is_better else "lower"
    lines = [f"paired, same test items: {quantity.name}, {names[0]} against {names[1]} ({better} is better)"]
    for pair in result.pairs:
        seed = f"seed {pair.seeds[0]}"
        if pair.seeds[0] != pair.seeds[1]:
            seed = f"seeds {pair.seeds[0]} and {pair.seeds[1]}"
        items = f"{pair.shared:,} {quantity.item}s"
        if pair.items != (pair.shared, pair.shared):
            items += f" in both (of {pair.items[0]:,} and {pair.items[1]:,})"
        line = f"  {seed}, {items}: {pair.first:.4f} and {pair.second:.4f}, difference {pair.difference:+.4f}"
        lines.append(line)
        if pair.mcnemar is not None:
            test = pair.mcnemar
            lines.append(
                f"    exact McNemar: {test.only_first} right in {names[0]} alone, "
                f"{test.only_second} in {names[1]} alone, p = {test.p_value:.4g}"
            )
    many = len(result.pairs) > 1
    over = f"{result.items:,} {quantity.item}s" + (f", {len(result.pairs)} seeds together" if many else "")
    lines.append(
        f"  {names[1]} minus {names[0]} over {over}: {result.difference:+.4f},"
        f"\n    95 % interval {result.low:+.4f} to {result.high:+.4f}, "
        f"paired bootstrap of {RESAMPLES:,} resamples"
    )
    if quantity.item in {"day", "forecast"}:
        lines.append("  errors of days in a row are alike, so the interval is narrower than it should be")
    if quantity.item == "line":
        lines.append("  lines count by their length, and lines close to each other are alike")
    return lines
