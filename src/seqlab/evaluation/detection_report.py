"""What a detection run found out: figures, the table, scores.csv, and what to know before any figure."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import (
    LABEL_ABNORMAL,
    LABEL_NAMES,
    LABEL_NORMAL,
    LABEL_UNKNOWN,
    Sessions,
    has_both_classes,
)
from seqlab.data.vocabulary import EOS_TOKEN
from seqlab.detection.baselines import BASELINES
from seqlab.detection.judge import Detector
from seqlab.detection.metrics import Curve, detection_metrics, seen_figures
from seqlab.detection.session_scores import SessionScores
from seqlab.detection.surprise import EventSurprise, nll_max
from seqlab.detection.thresholds import UNLIKELY, Threshold
from seqlab.results.outcome import Outcome, ResultTable, figure_rows

FEW_VALIDATION = 300  # below this a threshold is a matter of chance, which is said
SLACK = 3  # false alarms up to three times the aim are not remarked on
OTHER_LENGTHS = 0.1  # the least Kolmogorov-Smirnov distance that matters, however many sessions show it
COLUMNS = {
    "auroc": "AUROC",
    "average_precision": "AP",
    "precision": "prec.",
    "recall": "recall",
    "f1": "F1",
    "false_positive_rate": "FPR",
}


@dataclass(frozen=True)
class DetectionOutcome(Outcome):
    """All that a detection run found out; S test sessions."""

    detector: Detector
    sessions: Sessions  # (S,) the test split
    events: EventSurprise
    scores: dict[str, NDArray[np.float64]]  # by score: (S,)
    baseline_scores: dict[str, NDArray]
    seen: NDArray[np.bool_]  # (S,) those that equal a training session key for key
    prevalence: float | None = None
    target_fpr: float = 0.001  # what thresholds aim at
    parsed: str | None = None  # the output of seqlab parse that the sessions came from
    metrics: dict[str, float] = field(default_factory=dict)  # of metrics.json, without val/ and timing/
    curves: dict[str, Curve] = field(default_factory=dict)  # by score or baseline, where labels allow

    @property
    def main_score(self) -> str:
        return self.detector.main_score

    @property
    def threshold(self) -> float:
        return self.detector.thresholds[self.main_score].value

    @property
    def alerts(self) -> NDArray[np.bool_]:
        """(S,) True where the main score exceeds its threshold."""
        return self.scores[self.main_score] > self.threshold

    @cached_property
    def unlabelled(self) -> bool:
        """Whether no test session has a label."""
        return bool((self.sessions.labels == LABEL_UNKNOWN).all())

    @property
    def normal(self) -> NDArray[np.bool_]:
        """(S,) normal sessions; all where none has a label."""
        return (self.sessions.labels == LABEL_NORMAL) | self.unlabelled

    @property
    def abnormal(self) -> NDArray[np.bool_]:
        return self.sessions.labels == LABEL_ABNORMAL

    @property
    def share(self) -> float:
        """Of abnormal sessions, where both kinds are known: in life if that is given, else in the split."""
        return float(self.abnormal.mean()) if self.prevalence is None else self.prevalence

    def measure(self) -> None:
        """Add what labels allow to ``metrics`` and ``curves``."""
        metrics, abnormal = self.metrics, self.abnormal
        metrics |= {
            "test/loss": self.events.mean_loss,
            "test/accuracy": self.events.mean_accuracy,
            "test/threshold": self.threshold,
            **seen_figures(self.seen, self.sessions.labels, self.scores[self.main_score], self.threshold),
        }
        if not has_both_classes(self.sessions):
            return
        thresholds = {name: threshold.value for name, threshold in self.detector.thresholds.items()}
        for kind, all_scores, limits in (
            ("test", self.scores, thresholds),
            ("baseline", self.baseline_scores, self.detector.trivial.thresholds),
        ):
            for name, scores in all_scores.items():
                figures, self.curves[name] = detection_metrics(
                    scores, abnormal, limits[name], self.prevalence
                )
                metrics |= {f"{kind}/{name}/{key}": value for key, value in figures.items()}
                if kind == "test":
                    metrics[f"oracle/{name}/f1"] = self.curves[name].best_f1(self.share)
                if name == self.main_score:
                    metrics |= {f"test/{key}": value for key, value in figures.items()}
                    metrics["oracle/f1"] = metrics[f"oracle/{name}/f1"]

    def score_table(self) -> dict[str, Any]:
        """Block id, label if known, each score, alert, and what surprised most.

        ``surprise_position`` counts from 1; one past the last key is the end of the session, ``<eos>``.
        ``surprise_nll`` is in nats.
        """
        places, sessions = self.events.worst_event(), self.sessions
        keys = np.append(sessions.codes, 0)[sessions.offsets[:-1] + places].tolist()
        is_end = places == sessions.lengths
        return {
            "block_id": sessions.ids.astype(object),
            "label": [LABEL_NAMES.get(label, "") for label in sessions.labels.tolist()],
            **self.scores,
            **{f"baseline_{name}": scores for name, scores in self.baseline_scores.items()},
            "seen_in_training": self.seen,
            "alert": self.alerts,
            "surprise_position": places + 1,
            "surprise_key": [
                EOS_TOKEN if end else sessions.key_names[key]
                for key, end in zip(keys, is_end.tolist(), strict=True)
            ],
            "surprise_nll": nll_max(self.events),
        }

    def result_table(self) -> ResultTable:
        """A row for each score and baseline, the main score's first; the oracle's figures stand in a note.

        Where labels measure nothing: each score's threshold, and the share of the test sessions above it.
        """
        labels, figures, main = self.sessions.labels, self.metrics, self.main_score
        threshold = self.detector.thresholds[main]
        notes = [
            (f"threshold of {main}", f"{threshold.value:.4g}, {threshold.method}"),
            ("alerts", f"{int(self.alerts.sum()):,} of {len(labels):,} test sessions"),
        ]
        if not self.curves:
            why = (
                "no test session has a label"
                if self.unlabelled
                else "the labels do not name both kinds of session"
            )
            limits = {name: each.value for name, each in self.detector.thresholds.items()}
            limits |= self.detector.trivial.thresholds

            def row(name: str, scores: NDArray) -> tuple[str, list[float | None]]:
                return name, [limits[name], float((scores > limits[name]).mean())]

            title = f"test: {len(labels):,} sessions"
            columns: tuple[str, ...] = ("threshold", "share above it")
            rows = [row(*each) for each in self.scores.items()]
            baseline_rows = [row(*each) for each in self.baseline_scores.items()]
            notes.append(("detection", f"not measured: {why}"))
        else:
            names = dict(COLUMNS)
            if self.prevalence is not None:
                names["f1_at_prevalence"] = f"F1 @{self.prevalence:.2%}"
            normal, abnormal = int(self.normal.sum()), int(self.abnormal.sum())
            title, columns = f"test: {normal:,} normal, {abnormal:,} abnormal sessions", tuple(names.values())
            rows = figure_rows(figures, {name: f"test/{name}" for name in self.scores}, names)
            baseline_rows = figure_rows(figures, {name: f"baseline/{name}" for name in BASELINES}, names)
            notes.insert(
                0, ("columns", "AP: average precision; FPR: share of normal sessions that are alerts")
            )
            if "test/unseen/false_positive_rate" in figures:
                unseen = f"{main}, unseen"
                rows[1:1] = figure_rows(figures, {unseen: "test/unseen"}, names)
                notes.insert(1, (unseen, "on sessions that training never held key for key"))
            best = ", ".join(f"{name} {figures[f'oracle/{name}/f1']:.4f}" for name in self.scores)
            what = f"best F1 of any threshold at {self.share:.2%} abnormal, found with the test labels"
            notes.append((what, best))
        return ResultTable(
            title,
            columns,
            rows,
            baseline_rows,
            notes,
            cautions(self),
            loss_unit="nats per event",
        )

    def next_steps(self, checkpoint: str) -> list[str]:
        """What a model without figures does: it scores new sessions, and explains the most suspect one."""
        if self.curves or not len(self.sessions):
            return []
        most_suspect = int(np.argmax(self.scores[self.main_score]))
        explain = f"explain {checkpoint} {shlex.quote(str(self.sessions.ids[most_suspect]))} --sessions "
        if self.parsed is None:
            return [f"predict {checkpoint} NEW --output alerts.csv", explain + "FILE"]
        return [f"detect {checkpoint} NEW.log", explain + shlex.quote(self.parsed)]


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
        f"{above:,} of {len(judged):,} {_tested(outcome)} ({above / len(judged):.2%}) are alerts, "
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
        f"{_tested(outcome)} have other lengths than training sessions: {quartiles[0]} events, not "
        f"{quartiles[1]} (quartiles; Kolmogorov-Smirnov distance {found.statistic:.2f}): are both cut "
        "from the log in the same way?"
    )


def _tested(outcome: DetectionOutcome) -> str:
    return "test sessions" if outcome.unlabelled else "normal test sessions"


def count_of(number: int, thing: str) -> str:
    """``1 session``, ``2 sessions``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
