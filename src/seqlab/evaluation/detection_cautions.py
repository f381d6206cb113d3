"""What a reader must know before any figure of a detection run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from seqlab.detection.session_scores import SessionScores
from seqlab.detection.thresholds import UNLIKELY, Threshold

if TYPE_CHECKING:
    from seqlab.evaluation.detection_report import DetectionOutcome

FEW_VALIDATION = 300  # below this a threshold is a matter of chance, which is said
SLACK = 3  # false alarms up to three times the aim are not remarked on
OTHER_LENGTHS = 0.1  # the least Kolmogorov-Smirnov distance that matters, however many sessions show it


def cautions(outcome: DetectionOutcome) -> list[str]:
    """What a reader must know before any figure of a run, most important first."""
    detector = outcome.detector
    few = (
        f"this threshold rests on {count_of(detector.num_val, 'validation session')}: other ones would give "
        f"another; {FEW_VALIDATION} or more are better (more normal sessions, or a larger second share of "
        "data.split)"
    )
    found = [
        _unexplained_alerts(outcome),
        unsupported_aim(detector.thresholds[outcome.main_score], outcome.target_fpr),
        few if detector.num_val < FEW_VALIDATION else None,
        too_many_unseen(detector.fitted) if outcome.main_score == "combined" else None,
        _other_lengths(outcome),
    ]
    return [sentence for sentence in found if sentence is not None]


def unsupported_aim(threshold: Threshold, target_fpr: float) -> str | None:
    """What the normal sessions of a threshold can support, where that is not the aim."""
    if threshold.aim <= target_fpr:
        return None
    return (
        f"{count_of(threshold.num_normals, 'normal session')} can support no aim below {threshold.aim:.2g}, "
        f"so about {threshold.aim:.1%} of normal sessions will be alerts, not {target_fpr:.2g}: an aim of "
        f"{target_fpr:g} takes {math.ceil(1 / target_fpr) - 1:,} normal sessions"
    )


def too_many_unseen(scores: SessionScores) -> str | None:
    """Why an unseen key is no alert by itself, where it is none."""
    if math.isfinite(scores.unseen_floor):
        return None
    return (
        f"{scores.unseen_share:.1%} of normal sessions hold a key that no other one holds, more than the aim "
        "allows: a key that training never showed is no alert by itself"
    )


def _unexplained_alerts(outcome: DetectionOutcome) -> str | None:
    """More alerts than ``target_fpr`` explains: of normal sessions, or of all where none has a label."""
    from scipy.stats import binom

    judged, aim = outcome.alerts[outcome.normal], outcome.target_fpr
    abnormal = (outcome.prevalence or 0.0) if outcome.unlabelled else 0.0
    above = int(judged.sum())
    chance = binom.sf(above - 1, len(judged), min(aim + abnormal, 1.0))
    if above <= (SLACK * aim + abnormal) * len(judged) or chance >= UNLIKELY:
        return None
    why = "so many are abnormal, or the threshold" if outcome.unlabelled else "the threshold"
    return (
        f"{above:,} of {len(judged):,} {tested(outcome)} ({above / len(judged):.2%}) are alerts, "
        f"{above / len(judged) / aim:,.0f} times the aim of {aim:g}: {why} was fitted to other sessions, "
        "or to too few"
    )


def _other_lengths(outcome: DetectionOutcome) -> str | None:
    """Test sessions whose lengths are distributed otherwise than those of training."""
    from scipy.stats import ks_2samp

    train, test = outcome.detector.trivial.train_lengths, outcome.sessions.lengths[outcome.normal]
    if not len(test):
        return None
    found = ks_2samp(train, test, method="asymp")
    if found.pvalue >= UNLIKELY or found.statistic < OTHER_LENGTHS:
        return None
    quartiles = [
        " / ".join(f"{length:,.0f}" for length in np.quantile(lengths, (0.25, 0.5, 0.75)))
        for lengths in (test, train)
    ]
    return (
        f"{tested(outcome)} have other lengths than training sessions: {quartiles[0]} events, not "
        f"{quartiles[1]} (quartiles; Kolmogorov-Smirnov distance {found.statistic:.2f}): are both cut "
        "from the log in the same way?"
    )


def tested(outcome: DetectionOutcome) -> str:
    """What alerts are counted among."""
    return "test sessions" if outcome.unlabelled else "normal test sessions"


def count_of(number: int, thing: str) -> str:
    """``1 session``, ``2 sessions``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
