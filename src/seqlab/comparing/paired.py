"""Two rows of the table on the same test items: who is right where the other is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqlab.comparing.groups import Group
from seqlab.comparing.runs import Run
from seqlab.comparing.statistics import RESAMPLES, weighted_interval
from seqlab.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    Read = tuple["Quantity", pd.DataFrame]

FEWEST_ITEMS = 20  # fewer say nothing, whatever the test


@dataclass(frozen=True)
class Quantity:
    """What is compared of each test item."""

    name: str
    item: str
    binary: bool = False  # 1 for right, 0 for wrong
    higher_is_better: bool = True


@dataclass(frozen=True)
class Items:
    """The scores.csv of any task as one number per test item: right or wrong, an error, a loss."""

    quantity: Quantity
    table: pd.DataFrame  # indexed by what identifies an item; columns value and weight


def read_items(path: Path) -> Items:
    """Read a scores.csv.

    Raises:
        UserError: the file is missing or broken, or its columns are those of no task.
    """
    import pandas as pd

    if not path.is_file():
        raise UserError(f"{path}: no such file; a finished run of seqlab leaves it")
    try:
        # Keys and words such as "nan" and "NA" are text here; figures are turned into numbers below.
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as a CSV: {error}") from None
    for columns, read in _READERS:
        if columns <= set(frame.columns):
            try:
                quantity, table = read(frame)
                return Items(quantity, _indexed(table))
            except ValueError as error:
                raise UserError(f"{path}: {error}") from None
    accepted = "; ".join(", ".join(sorted(columns)) for columns, _ in _READERS)
    raise UserError(
        f"{path}: columns {', '.join(frame.columns)} are of no known task; one of these sets is needed: "
        f"{accepted}"
    )


def _indexed(table: pd.DataFrame) -> pd.DataFrame:
    """Items that look alike are told apart by their order: the second ``Kim`` pairs with the second."""
    keys = [name for name in table if name not in {"value", "weight"}]
    table = table.assign(copy=table.groupby(keys, sort=False).cumcount())
    if "weight" not in table:
        table["weight"] = 1.0
    return table.set_index([*keys, "copy"]).astype("float64")


def _alerts(frame: pd.DataFrame) -> Read:
    known = frame[frame["label"].isin(["Normal", "Anomaly"])]
    right = (known["label"] == "Anomaly") == (known["alert"] == "True")
    return Quantity("right alerts", "block", binary=True), known[["block_id", "label"]].assign(value=right)


def _labels(frame: pd.DataFrame) -> Read:
    """The first column holds what is classified, and its heading says what that is: name, text, session."""
    noun = frame.columns[0]
    right = frame["label"] == frame["predicted"]
    return Quantity("accuracy", noun, binary=True), frame[[noun, "label"]].assign(value=right)


def _tags(frame: pd.DataFrame) -> Read:
    """A sentence is the item: tags of one sentence are not independent."""
    frame = frame.assign(right=frame["gold"] == frame["predicted"], sentence=frame["sentence"].astype(int))
    table = frame.groupby("sentence").agg(
        words=("token", " ".join), tags=("gold", " ".join), value=("right", "mean"), weight=("right", "size")
    )
    return Quantity("token accuracy", "sentence"), table


def _translations(frame: pd.DataFrame) -> Read:
    table = frame[["source", "reference"]].assign(value=frame["chrf"].astype(float))
    return Quantity("chrF of a sentence", "sentence"), table


def _forecasts(frame: pd.DataFrame) -> Read:
    """A day of a series is the item, with all its forecasts; without dates, a forecast."""
    error = (frame["truth"].astype(float) - frame["forecast"].astype(float)).abs()
    if "date" not in frame:
        quantity = Quantity("absolute error", "forecast", higher_is_better=False)
        return quantity, frame[["step", "truth"]].assign(value=error)
    keys = [name for name in ("series", "date", "truth") if name in frame]
    days = frame[keys].assign(error=error).groupby(keys, sort=False, as_index=False)
    table = days.agg(value=("error", "mean"), weight=("error", "size"))
    return Quantity("absolute error", "day", higher_is_better=False), table


def _lines(frame: pd.DataFrame) -> Read:
    """A line's loss counts by its tokens, so that the mean is the one over tokens."""
    unit = frame.columns[1]  # characters or words
    counted = frame[frame["loss"] != ""]
    table = counted[["line", "text", unit]].assign(
        value=counted["loss"].astype(float), weight=counted[unit].astype(float)
    )
    return Quantity(f"loss in nats per {unit[:-1]}", "line", higher_is_better=False), table


_READERS: list[tuple[set[str], Callable[[pd.DataFrame], Read]]] = [
    ({"block_id", "label", "alert"}, _alerts),
    ({"sentence", "token", "gold", "predicted"}, _tags),
    ({"label", "predicted", "probability"}, _labels),
    ({"source", "reference", "chrf"}, _translations),
    ({"step", "truth", "forecast"}, _forecasts),
    ({"line", "loss", "text"}, _lines),
]


@dataclass(frozen=True)
class SeedPair:
    """One run of each row, and the test items of each."""

    seeds: tuple[Any, Any]
    items: tuple[int, int]
    both: pd.DataFrame  # the shared items: value_first, weight_first, value_second, weight_second

    @property
    def means(self) -> tuple[float, float]:
        values = (self.both["value_first"], self.both["value_second"])
        return tuple(float(np.average(each, weights=self.both["weight_first"])) for each in values)  # type: ignore[return-value]

    @property
    def only_right(self) -> tuple[int, int]:
        """Items that the first run alone, and the second alone, has right."""
        first, second = self.both["value_first"], self.both["value_second"]
        return int((first > second).sum()), int((second > first).sum())


