"""How well scores tell abnormal sessions from normal ones, with and without a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN
from seqlab.errors import UserError


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
