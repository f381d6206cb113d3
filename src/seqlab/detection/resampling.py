"""Figures of detection over sessions that are drawn from those of the test split."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN
from seqlab.detection.metrics import f1_of, precision_at

Weights = NDArray[np.int64]  # (R, S), how often each of S sessions counts in each of R resamples
Figures = dict[str, NDArray[np.float64]]  # (R,) each


def alike(columns: Iterable[ArrayLike]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(G,) the first session of each group that is equal in all columns of S values, and (S,) its group."""
    first, group = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    for column in columns:
        _, place = np.unique(column, return_inverse=True)
        _, first, group = np.unique(
            group * (place.max(initial=0) + 1) + place, return_index=True, return_inverse=True
        )
    return first, group


def sums(weights: Weights, rows: NDArray[np.int64], columns: NDArray[np.int64], width: int) -> Weights:
    """(R, width) weights of the sessions ``rows`` added up under the numbers ``columns``."""
    from scipy.sparse import csc_array

    shape = (weights.shape[1], width)
    added: Weights = weights @ csc_array((np.ones(len(rows), dtype=np.int64), (rows, columns)), shape=shape)
    return added


class Ranking:
    """S scored sessions of both kinds, ranked once; ``figures`` are those of ``detection_metrics``.

    Args:
        scores: (S,), higher for the more suspect; inf is the highest.
        abnormal: (S,) labels, both kinds present.
        threshold: a session above it is an alert.
        prevalence: as ``detection_metrics`` takes it.
    """

    def __init__(
        self, scores: NDArray, abnormal: NDArray[np.bool_], threshold: float, prevalence: float | None = None
    ) -> None:
        steps = np.unique(scores[abnormal])  # (A,) thresholds at which recall grows
        # A normal session lies between two steps, at an even place, or ties with one, at an odd place.
        places = np.searchsorted(steps, scores, "left") + np.searchsorted(steps, scores, "right")
        self.num_steps = len(steps)
        columns = np.where(abnormal, places // 2, self.num_steps + places)
        alerts = np.flatnonzero(scores > threshold)
        self.width = 3 * self.num_steps + 3  # A, 2 A + 1, alerts of both kinds
        rows = np.concatenate((np.arange(len(scores)), alerts))
        columns = np.concatenate((columns, self.width - 1 - abnormal[alerts]))
        self.counted = partial(sums, rows=rows, columns=columns, width=self.width)
        self.prevalence = prevalence

    def figures(self, weights: Weights) -> Figures:
        """NaN where no session of a kind was drawn."""
        counts, num_steps = self.counted(weights), self.num_steps
        hits, others = counts[:, :num_steps], counts[:, num_steps:-2]
        found, false_alarms = counts[:, -2], counts[:, -1]
        num_abnormal, num_normal = hits.sum(axis=1), others.sum(axis=1)
        total = num_abnormal + num_normal
        up_to = others.cumsum(axis=1)  # normal sessions at or below each place
        with np.errstate(divide="ignore", invalid="ignore"):
            beaten = up_to[:, :-1:2] + others[:, 1::2] / 2
            recall, rate = found / num_abnormal, false_alarms / num_normal
            caught = hits[:, ::-1].cumsum(axis=1)[:, ::-1]
            above = num_normal[:, None] - up_to[:, :-1:2]  # false alarms of each step
            figures = {
                "auroc": (hits * beaten).sum(axis=1) / (num_abnormal * num_normal),
                "average_precision": (hits * caught / np.maximum(caught + above, 1)).sum(axis=1)
                / num_abnormal,
            }
            shares = {"": num_abnormal / total} | (
                {} if self.prevalence is None else {"_at_prevalence": np.full(len(total), self.prevalence)}
            )
            for suffix, share in shares.items():
                precision = precision_at(rate, recall, share) * (found + false_alarms > 0)
                figures |= {f"precision{suffix}": precision, f"f1{suffix}": f1_of(precision, recall)}
        both = (num_abnormal > 0) & (num_normal > 0)
        figures = {name: np.where(both, values, np.nan) for name, values in figures.items()}
        return figures | {"recall": recall, "false_positive_rate": rate}


class SeenFigures:
    """The figures of ``seen_figures``, of other sessions."""

    def __init__(
        self, seen: NDArray[np.bool_], labels: NDArray[np.int8], scores: NDArray, threshold: float
    ) -> None:
        unlabelled = bool((labels == LABEL_UNKNOWN).all())
        normal = (labels == LABEL_NORMAL) | unlabelled
        self.seen, self.normal = seen & normal, normal
        new = normal & ~seen
        judged = (new | ((labels == LABEL_ABNORMAL) & ~seen)) & (not unlabelled)
        self.new = np.flatnonzero(judged) if new.any() else np.zeros(0, dtype=np.int64)
        self.ranking = Ranking(scores[self.new], ~new[self.new], threshold)

    def figures(self, weights: Weights) -> Figures:
        """NaN where a figure's sessions were not drawn."""
        with np.errstate(invalid="ignore"):
            share = weights[:, self.seen].sum(axis=1) / weights[:, self.normal].sum(axis=1)
        found = {"test/seen_share": share} if self.normal.any() else {}
        if not len(self.new):
            return found
        unseen = self.ranking.figures(weights[:, self.new])
        names = ("false_positive_rate", "auroc")[: 1 + bool(self.ranking.num_steps)]
        return found | {f"test/unseen/{name}": unseen[name] for name in names}