@dataclass(frozen=True)
class PairedResult:
    """The test of two rows over all their seeds."""

    quantity: Quantity
    pairs: Sequence[SeedPair]
    items: int  # distinct ones
    difference: float  # second minus first
    low: float  # of its 95 % bootstrap interval
    high: float


def exact_mcnemar(only_first: int, only_second: int) -> float:
    """p-value of the two-sided exact test that both are right equally often where they disagree.

    Then the smaller count is binomial with probability 1/2 (McNemar 1947). SciPy takes long to import.
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
    if asked is None:
        folders = [[run.folder for run in group.finished if run.folder] for group in groups]
        has_scores = [any((each / "scores.csv").is_file() for each in row) for row in folders]
        if len(groups) != 2 or not all(has_scores):
            return []
    for row in rows:
        if not 1 <= row <= len(groups):
            raise UserError(f"--paired {row}: the table has rows 1 to {len(groups)}; give two of them")
    first, second = rows
    if first == second:
        raise UserError(f"--paired {first} {second}: give two different rows")
    try:
        return describe(compare_pair(groups[first - 1], groups[second - 1]), rows)
    except UserError as error:
        if asked is not None:
            raise
        return [f"no paired test: {error}"]


def compare_pair(first: Group, second: Group) -> PairedResult:
    """Pair the runs of two groups by seed and their test items by what identifies them.

    The interval draws items, each with the answers of all seeds that tested it: those are not independent.

    Raises:
        UserError: no seed is in both, a scores.csv is missing, or too few items are shared.
    """
    import pandas as pd

    pairs = []
    for one, other in _seed_pairs(first, second):
        left, right = _items_of(one), _items_of(other)
        quantity = left.quantity
        if quantity != right.quantity:
            raise UserError(
                f"{one.name} and {other.name} cannot be paired: one lists {quantity.name} of each "
                f"{quantity.item}, the other {right.quantity.name} of each {right.quantity.item}"
            )
        suffixes = ("_first", "_second")
        both = left.table.merge(right.table, left_index=True, right_index=True, suffixes=suffixes)
        if len(both) < FEWEST_ITEMS:
            raise UserError(
                f"{one.name} and {other.name} share {len(both)} of {len(left.table):,} and "
                f"{len(right.table):,} test items; a paired test needs {FEWEST_ITEMS}: compare runs that "
                "test the same data, with the same seed if the seed draws the split"
            )
        pairs.append(SeedPair((one.seed, other.seed), (len(left.table), len(right.table)), both))
    answers = pd.concat([pair.both for pair in pairs])
    gained = (answers["value_second"] - answers["value_first"]) * answers["weight_first"]
    sums = pd.DataFrame({"total": gained, "weight": answers["weight_first"]})
    total, weight = sums.groupby(level=list(range(sums.index.nlevels)), sort=True).sum().to_numpy().T
    difference = total / weight
    mean = float(np.average(difference, weights=weight))
    return PairedResult(quantity, pairs, len(difference), mean, *weighted_interval(difference, weight))


def _seed_pairs(first: Group, second: Group) -> list[tuple[Run, Run]]:
    left = {str(run.seed): run for run in first.finished}
    right = {str(run.seed): run for run in second.finished}
    if not left or not right:
        raise UserError("one of the two rows has no finished run")
    shared = [(left[seed], right[seed]) for seed in left if seed in right]
    if not shared and len(left) == len(right) == 1:
        shared = list(zip(left.values(), right.values(), strict=True))
    if not shared:
        seeds = f"{', '.join(left)} and {', '.join(right)}"
        raise UserError(f"no seed is in both rows: {seeds}; runs are paired by their seed")
    return shared


def _items_of(run: Run) -> Items:
    if run.folder is None:
        raise UserError(f"{run.name} is of a server, which holds no scores.csv; compare its run folder")
    return read_items(run.folder / "scores.csv")


def describe(result: PairedResult, rows: Sequence[int]) -> list[str]:
    """What was tested on which items, and what came out, as lines."""
    quantity, (first, second) = result.quantity, (f"row {row}" for row in rows)
    better = "higher" if quantity.higher_is_better else "lower"
    lines = [f"paired, same test items: {quantity.name}, {first} against {second} ({better} is better)"]
    for pair in result.pairs:
        alike = pair.seeds[0] == pair.seeds[1]
        seed = f"seed {pair.seeds[0]}" if alike else f"seeds {pair.seeds[0]} and {pair.seeds[1]}"
        items = f"{len(pair.both):,} {quantity.item}s"
        if pair.items != (len(pair.both), len(pair.both)):
            items += f" in both (of {pair.items[0]:,} and {pair.items[1]:,})"
        one, other = pair.means
        figures = f"{one:.4f} and {other:.4f}, difference {other - one:+.4f}"
        lines.append(f"  {seed}, {items}: {figures}")
        if quantity.binary:
            only = pair.only_right
            lines.append(
                f"    exact McNemar: {only[0]} right in {first} alone, {only[1]} in {second} alone, "
                f"p = {exact_mcnemar(*only):.4g}"
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
