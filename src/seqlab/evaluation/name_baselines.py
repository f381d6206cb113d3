"""What classifying needs no network for: the majority, the longest known ending, counted n-grams or words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from seqlab.data.name_files import LabelledNames

SMOOTHING = (0.01, 0.03, 0.1, 0.3, 1.0)
LONGEST_GRAM = 4


class Majority:
    """Every name gets the label that is most frequent in training."""

    name = "majority"

    def __init__(self, train: LabelledNames) -> None:
        self.label = Counter(train.labels).most_common(1)[0][0]

    def predict(self, names: Sequence[str]) -> list[str]:
        """(N,) labels."""
        return [self.label] * len(names)


class LongestEnding:
    """The most frequent training label among names of the longest common ending; the whole name is one."""

    name = "longest_ending"

    def __init__(self, train: LabelledNames) -> None:
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for name, label in zip(train.names, train.labels, strict=True):
            for start in range(len(name) + 1):
                counts[name[start:]][label] += 1
        self.labels = {ending: seen.most_common(1)[0][0] for ending, seen in counts.items()}

    def predict(self, names: Sequence[str]) -> list[str]:
        """(N,) labels; the empty ending is known, and has the majority's."""
        return [
            next(self.labels[name[start:]] for start in range(len(name) + 1) if name[start:] in self.labels)
            for name in names
        ]


def character_grams(name: str) -> list[str]:
    """The 1- to 4-grams of a name's characters, its two ends marked."""
    marked = f"\x02{name}\x03"
    return [
        marked[start : start + size]
        for size in range(1, LONGEST_GRAM + 1)
        for start in range(len(marked) - size + 1)
    ]


class NaiveBayes:
    """Multinomial naive Bayes over what a text is taken apart into.

    The counts are smoothed by the value that is most accurate on the validation split.

    Args:
        name: of the baseline, in the table.
        grams: a text to the strings that are counted.
    """

    def __init__(
        self,
        train: LabelledNames,
        val: LabelledNames,
        name: str = "ngram_naive_bayes",
        grams: Callable[[str], list[str]] = character_grams,
    ) -> None:
        self.name, self.grams = name, grams
        self.labels = sorted(set(train.labels))
        numbers = {label: number for number, label in enumerate(self.labels)}
        self.columns: dict[str, int] = {}
        rows, columns = [], []
        for text, label in zip(train.names, train.labels, strict=True):
            for gram in grams(text):
                rows.append(numbers[label])
                columns.append(self.columns.setdefault(gram, len(self.columns)))
        self.counts = np.zeros((len(self.labels), len(self.columns)))  # (C, G)
        np.add.at(self.counts, (rows, columns), 1)
        shares = np.bincount([numbers[label] for label in train.labels]) / len(train)
        self.log_prior = np.log(shares)
        right = {}
        for smoothing in SMOOTHING:
            self._smooth(smoothing)
            right[smoothing] = sum(
                guess == label for guess, label in zip(self.predict(val.names), val.labels, strict=True)
            )
        self.smoothing = max(SMOOTHING, key=lambda smoothing: right[smoothing])
        self._smooth(self.smoothing)

    def _smooth(self, smoothing: float) -> None:
        smoothed = self.counts + smoothing
        self.log_shares: NDArray[np.float64] = np.log(smoothed / smoothed.sum(axis=1, keepdims=True))

    def predict(self, names: Sequence[str]) -> list[str]:
        """(N,) labels; what training did not hold counts for nothing."""
        found = []
        for name in names:
            known = [self.columns[gram] for gram in self.grams(name) if gram in self.columns]
            scores = self.log_prior + self.log_shares[:, known].sum(axis=1)
            found.append(self.labels[int(scores.argmax())])
        return found

    def telling(self, number: int) -> list[tuple[str, list[str]]]:
        """Each label, and what speaks for it most: share there times log of that over the share elsewhere."""
        grams, rows = list(self.columns), []
        for row, label in enumerate(self.labels):
            elsewhere = np.delete(self.counts, row, axis=0).sum(axis=0) + self.smoothing
            shares = np.exp(self.log_shares[row])
            weights = shares * (self.log_shares[row] - np.log(elsewhere / elsewhere.sum()))
            order = np.argsort(-weights, kind="stable")[:number]
            rows.append((label, [grams[column] for column in order if self.counts[row, column]]))
        return rows
