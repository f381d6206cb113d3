"""What a detection run found out: figures, the table, scores.csv."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NAMES, LABEL_NORMAL, LABEL_UNKNOWN, Sessions
from seqlab.data.vocabulary import EOS_TOKEN
from seqlab.detection.baselines import BASELINES
from seqlab.detection.detector import Detector
from seqlab.detection.metrics import Curve
from seqlab.detection.surprise import EventSurprise
from seqlab.results.outcome import Outcome, ResultTable, figure_rows

LABEL_TEXT = {LABEL_UNKNOWN: "", **LABEL_NAMES}


COLUMNS = {
    "auroc": "AUROC",
    "average_precision": "AP",
    "precision": "prec.",
    "recall": "recall",
    "f1": "F1",
    "false_positive_rate": "FPR",
}
SHARE_COLUMNS = ("threshold", "share above it")
LOSS_UNIT = "nats per event"


@dataclass(frozen=True)
class DetectionOutcome(Outcome):
    """All that a detection run found out; S test sessions."""

    detector: Detector
    main_score: str
    sessions: Sessions  # (S,) the test split
    events: EventSurprise
    scores: dict[str, NDArray[np.float64]]  # by score: (S,)
    baseline_scores: dict[str, NDArray]
    metrics: dict[str, float]  # the keys of metrics.json, without val/ and timing/
    curves: dict[str, Curve] = field(default_factory=dict)  # by score or baseline, where labels allow
    prevalence: float | None = None
    target_fpr: float = 0.001  # what thresholds aim at
    seen: NDArray[np.bool_] = field(
        default_factory=lambda: np.zeros(0, dtype=bool)
    )  # (S,) those that equal a training session key for key
    warnings: tuple[str, ...] = ()  # what a reader must know before any figure: detection_cautions.py
    parsed: str | None = None  # the output of seqlab parse that the sessions came from

    @property
    def threshold(self) -> float:
        return self.detector.thresholds[self.main_score].value

    def score_table(self) -> dict[str, Any]:
        """Block id, label if known, each score, alert, and what surprised most.

        ``surprise_position`` counts from 1; one past the last key is the end of the session, ``<eos>``.
        ``surprise_nll`` is in nats.
        """
        places = self.events.worst_event()
        return {
            "block_id": self.sessions.ids.astype(object),
            "label": [LABEL_TEXT[label] for label in self.sessions.labels.tolist()],
            **self.scores,
            **{f"baseline_{name}": scores for name, scores in self.baseline_scores.items()},
            "seen_in_training": self.seen,
            "alert": self.alerts,
            "surprise_position": places + 1,
            "surprise_key": [key_at(self, session, place) for session, place in enumerate(places.tolist())],
            "surprise_nll": np.maximum.reduceat(self.events.nll, self.events.offsets[:-1]),
        }

    def result_table(self) -> ResultTable:
        """One row per score and baseline, one column per figure."""
        return result_table(self)

    def next_steps(self, checkpoint: str) -> list[str]:
        """What a model without figures does: it scores new sessions, and explains the most suspect one."""
        if self.curves or not len(self.sessions):
            return []
        most_suspect = int(np.argmax(self.scores[self.main_score]))
        block = shlex.quote(str(self.sessions.ids[most_suspect]))
        if self.parsed is None:
            return [
                f"predict {checkpoint} NEW --output alerts.csv",
                f"explain {checkpoint} {block} --sessions FILE",
            ]
        return [
            f"detect {checkpoint} NEW.log",
            f"explain {checkpoint} {block} --sessions {shlex.quote(self.parsed)}",
        ]

    @property
    def alerts(self) -> NDArray[np.bool_]:
        """(S,) True where the main score exceeds its threshold."""
        return self.scores[self.main_score] > self.threshold


def key_at(outcome: DetectionOutcome, session: int, place: int) -> str:
    """The key at a place of a session; EOS after the last."""
    sessions = outcome.sessions
    place += int(sessions.offsets[session])
    if place >= sessions.offsets[session + 1]:
        return EOS_TOKEN
    return sessions.key_names[int(sessions.codes[place])]


def result_table(outcome: DetectionOutcome) -> ResultTable:
    """The figures of metrics.json as rows, the main score's first; the oracle's stand in a note.

    Where no labels say which test sessions are abnormal: each score's threshold, and the share of the test
    sessions above it.
    """
    labels = outcome.sessions.labels
    threshold = outcome.detector.thresholds[outcome.main_score]
    notes = [
        (f"threshold of {outcome.main_score}", f"{threshold.value:.4g}, {threshold.method}"),
        ("alerts", f"{int(outcome.alerts.sum()):,} of {len(labels):,} test sessions"),
        *_seen(outcome),
    ]
    if not outcome.curves:
        return _without_labels(outcome, notes)
    columns = dict(COLUMNS)
    if outcome.prevalence is not None:
        columns["f1_at_prevalence"] = f"F1 @{outcome.prevalence:.2%}"
    figures = outcome.metrics
    rows = figure_rows(figures, {name: f"test/{name}" for name in outcome.scores}, columns)
    unseen = []
    if "test/unseen/false_positive_rate" in figures:
        unseen = figure_rows(figures, {f"{outcome.main_score}, unseen": "test/unseen"}, columns)
    normal, abnormal = int((labels == LABEL_NORMAL).sum()), int((labels == LABEL_ABNORMAL).sum())
    share = outcome.prevalence if outcome.prevalence is not None else abnormal / (normal + abnormal)
    best = ", ".join(f"{name} {figures[f'oracle/{name}/f1']:.4f}" for name in outcome.scores)
    return ResultTable(
        f"test: {normal:,} normal, {abnormal:,} abnormal sessions",
        tuple(columns.values()),
        [rows[0], *unseen, *rows[1:]],
        figure_rows(figures, {name: f"baseline/{name}" for name in BASELINES}, columns),
        [
            ("columns", "AP: average precision; FPR: share of normal sessions that are alerts"),
            *((name, "on sessions that training never held key for key") for name, _ in unseen),
            *notes,
            (f"best F1 of any threshold at {share:.2%} abnormal, found with the test labels", best),
        ],
        outcome.warnings,
        measured_on=_measured_on(labels),
        loss_unit=LOSS_UNIT,
    )


def _seen(outcome: DetectionOutcome) -> list[tuple[str, str]]:
    """How many test sessions training held already, key for key, and what became of the others."""
    labels, alerts, seen = outcome.sessions.labels, outcome.alerts, outcome.seen
    unlabelled = bool((labels == LABEL_UNKNOWN).all())
    which = (labels == LABEL_NORMAL) | unlabelled
    if not which.any():
        return []
    kind = "test sessions" if unlabelled else "normal test sessions"
    known, new = which & seen, which & ~seen
    said = (
        f"{int(known.sum()):,} of {int(which.sum()):,} {kind} ({known.sum() / which.sum():.1%}) equal a "
        f"training session key for key; alerts: {int((known & alerts).sum()):,} of these, "
        f"{int((new & alerts).sum()):,} of the {int(new.sum()):,} never seen"
    )
    abnormal = labels == LABEL_ABNORMAL
    if abnormal.any():
        said += f"; {int((abnormal & seen).sum()):,} of {int(abnormal.sum()):,} abnormal ones equal one"
    return [("seen in training", said)]


def _without_labels(outcome: DetectionOutcome, notes: list[tuple[str, str]]) -> ResultTable:
    baseline = outcome.detector.trivial.thresholds

    def row(scores: NDArray, threshold: float) -> list[float | None]:
        return [float(threshold), float((scores > threshold).mean())]

    thresholds = outcome.detector.thresholds
    none = bool((outcome.sessions.labels == LABEL_UNKNOWN).all())
    why = "no test session has a label" if none else "the labels do not name both kinds of session"
    return ResultTable(
        f"test: {len(outcome.sessions):,} sessions",
        SHARE_COLUMNS,
        [(name, row(scores, thresholds[name].value)) for name, scores in outcome.scores.items()],
        [(name, row(scores, baseline[name])) for name, scores in outcome.baseline_scores.items()],
        [
            *notes,
            ("detection", f"not measured: {why}"),
        ],
        outcome.warnings,
        measured_on=_measured_on(outcome.sessions.labels),
        loss_unit=LOSS_UNIT,
    )


def _measured_on(labels: NDArray[np.int8]) -> str:
    abnormal, normal, unknown = (
        int((labels == label).sum()) for label in (LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN)
    )
    if not abnormal + normal:
        return f"None of the {unknown:,} sessions has a label, so nothing that needs one can be measured."
    said = f"Measured on {abnormal + normal:,} labeled sessions, {abnormal:,} of them abnormal."
    return said + (f" Another {unknown:,} have no label and count in no figure." if unknown else "")
