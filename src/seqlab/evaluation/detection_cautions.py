"""What a reader must know before any figure of a detection run, and data that is refused.

Each caution is a function of the outcome that gives one sentence, or None where there is nothing to say.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seqlab.data.log_sessions import LogSessions
from seqlab.data.sequences import LABEL_NORMAL, LABEL_UNKNOWN
from seqlab.detection.session_scores import SessionScores
from seqlab.detection.thresholds import UNLIKELY, Threshold
from seqlab.errors import UserError
from seqlab.evaluation.detection_report import DetectionOutcome

FEWEST_TRAINING, FEWEST_VALIDATION = 10, 2  # below these nothing is trained
FEW_VALIDATION = 300  # below this a threshold is a matter of chance, which is said
SLACK = 3  # false alarms up to three times the aim are not remarked on
OTHER_LENGTHS = 0.1  # the least Kolmogorov-Smirnov distance that matters, however many sessions show it


def check_sessions(datamodule: LogSessions) -> None:
    """Refuse training and validation sessions that no threshold can come from. Reads no test session.

    Raises:
        UserError: too few of them, or an unseen key in all but a few validation sessions.
    """
    train, val = len(datamodule.sessions("train")), len(datamodule.sessions("val"))
    if train < FEWEST_TRAINING:
        raise UserError(
            f"{_count(train, 'normal session')} to train on: too few to say what is normal; give "
            f"{FEWEST_TRAINING} or more, better some thousands"
        )
    lengths = datamodule.sessions("val").lengths
    session = np.repeat(np.arange(val), lengths)
    with_unseen = session[datamodule.tokens("val") == datamodule.vocabulary.unk]
    usable = val - len(np.unique(with_unseen))
    if usable >= FEWEST_VALIDATION:
        return
    if usable < val:
        raise UserError(
            f"{val - usable:,} of {val:,} validation sessions hold a key that training never showed, so no "
            f"threshold can be fitted ({FEWEST_VALIDATION} without one are the least): do train and val come "
            "from the same log, parsed with the same templates?"
        )
    raise UserError(
        f"{_count(val, 'normal session')} to validate on: too few to fit a threshold to; give "
        f"{FEWEST_VALIDATION} or more, better some hundreds (more sessions, or a larger second share of "
        "data.split)"
    )


def cautions(outcome: DetectionOutcome) -> list[str]:
    """All that there is to say of a run, most important first."""
    found = (caution(outcome) for caution in CAUTIONS)
    return [sentence for sentence in found if sentence is not None]


def few_normals(outcome: DetectionOutcome) -> str | None:
    """Thresholds that rest on few sessions."""
    count = outcome.detector.num_val
    if count >= FEW_VALIDATION:
        return None
    return (
        f"this threshold rests on {_count(count, 'validation session')}: other ones would give "
        f"another; {FEW_VALIDATION} or more are better (more normal sessions, or a larger second share of "
        "data.split)"
    )


def no_such_aim(outcome: DetectionOutcome) -> str | None:
    """Normal sessions too few for the aim."""
    return unsupported_aim(outcome.detector.thresholds[outcome.main_score], outcome.target_fpr)


def unsupported_aim(threshold: Threshold, target_fpr: float) -> str | None:
    """What the normal sessions of a threshold can support, where that is not the aim."""
    if threshold.aim <= target_fpr:
        return None
    return (
        f"{_count(threshold.num_normals, 'normal session')} can support no aim below {threshold.aim:.2g}, so "
        f"about {threshold.aim:.1%} of normal sessions will be alerts, not {target_fpr:.2g}: an aim of "
        f"{target_fpr:g} takes {math.ceil(1 / target_fpr) - 1:,} normal sessions"
    )


def no_rule_for_unseen_keys(outcome: DetectionOutcome) -> str | None:
    """Unseen keys that are no alerts by themselves."""
    return too_many_unseen(outcome.detector.fitted) if outcome.main_score == "combined" else None


def too_many_unseen(scores: SessionScores) -> str | None:
    """Why an unseen key is no alert by itself, where it is none."""
    if math.isfinite(scores.unseen_floor):
        return None
    return (
        f"{scores.unseen_share:.1%} of normal sessions hold a key that no other one holds, more than the aim "
        "allows: a key that training never showed is no alert by itself"
    )


def unexplained_alerts(outcome: DetectionOutcome) -> str | None:
    """More alerts than ``target_fpr`` explains: of normal sessions, or of all where none has a label."""
    from scipy.stats import binom

    labels, aim = outcome.sessions.labels, outcome.target_fpr
    unlabelled = bool((labels == LABEL_UNKNOWN).all())
    judged = outcome.alerts if unlabelled else outcome.alerts[labels == LABEL_NORMAL]
    abnormal = (outcome.prevalence or 0.0) if unlabelled else 0.0
    above = int(judged.sum())
    chance = binom.sf(above - 1, len(judged), min(aim + abnormal, 1.0))
    if above <= (SLACK * aim + abnormal) * len(judged) or chance >= UNLIKELY:
        return None
    which = "test sessions" if unlabelled else "normal test sessions"
    why = "so many are abnormal, or the threshold" if unlabelled else "the threshold"
    return (
        f"{above:,} of {len(judged):,} {which} ({above / len(judged):.2%}) are alerts, "
        f"{above / len(judged) / aim:,.0f} times the aim of {aim:g}: {why} was fitted to other sessions, "
        "or to too few"
    )


def other_lengths(outcome: DetectionOutcome) -> str | None:
    """Test sessions whose lengths are distributed otherwise than those of training."""
    from scipy.stats import ks_2samp

    labels, train = outcome.sessions.labels, outcome.detector.trivial.train_lengths
    unlabelled = bool((labels == LABEL_UNKNOWN).all())
    test = outcome.sessions.lengths[(labels == LABEL_NORMAL) | unlabelled]
    if not len(test):
        return None
    found = ks_2samp(train, test, method="asymp")
    if found.pvalue >= UNLIKELY or found.statistic < OTHER_LENGTHS:
        return None
    which = "test sessions" if unlabelled else "normal test sessions"
    return (
        f"{which} have other lengths than training sessions: {_quartiles(test)} events, not "
        f"{_quartiles(train)} (quartiles; Kolmogorov-Smirnov distance {found.statistic:.2f}): are both cut "
        "from the log in the same way?"
    )


CAUTIONS: tuple[Callable[[DetectionOutcome], str | None], ...] = (
    unexplained_alerts,
    no_such_aim,
    few_normals,
    no_rule_for_unseen_keys,
    other_lengths,
)


def _quartiles(lengths: NDArray[np.int64]) -> str:
    first, median, third = np.quantile(lengths, (0.25, 0.5, 0.75))
    return f"{first:,.0f} / {median:,.0f} / {third:,.0f}"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
