"""The embedded HDFS sample: a seeded simulator of block lives. Everything it gives is synthetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlab.data.samples.hdfs_anomalies import ABNORMAL_RECIPES
from seqlab.data.samples.hdfs_recipes import NORMAL_RECIPES, SYNTHETIC_NOTICE, TEMPLATES, Recipe, Step
from seqlab.data.sequences import (
    LABEL_ABNORMAL,
    LABEL_NORMAL,
    Sessions,
    segment_indices,
    smallest_integer_type,
)
from seqlab.errors import UserError

__all__ = [
    "ANOMALY_KINDS",
    "NORMAL_VARIANTS",
    "SYNTHETIC_NOTICE",
    "TEMPLATES",
    "SimulatedBlocks",
    "simulate_blocks",
]

NORMAL_VARIANTS: tuple[str, ...] = tuple(dict.fromkeys(recipe.kind for recipe in NORMAL_RECIPES))
ANOMALY_KINDS: tuple[str, ...] = tuple(dict.fromkeys(recipe.kind for recipe in ABNORMAL_RECIPES))

BLOCKS_PER_CHUNK = 65_536  # bounds the index arrays while phrases are joined to sessions


@dataclass(frozen=True)
class SimulatedBlocks:
    """S simulated block lives, in random order; synthetic, whatever they are written to."""

    sessions: Sessions  # ids blk_<signed 64-bit number>, keys from TEMPLATES, every label known
    kinds: tuple[str, ...]  # (S,) which of NORMAL_VARIANTS or ANOMALY_KINDS each block is
    seed: int


class Phrases:
    """Short runs of events under one number each; phrase p holds codes[starts[p]:starts[p] + lengths[p]].

    Phrase 0 is empty: what a step that does not happen puts into a session.
    """

    def __init__(self, recipes: Sequence[Recipe], key_names: Sequence[str]) -> None:
        texts = [phrase for recipe in recipes for step in recipe.steps for phrase in step.phrases]
        self.numbers = {text: number for number, text in enumerate(dict.fromkeys(["", *texts]))}
        codes = {name: code for code, name in enumerate(key_names)}
        rows = [[codes[key] for key in text.split()] for text in self.numbers]
        self.codes = np.array([code for row in rows for code in row], smallest_integer_type(len(codes) - 1))
        self.lengths = np.array([len(row) for row in rows], dtype=np.int64)
        self.starts = np.cumsum(self.lengths) - self.lengths

    def draw(self, step: Step, count: int, rng: np.random.Generator) -> NDArray[np.int16]:
        """(count, step.most) phrase numbers: one row a block, 0 where the step is drawn less often."""
        bounds = np.cumsum(step.weights)
        picks = np.searchsorted(bounds, rng.random((count, step.most)) * bounds[-1], side="right")
        numbers = np.array([self.numbers[phrase] for phrase in step.phrases], dtype=np.int16)[picks]
        if step.least < step.most:
            times = rng.integers(step.least, step.most, size=(count, 1), endpoint=True)
            numbers[np.arange(step.most) >= times] = 0
        return numbers

    def join(self, rows: NDArray[np.int16]) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
        """The codes of all rows, one after the other, and the length of each row."""
        lengths = self.lengths[rows]
        used = rows[rows > 0]
        codes = self.codes[segment_indices(self.starts[used], self.lengths[used])]
        return codes, lengths.sum(axis=1)


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
    _check(num_blocks, abnormal_share, seed)
    rng = np.random.default_rng(seed)
    recipes = (*NORMAL_RECIPES, *ABNORMAL_RECIPES)
    key_names = tuple(TEMPLATES)
    phrases = Phrases(recipes, key_names)

    num_abnormal = round(num_blocks * abnormal_share)
    which = np.concatenate(
        [_normal_recipes(num_blocks - num_abnormal, rng), _abnormal_recipes(num_abnormal, rng)]
    )
    rng.shuffle(which)

    rows = np.zeros(
        (num_blocks, max(sum(step.most for step in recipe.steps) for recipe in recipes)), np.int16
    )
    for number, recipe in enumerate(recipes):
        blocks = np.flatnonzero(which == number)
        first = 0
        for step in recipe.steps:
            rows[blocks, first : first + step.most] = phrases.draw(step, len(blocks), rng)
            first += step.most

    parts = [phrases.join(rows[at : at + BLOCKS_PER_CHUNK]) for at in range(0, num_blocks, BLOCKS_PER_CHUNK)]
    labels = np.where(which < len(NORMAL_RECIPES), LABEL_NORMAL, LABEL_ABNORMAL).astype(np.int8)
    sessions = Sessions.from_arrays(
        codes=np.concatenate([codes for codes, _ in parts]),
        lengths=np.concatenate([lengths for _, lengths in parts]),
        ids=[f"blk_{number}" for number in _block_numbers(num_blocks, rng).tolist()],
        key_names=key_names,
    ).with_labels(labels)
    kinds = tuple(recipes[number].kind for number in which.tolist())
    return SimulatedBlocks(sessions=sessions, kinds=kinds, seed=seed)


def _check(num_blocks: int, abnormal_share: float, seed: int) -> None:
    if isinstance(num_blocks, bool) or not isinstance(num_blocks, int) or num_blocks < 1:
        raise UserError(
            f"num_blocks={num_blocks!r}: give a whole number of blocks, 1 or more (4000 is usual)"
        )
    if isinstance(abnormal_share, bool) or not isinstance(abnormal_share, int | float):
        raise UserError(f"abnormal_share={abnormal_share!r}: give a number from 0 to 1, such as 0.03")
    if not 0.0 <= abnormal_share <= 1.0:
        raise UserError(
            f"abnormal_share={abnormal_share!r}: give a share from 0 to 1, such as 0.03 for 3 % of the blocks"
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UserError(f"seed={seed!r}: give a whole number, 0 or larger")


def _normal_recipes(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(count,) recipe numbers, drawn by weight."""
    bounds = np.cumsum([recipe.weight for recipe in NORMAL_RECIPES])
    return np.searchsorted(bounds, rng.random(count) * bounds[-1], side="right").astype(np.int64)


def _abnormal_recipes(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(count,) recipe numbers: the kinds in turn, starting anywhere; within a kind by weight."""
    chosen = (np.arange(count) + rng.integers(len(ANOMALY_KINDS))) % len(ANOMALY_KINDS)
    result = np.zeros(count, dtype=np.int64)
    for kind, name in enumerate(ANOMALY_KINDS):
        mine = [number for number, recipe in enumerate(ABNORMAL_RECIPES) if recipe.kind == name]
        bounds = np.cumsum([ABNORMAL_RECIPES[number].weight for number in mine])
        places = np.flatnonzero(chosen == kind)
        picks = np.searchsorted(bounds, rng.random(len(places)) * bounds[-1], side="right")
        result[places] = len(NORMAL_RECIPES) + np.array(mine)[picks]
    return result


def _block_numbers(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(count,) distinct signed 64-bit numbers."""
    limits = np.iinfo(np.int64)
    while True:
        numbers = rng.integers(limits.min, limits.max, size=count, endpoint=True)
        if len(np.unique(numbers)) == count:
            return numbers
