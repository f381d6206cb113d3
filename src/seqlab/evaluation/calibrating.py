"""Thresholds of a trained detector, fitted again to new normal sessions; the network stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN, Sessions
from seqlab.detection.counts import CountCosts
from seqlab.detection.judge import fitted_judge
from seqlab.detection.session_scores import Normals, SessionScores, fit_scores, has_unseen
from seqlab.detection.thresholds import Threshold
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents
from seqlab.evaluation.detection import session_surprise
from seqlab.evaluation.detection_cautions import too_many_unseen, unsupported_aim
from seqlab.tasks.base import SequenceTask

FEWEST_NORMALS = 10
RUN_COSTS = "run_count_costs"  # the run's own, in the judge of a checkpoint that was calibrated


@dataclass(frozen=True)
class Change:
    """What became of one score's threshold."""

    score: str
    old: float
    new: Threshold
    share_above_old: float  # of the normals fitted to, by the scores as they were
    share_above_new: float  # by the scores as they are, in whose counts each session is judged by the others


@dataclass(frozen=True)
class Recalibrated:
    """A judge fitted again."""

    judge: dict[str, Any]  # what the new checkpoint holds
    changes: list[Change]
    num_sessions: int  # given
    num_normals: int  # that the thresholds were fitted to
    left_out: list[tuple[int, str]]  # how many of the others, and what they are
    warnings: list[str]  # what the thresholds cannot keep


def recalibrate(
    task: SequenceTask, contents: Contents, sessions: Sessions, target_fpr: float
) -> Recalibrated:
    """Fit the thresholds, and the calibrations of ``combined``, to new normals as the run did to its own.

    The counts of the new normals join those that the run knew. Calibrating a second time begins from the
    run's again, so that sessions given twice are not known before they are judged.

    Args:
        task, contents: as ``load_task`` gives them.
        sessions: those labelled normal are taken, or all where none has a label; the network must not have
            been trained on them.
        target_fpr: the share of normal sessions that may be alerts.

    Raises:
        UserError: a run that ended before its thresholds, or fewer than FEWEST_NORMALS normal
            sessions without unseen keys.
    """
    judge = fitted_judge(contents.judge)
    old = SessionScores.from_state(judge)
    labels = sessions.labels
    labelled = bool((labels != LABEL_UNKNOWN).any())
    normals = sessions.take(np.flatnonzero(labels == LABEL_NORMAL)) if labelled else sessions
    left_out = [
        (int((labels == LABEL_ABNORMAL).sum()), "labelled abnormal"),
        (int((labels == LABEL_UNKNOWN).sum()) * labelled, "without a label, where others have one"),
    ]
    _check_enough(len(normals), left_out)
    events, counts = session_surprise(task, contents, normals)
    unseen = has_unseen(events, counts, old.unk)
    left_out.append((int(unseen.sum()), "with keys that training never showed"))
    _check_enough(len(normals) - int(unseen.sum()), left_out)
    given = Normals(events, counts)
    known = CountCosts.from_state(judge[RUN_COSTS]) if RUN_COSTS in judge else old.costs
    names = list(judge["thresholds"])
    fitted = fit_scores(names, old.parts, given, None, old.nearest, old.unk, target_fpr, known)
    measured = given.take(~unseen)
    before = old.scores(names, measured.events, measured.counts)
    changes = []
    for name, threshold in fitted.thresholds.items():
        was = float(judge["thresholds"][name]["value"])
        new = replace(threshold, method=threshold.method.replace("validation normals", "new normals"))
        above = float((before[name] > was).mean()), float((fitted.normals[name] > new.value).mean())
        changes.append(Change(name, was, new, *above))
    main = fitted.thresholds[judge["main_score"]]
    warnings = [unsupported_aim(main, target_fpr), too_many_unseen(fitted.scores)]
    new_judge = dict(judge) | fitted.scores.state()
    new_judge |= {RUN_COSTS: known.state(), "thresholds": {each.score: each.new.state() for each in changes}}
    return Recalibrated(
        new_judge,
        changes,
        len(sessions),
        len(measured.counts),
        [(count, what) for count, what in left_out if count],
        [sentence for sentence in warnings if sentence is not None],
    )


def _check_enough(usable: int, left_out: list[tuple[int, str]]) -> None:
    if usable < FEWEST_NORMALS:
        others = "".join(f"; {count:,} are {what}" for count, what in left_out if count)
        raise UserError(
            f"{usable:,} normal sessions that thresholds can be fitted to{others}: give {FEWEST_NORMALS} or "
            "more, better some thousands, of the same log and parsed with the same templates"
        )
