"""The HDFS sample: a seeded simulator of block lives, drawn from hdfs.yaml. All of it is synthetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from seqlab.data.sequences import (
    LABEL_ABNORMAL,
    LABEL_NORMAL,
    Sessions,
    segment_indices,
    smallest_integer_type,
)
from seqlab.errors import UserError

SYNTHETIC_NOTICE = (
    "Synthetic data: these HDFS block lives come from seqlab's seeded simulator, not from a cluster. "
    "Numbers measured on them say nothing about real logs."
)


class Step(NamedTuple):
    """A weighted choice among runs of events, drawn ``least`` to ``most`` times, all numbers alike likely."""

    runs: tuple[str, ...]
    weights: tuple[float, ...]
    least: int
    most: int

    @classmethod
    def of(cls, given: str | dict[str, Any]) -> Step:
        """From its entry in hdfs.yaml; with a ``chance``, nothing happens otherwise."""
        entry: dict[str, Any] = {"runs": given} if isinstance(given, str) else given
        found = _FILE["runs"][entry["runs"]]
        weights = dict(found) if isinstance(found, dict) else dict.fromkeys(found, 1.0)
        if "chance" in entry:
            total = sum(weights.values()) / entry["chance"]
            weights = {"": total * (1.0 - entry["chance"])} | weights
        return cls(tuple(weights), tuple(weights.values()), *entry.get("times", (1, 1)))


class Recipe(NamedTuple):
    """One way in which a normal variant or an anomaly kind comes about; weights compare within a label."""

    kind: str
    weight: float
    steps: tuple[Step, ...]


def _recipes(label: str) -> tuple[Recipe, ...]:
    return tuple(
        Recipe(each["kind"], each["weight"], tuple(map(Step.of, each["steps"]))) for each in _FILE[label]
    )


_FILE = yaml.safe_load(Path(__file__).with_name("hdfs.yaml").read_text(encoding="utf-8"))
EVENTS: dict[str, dict[str, Any]] = _FILE["events"]
TEMPLATES: dict[str, str] = {key: event["message"] for key, event in EVENTS.items()}
NORMAL_RECIPES, ABNORMAL_RECIPES = _recipes("normal"), _recipes("abnormal")
NORMAL_VARIANTS: tuple[str, ...] = tuple(dict.fromkeys(recipe.kind for recipe in NORMAL_RECIPES))
ANOMALY_KINDS: tuple[str, ...] = tuple(dict.fromkeys(recipe.kind for recipe in ABNORMAL_RECIPES))


@dataclass(frozen=True)
class SimulatedBlocks:
    """S simulated block lives, in random order; synthetic, whatever they are written to."""

    sessions: Sessions  # ids blk_<signed 64-bit number>, keys from TEMPLATES, every label known
    kinds: tuple[str, ...]  # (S,) which of NORMAL_VARIANTS or ANOMALY_KINDS each block is
    seed: int


def simulate_blocks(num_blocks: int = 4000, abnormal_share: float = 0.03, seed: int = 0) -> SimulatedBlocks:
    """Simulate the lives of HDFS blocks: write, replicate, read, verify, delete.

    Args:
        num_blocks: S, how many blocks.
        abnormal_share: share of abnormal blocks, 0 to 1; exactly ``round(num_blocks * abnormal_share)``
            blocks are abnormal, the kinds as equal in number as that allows.
        seed: 0 or larger; the same arguments give the same blocks.

    Raises:
        UserError: an argument outside of what it accepts.
    """
    for name, value, least in (("num_blocks", num_blocks, 1), ("seed", seed, 0)):
        if type(value) is not int or value < least:
            raise UserError(f"{name}={value!r}: give a whole number, {least} or larger")
    if not isinstance(abnormal_share, int | float) or not 0.0 <= abnormal_share <= 1.0:
        raise UserError(
            f"abnormal_share={abnormal_share!r}: give a share from 0 to 1, such as 0.03 for 3 % of the blocks"
        )
    rng = np.random.default_rng(seed)
    recipes = (*NORMAL_RECIPES, *ABNORMAL_RECIPES)
    num_abnormal = round(num_blocks * abnormal_share)
    normal = _weighted([recipe.weight for recipe in NORMAL_RECIPES], num_blocks - num_abnormal, rng)
    which = np.concatenate([normal, _abnormal_recipes(num_abnormal, rng)])
    rng.shuffle(which)

    # runs of events under one number each; 0 is the empty one, of a step that does not happen
    texts = dict.fromkeys(["", *(run for recipe in recipes for step in recipe.steps for run in step.runs)])
    numbers = {text: number for number, text in enumerate(texts)}
    width = max(sum(step.most for step in recipe.steps) for recipe in recipes)
    drawn = np.zeros((num_blocks, width), np.int16)
    for number, recipe in enumerate(recipes):
        blocks = np.flatnonzero(which == number)
        first = 0
        for step in recipe.steps:
            drawn[blocks, first : first + step.most] = _draw(step, numbers, len(blocks), rng)
            first += step.most

    codes_of = {key: code for code, key in enumerate(TEMPLATES)}
    runs = [[codes_of[key] for key in text.split()] for text in numbers]
    sizes = np.array([len(run) for run in runs], dtype=np.int64)
    events = np.array([code for run in runs for code in run], smallest_integer_type(len(codes_of) - 1))
    used = drawn[drawn > 0]
    sessions = Sessions.from_arrays(
        codes=events[segment_indices((np.cumsum(sizes) - sizes)[used], sizes[used])],
        lengths=sizes.astype(np.int16)[drawn].sum(axis=1, dtype=np.int64),
        ids=[f"blk_{number}" for number in _block_numbers(num_blocks, rng).tolist()],
        key_names=tuple(TEMPLATES),
    ).with_labels(np.where(which < len(NORMAL_RECIPES), LABEL_NORMAL, LABEL_ABNORMAL))
    return SimulatedBlocks(sessions, tuple(recipes[number].kind for number in which.tolist()), seed)


def _draw(step: Step, numbers: dict[str, int], count: int, rng: np.random.Generator) -> NDArray[np.int16]:
    """(count, step.most) run numbers: one row a block, 0 where the step is drawn less often."""
    picks = _weighted(step.weights, (count, step.most), rng)
    drawn = np.array([numbers[run] for run in step.runs], dtype=np.int16)[picks]
    if step.least < step.most:
        times = rng.integers(step.least, step.most, size=(count, 1), endpoint=True)
        drawn[np.arange(step.most) >= times] = 0
    return drawn


def _weighted(
    weights: Sequence[float], size: int | tuple[int, int], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Numbers of the choices drawn, in the shape of ``size``."""
    bounds = np.cumsum(weights)
    return np.searchsorted(bounds, rng.random(size) * bounds[-1], side="right")


def _abnormal_recipes(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(count,) recipe numbers: the kinds in turn, starting anywhere; within a kind by weight."""
    chosen = (np.arange(count) + rng.integers(len(ANOMALY_KINDS))) % len(ANOMALY_KINDS)
    result = np.zeros(count, dtype=np.int64)
    for kind, name in enumerate(ANOMALY_KINDS):
        mine = [number for number, recipe in enumerate(ABNORMAL_RECIPES) if recipe.kind == name]
        blocks = np.flatnonzero(chosen == kind)
        picks = _weighted([ABNORMAL_RECIPES[number].weight for number in mine], len(blocks), rng)
        result[blocks] = len(NORMAL_RECIPES) + np.array(mine)[picks]
    return result


def _block_numbers(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(count,) distinct signed 64-bit numbers."""
    limits = np.iinfo(np.int64)
    while True:
        numbers = rng.integers(limits.min, limits.max, size=count, endpoint=True)
        if len(np.unique(numbers)) == count:
            return numbers
