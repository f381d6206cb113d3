"""What classes, tags and entities are judged by alike: counts of each, and labels that were most frequent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from seqlab.report.tables import metrics_table
from seqlab.tasks.class_counts import ClassFigures

K = TypeVar("K", bound=Hashable)


def most_frequent(pairs: Iterable[tuple[K, str]]) -> dict[K, str]:
    """Each key with the label it has most often; ties go to the label met first."""
    counts: dict[K, Counter[str]] = defaultdict(Counter)
    for key, label in pairs:
        counts[key][label] += 1
    return {key: seen.most_common(1)[0][0] for key, seen in counts.items()}


def confusion_counts(confusion: NDArray[np.int64]) -> NDArray[np.int64]:
    """(3, C) right, predicted and gold of (C, C) counts, gold by predicted."""
    return np.stack([confusion.diagonal(), confusion.sum(axis=0), confusion.sum(axis=1)])


def class_rows(names: Sequence[str], counts: NDArray[np.int64]) -> list[tuple[str, list[float]]]:
    """Class; precision, recall, F1, predicted and gold of (3, C) counts; most frequent in gold first."""
    figures = np.stack([*ClassFigures.from_counts(*counts), counts[1], counts[2]], axis=1).tolist()
    order = sorted(range(len(names)), key=lambda number: (-counts[2, number], names[number]))
    return [(names[number], figures[number]) for number in order]


def class_table(rows: Sequence[tuple[str, list[float]]], title: str, gold: str) -> Markup:
    """What ``class_rows`` gives as a table of a report."""
    return metrics_table(("precision", "recall", "F1", "predicted", gold), rows, row_title=title)
