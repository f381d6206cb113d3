"""What classifying needs no network for: the majority, the longest known ending, counted n-grams."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SMOOTHING = (0.01, 0.03, 0.1, 0.3, 1.0)
LONGEST_ENDING = 64  # tokens; a longer sequence is known by its whole, too
FIRST, LAST = "\x02", "\x03"  # stand before and after a sequence
Gram = tuple[str, ...]


class Counted(NamedTuple):
    """N sequences as baselines read them."""

    tokens: Sequence[Sequence[str]]  # of each
    labels: Sequence[str]


class Majority:
    """Every sequence gets the label that is most frequent in training."""

    name = "majority"

    def __init__(self, train: Counted) -> None:
        self.label = Counter(train.labels).most_common(1)[0][0]

    def predict(self, sequences: Sequence[Sequence[str]]) -> list[str]:
        """(N,) labels."""
        return [self.label] * len(sequences)


class LongestEnding:
    """The most frequent training label among sequences of the longest common ending; the whole is one."""

    name = "longest_ending"

    def __init__(self, train: Counted) -> None:
        counts: dict[Gram, Counter[str]] = defaultdict(Counter)
        for tokens, label in zip(train.tokens, train.labels, strict=True):
            for ending in endings(tokens):
                counts[ending][label] += 1
        self.labels = {ending: seen.most_common(1)[0][0] for ending, seen in counts.items()}

    def predict(self, sequences: Sequence[Sequence[str]]) -> list[str]:
        """(N,) labels; the empty ending is known, and has the majority's."""
        return [
            next(self.labels[ending] for ending in endings(tokens) if ending in self.labels)
            for tokens in sequences
        ]


def endings(tokens: Sequence[str]) -> list[Gram]:
    """The whole sequence, then its endings of at most LONGEST_ENDING tokens, the empty one last."""
    whole = tuple(tokens)
    shorter = range(max(len(whole) - LONGEST_ENDING, 1), len(whole) + 1)
    return [whole, *(whole[start:] for start in shorter)] if whole else [()]


def grams_of(tokens: Sequence[str], longest: int) -> list[Gram]:
    """The 1- to n-grams of a sequence; its two ends are marked where n is above 1."""
    marked = tuple(tokens) if longest == 1 else (FIRST, *tokens, LAST)
    return [
        marked[start : start + size]
        for size in range(1, longest + 1)
        for start in range(len(marked) - size + 1)
    ]


class NaiveBayes:
    """Multinomial naive Bayes over 1- to n-grams of tokens.

    The counts are smoothed by the value that is most accurate on the validation split.

    Args:
        longest_gram: n.
        name: of the baseline, in the table.
    """

    def __init__(self, train: Counted, val: Counted, longest_gram: int, name: str) -> None:
        self.name, self.longest_gram = name, longest_gram
        self.labels = sorted(set(train.labels))
        numbers = {label: number for number, label in enumerate(self.labels)}
        self.columns: dict[Gram, int] = {}
        rows, columns = [], []
        for tokens, label in zip(train.tokens, train.labels, strict=True):
            for gram in grams_of(tokens, longest_gram):
                rows.append(numbers[label])
                columns.append(self.columns.setdefault(gram, len(self.columns)))
        self.counts = np.zeros((len(self.labels), len(self.columns)))  # (C, G)
        np.add.at(self.counts, (rows, columns), 1)
        shares = np.bincount([numbers[label] for label in train.labels]) / len(train.labels)
        self.log_prior = np.log(shares)
        right = {}
        for smoothing in SMOOTHING:
            self._smooth(smoothing)
            right[smoothing] = sum(
                guess == label for guess, label in zip(self.predict(val.tokens), val.labels, strict=True)
            )
        self.smoothing = max(SMOOTHING, key=lambda smoothing: right[smoothing])
        self._smooth(self.smoothing)

    def _smooth(self, smoothing: float) -> None:
        smoothed = self.counts + smoothing
        self.log_shares: NDArray[np.float64] = np.log(smoothed / smoothed.sum(axis=1, keepdims=True))

    def predict(self, sequences: Sequence[Sequence[str]]) -> list[str]:
        """(N,) labels; what training did not hold counts for nothing."""
        found = []
        for tokens in sequences:
            grams = grams_of(tokens, self.longest_gram)
            known = [self.columns[gram] for gram in grams if gram in self.columns]
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
            rows.append((label, [shown(grams[column]) for column in order if self.counts[row, column]]))
        return rows


def shown(gram: Gram) -> str:
    """A gram as a reader sees it."""
    return " ".join({FIRST: "<start>", LAST: "<end>"}.get(token, token) for token in gram)
