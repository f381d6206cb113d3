"""Thresholds of a trained detector, fitted again to new normal sessions; the network stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import Sessions
from seqlab.data.vocabulary import SPECIAL
from seqlab.detection.session_scores import Normals, SessionScores, fit_scores, fitted_judge
from seqlab.detection.surprise import EventSurprise
from seqlab.detection.thresholds import Threshold
from seqlab.errors import UserError
from seqlab.prediction.sessions import struck
from seqlab.tasks.base import SequenceTask


@dataclass(frozen=True)
class Change:
    """What became of one score's threshold."""

    score: str
    old: float
    new: Threshold
    share_above_old: float  # of the new normals, by the scores as they were
    share_above_new: float  # by the scores as they are


@dataclass(frozen=True)
class Recalibrated:
    """A judge fitted again."""

    judge: dict[str, Any]  # what the new checkpoint holds
    changes: list[Change]
    num_sessions: int
    num_unseen: int  # sessions with a key that training never showed: no threshold was fitted to them


def recalibrate(
    task: SequenceTask, baggage: dict[str, Any], sessions: Sessions, target_fpr: float
) -> Recalibrated:
    """Fit the thresholds, and the calibrations of ``combined``, to new normals as the run did to its own.

    Args:
        task, baggage: as ``load_task`` gives them; the baggage is left as it is.
        sessions: normal ones, which the network has not been trained on.
        target_fpr: the share of normal sessions that may be alerts.

    Raises:
        UserError: no log model, a run that ended before its thresholds, or no session without unseen keys.
    """
    if "vocabulary" not in baggage["data"] or not hasattr(task, "unk_id"):
        raise UserError("this checkpoint judges no log sessions: calibrate takes model=gru and model=gru_ae")
    judge = fitted_judge(baggage.get("judge"))
    if not len(sessions):
        raise UserError("no session to fit a threshold on")
    events, counts = struck(task, baggage, sessions)
    unseen = events.has_unseen()
    if unseen.all():
        raise UserError(
            "every session holds a key that training never showed, so no threshold can be fitted: are they "
            "normal sessions of the same log, parsed with the same templates?"
        )
    fitted, thresholds, before, after = _refit(judge, events, counts, target_fpr)
    changes = []
    for name, threshold in thresholds.items():
        old = float(judge["thresholds"][name]["value"])
        new = replace(threshold, method=threshold.method.replace("validation normals", "new normals"))
        above = float((before[name] > old).mean()), float((after[name] > new.value).mean())
        changes.append(Change(name, old, new, *above))
    new_judge = judge | fitted | {"thresholds": {change.score: change.new.state() for change in changes}}
    return Recalibrated(new_judge, changes, len(sessions), int(unseen.sum()))


Scores = dict[str, NDArray[np.float64]]


def _refit(
    judge: dict[str, Any], events: EventSurprise, counts: NDArray[np.int32], target_fpr: float
) -> tuple[dict[str, Any], dict[str, Threshold], Scores, Scores]:
    """What of the judge was fitted anew, its thresholds, and the sessions' scores before and after."""
    names, old = list(judge["thresholds"]), SessionScores.from_state(judge)
    new, thresholds = fit_scores(
        names, old.model_score, Normals(events, counts), None, old.nearest, SPECIAL.unk, target_fpr, old.costs
    )
    return new.state(), thresholds, old.scores(names, events, counts), new.scores(names, events, counts)
