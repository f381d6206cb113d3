"""How well scores tell abnormal sessions from normal ones; and others, drawn from the same sessions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN
from seqlab.errors import UserError

Weights = NDArray[np.int64]  # (R, S), how often each of S sessions counts in each of R resamples
Figures = dict[str, NDArray[np.float64]]  # (R,) each


def f1_of(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    """Their harmonic mean; 0 where both are 0."""
    total = precision + recall
    return np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)


def precision_at(
    false_positive_rate: NDArray[np.float64],
    recall: NDArray[np.float64],
    prevalence: float | NDArray[np.float64],
) -> NDArray[np.float64]:
    """Precision where a share ``prevalence`` of all sessions is abnormal; 1 where nothing is an alert."""
    hits = recall * prevalence
    alerts = hits + false_positive_rate * (1 - prevalence)
    return np.divide(hits, alerts, out=np.ones_like(alerts), where=alerts > 0)


@dataclass(frozen=True)
class Curve:
    """Every threshold that makes a difference: R of them, from none an alert to all."""

    false_positive_rate: NDArray[np.float64]  # (R,)
    recall: NDArray[np.float64]  # (R,)
    precision: NDArray[np.float64]  # (R,) at the test split's own share of abnormal sessions
    auroc: float
    average_precision: float

    def best_f1(self, prevalence: float) -> float:
        """The best F1 over all thresholds: it looked at the labels, so it is an oracle figure."""
        precision = precision_at(self.false_positive_rate, self.recall, prevalence)
        return float(f1_of(precision, self.recall).max())


def curve(scores: ArrayLike, abnormal: NDArray[np.bool_]) -> Curve:
    """ROC and precision-recall over all thresholds.

    Args:
        scores: (S,), higher for the more suspect; inf is the highest.
        abnormal: (S,) labels, both kinds present.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    ranks = np.unique(scores, return_inverse=True)[1]  # finite, where a score is inf
    false_positive_rate, recall, _ = roc_curve(abnormal, ranks, drop_intermediate=False)
    return Curve(
        false_positive_rate,
        recall,
        precision_at(false_positive_rate, recall, float(abnormal.mean())),
        float(roc_auc_score(abnormal, ranks)),
        float(average_precision_score(abnormal, ranks)),
    )


def check_prevalence(prevalence: float | None) -> None:
    """Raise UserError where the true share of abnormal sessions is not between 0 and 1."""
    if prevalence is not None and not 0 < prevalence < 1:
        raise UserError(f"detection.prevalence={prevalence}: give a share between 0 and 1, or null")


def detection_metrics(
    scores: ArrayLike, abnormal: NDArray[np.bool_], threshold: float, prevalence: float | None
) -> tuple[dict[str, float], Curve]:
    """The figures of one detector: a session is an alert when its score exceeds ``threshold``.

    Args:
        scores: (S,), higher for the more suspect.
        abnormal: (S,) labels, both kinds present.
        threshold: chosen without these labels.
        prevalence: the true share of abnormal sessions, where the test split's is not; adds precision and F1
            at that share.
    """
    alert = np.asarray(scores) > threshold
    recall, false_positive_rate = float(alert[abnormal].mean()), float(alert[~abnormal].mean())
    whole = curve(scores, abnormal)
    figures = {"auroc": whole.auroc, "average_precision": whole.average_precision}
    for suffix, share in (("", float(abnormal.mean())), ("_at_prevalence", prevalence)):
        if share is not None:
            # without any alert there is nothing to be precise about: 0, as torchmetrics counts it
            precision = precision_at(np.asarray(false_positive_rate), np.asarray(recall), share) * alert.any()
            figures[f"precision{suffix}"] = float(precision)
            figures[f"f1{suffix}"] = float(f1_of(precision, np.asarray(recall)))
    return figures | {
        "recall": recall,
        "false_positive_rate": false_positive_rate,
        "threshold": float(threshold),
    }, whole


def seen_figures(
    seen: NDArray[np.bool_], labels: NDArray[np.int8], scores: NDArray[np.float64], threshold: float
) -> dict[str, float]:
    """How many test sessions training held already, and how the main score does on those it did not.

    Args:
        seen: (S,) those that equal a training session key for key.
        labels, scores: (S,) of the same sessions.
        threshold: of these scores.

    Returns:
        ``test/seen_share`` of normal sessions, of all where none has a label; ``false_positive_rate`` and
        ``auroc`` under ``test/unseen`` where labels and sessions allow.
    """
    unlabelled = bool((labels == LABEL_UNKNOWN).all())
    normal = (labels == LABEL_NORMAL) | unlabelled
    figures = {"test/seen_share": float(seen[normal].mean())} if normal.any() else {}
    new, new_abnormal = normal & ~seen, (labels == LABEL_ABNORMAL) & ~seen
    if unlabelled or not new.any():
        return figures
    figures["test/unseen/false_positive_rate"] = float((scores[new] > threshold).mean())
    if new_abnormal.any():
        judged = new | new_abnormal
        figures["test/unseen/auroc"] = curve(scores[judged], new_abnormal[judged]).auroc
    return figures


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
