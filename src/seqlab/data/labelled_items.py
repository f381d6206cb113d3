"""Sequences with a label each: what data sets of this kind read from their files."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlab.errors import UserError


@dataclass(frozen=True)
class LabelledItems:
    """N sequences as their files write them, with their labels, and where they stand."""

    texts: tuple[str, ...]  # (N,) a name, a text, the keys of a session; single spaces
    labels: tuple[str, ...]  # (N,)
    lines: NDArray[np.int64]  # (N,) number of the line in the file, from 1
    source: str  # the file, for messages
    ids: tuple[str, ...] | None = None  # (N,) what each is called; None: it is its own name

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.int64]) -> LabelledItems:
        """Some rows, in the given order."""
        picked = rows.tolist()
        return LabelledItems(
            tuple(self.texts[row] for row in picked),
            tuple(self.labels[row] for row in picked),
            self.lines[rows],
            self.source,
            None if self.ids is None else tuple(self.ids[row] for row in picked),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """(N,) what a table calls each."""
        return self.texts if self.ids is None else self.ids

    def distinct(self) -> LabelledItems:
        """Each text once with each of its labels, in the order of their first lines."""
        firsts: dict[tuple[str, str], int] = {}
        for row, pair in enumerate(zip(self.texts, self.labels, strict=True)):
            firsts.setdefault(pair, row)
        return self.take(np.array(list(firsts.values()), dtype=np.int64))

    def num_ambiguous(self) -> int:
        """Distinct texts that occur with more than one label."""
        return sum(len(labels) > 1 for labels in self._labels_of_texts().values())

    def accuracy_ceiling(self) -> float:
        """The best accuracy that any rule can reach which gives equal texts equal labels."""
        seen = self._labels_of_texts().values()
        return sum(max(labels.values()) for labels in seen) / len(self)

    def _labels_of_texts(self) -> dict[str, dict[str, int]]:
        seen: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for text, label in zip(self.texts, self.labels, strict=True):
            seen[text][label] += 1
        return seen


def check_labels(items: LabelledItems) -> None:
    """Raise UserError where all have the same label."""
    if len(set(items.labels)) < 2:
        raise UserError(
            f"{items.source}: the only label in it is {items.labels[0]}; classifying takes at least two"
        )
