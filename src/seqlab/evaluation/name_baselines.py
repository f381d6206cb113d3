"""What classifying names needs no network for: the majority, the longest known ending, counted n-grams."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqlab.data.name_files import LabelledNames

SMOOTHING = (0.01, 0.03, 0.1, 0.3, 1.0)


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


class NaiveBayes:
    """Multinomial naive Bayes over the 1- to 4-grams of a name's characters, its two ends marked.

    The counts are smoothed by the value that is most accurate on the validation split.
    """

    name = "ngram_naive_bayes"
    longest = 4

    def __init__(self, train: LabelledNames, val: LabelledNames) -> None:
        self.labels = sorted(set(train.labels))
        numbers = {label: number for number, label in enumerate(self.labels)}
        self.columns: dict[str, int] = {}
        rows, columns = [], []
        for name, label in zip(train.names, train.labels, strict=True):
            for gram in self._grams(name):
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

    def _grams(self, name: str) -> list[str]:
        marked = f"\x02{name}\x03"
        return [
            marked[start : start + size]
            for size in range(1, self.longest + 1)
            for start in range(len(marked) - size + 1)
        ]

    def _smooth(self, smoothing: float) -> None:
        smoothed = self.counts + smoothing
        self.log_shares: NDArray[np.float64] = np.log(smoothed / smoothed.sum(axis=1, keepdims=True))

    def predict(self, names: Sequence[str]) -> list[str]:
        """(N,) labels; n-grams that training did not hold count for nothing."""
        found = []
        for name in names:
            known = [self.columns[gram] for gram in self._grams(name) if gram in self.columns]
            scores = self.log_prior + self.log_shares[:, known].sum(axis=1)
            found.append(self.labels[int(scores.argmax())])
        return found
