"""What a detection run found out: figures, the table, scores.csv, and what to know before any figure."""

from __future__ import annotations

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
from seqlab.detection.metrics import (
    Curve,
    Figures,
    Ranking,
    SeenFigures,
    Weights,
    alike,
    detection_metrics,
    seen_figures,
    sums,
)
from seqlab.detection.surprise import EventSurprise, nll_max
from seqlab.evaluation.detection_cautions import cautions
from seqlab.evaluation.detection_words import in_words
from seqlab.results.outcome import HeatPanel, LinePanel, Outcome, ResultTable, figure_rows

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
    attention: list[HeatPanel] = field(default_factory=list)  # of some sessions, where the network has any

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

    @property
    def num_items(self) -> int:
        return len(self.sessions)

    @cached_property
    def _totals(self) -> NDArray[np.float64]:
        return self.events.totals()

    @cached_property
    def _groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(G,) first sessions of those that no figure tells apart, and (S,) the group of each session."""
        return alike([self.sessions.labels, self.seen, *self.scores.values(), *self._totals])

    @cached_property
    def _seen_figures(self) -> SeenFigures:
        first, main = self._groups[0], self.scores[self.main_score]
        return SeenFigures(self.seen[first], self.sessions.labels[first], main[first], self.threshold)

    @cached_property
    def _rankings(self) -> dict[str, Ranking]:
        """By score; of the groups."""
        if not self.curves:
            return {}
        first, limits = self._groups[0], self.detector.thresholds
        return {
            name: Ranking(scores[first], self.abnormal[first], limits[name].value, self.prevalence)
            for name, scores in self.scores.items()
        }

    def resampled(self, weights: Weights) -> Figures:
        """All of ``test/`` but thresholds."""
        first, group = self._groups
        by_group = sums(weights, np.arange(len(group)), group, len(first))
        loss, right, events = self._totals[:, first] @ by_group.T
        found = self._seen_figures.figures(by_group)
        events = np.maximum(events, 1)
        found |= {"test/loss": loss / events, "test/accuracy": right / events}
        for name, ranking in self._rankings.items():
            figures = ranking.figures(by_group)
            prefixes = (f"test/{name}", "test") if name == self.main_score else (f"test/{name}",)
            found |= {f"{prefix}/{key}": values for prefix in prefixes for key, values in figures.items()}
        return found

    def support(self) -> dict[str, int]:
        """Recall rests on abnormal sessions, a false-positive rate on normal ones, the others on both."""
        abnormal, normal = self.abnormal, self.normal
        found = {"test/loss": len(abnormal), "test/accuracy": len(abnormal)}
        found["test/seen_share"] = int(normal.sum())
        everything = np.ones_like(normal)
        counted = {"test": everything, **{f"test/{name}": everything for name in self.scores}}
        for prefix, those in (counted | {"test/unseen": ~self.seen}).items():
            rests = {
                "recall": int((abnormal & those).sum()),
                "false_positive_rate": int((normal & those).sum()),
            }
            for name in (*COLUMNS, "precision_at_prevalence", "f1_at_prevalence"):
                found[f"{prefix}/{name}"] = rests.get(name, min(rests.values()))
        return {name: count for name, count in found.items() if name in self.metrics}

    @cached_property
    def worst_keys(self) -> list[str]:
        """(S,) of each session the key that surprised most; ``<eos>`` for its end."""
        places, sessions = self.events.worst_event(), self.sessions
        keys = np.append(sessions.codes, 0)[sessions.offsets[:-1] + places].tolist()
        ends = (places == sessions.lengths).tolist()
        return [EOS_TOKEN if end else sessions.key_names[key] for key, end in zip(keys, ends, strict=True)]

    def line_panels(self) -> dict[str, LinePanel]:
        """ROC and precision-recall of the main score, beside what needs no network."""
        names = {self.main_score, *self.baseline_scores}
        shown = {name: curve for name, curve in self.curves.items() if name in names}
        if not shown:
            return {}
        roc = {name: (curve.false_positive_rate, curve.recall) for name, curve in shown.items()}
        recall = {name: (curve.recall, curve.precision) for name, curve in shown.items()}
        abnormal, normal = int(self.abnormal.sum()), int(self.normal.sum())
        counts = {name: (y * abnormal, x * normal) for name, (x, y) in roc.items()}
        return {
            "ROC": LinePanel("false-positive rate", "recall", roc),
            "Precision-recall": LinePanel("recall", "precision", recall, counts),
        }

    def heat_panels(self) -> list[HeatPanel]:
        return self.attention

    def score_table(self) -> dict[str, Any]:
        """Block id, label if known, each score, alert, and what surprised most.

        ``surprise_position`` counts from 1; one past the last key is the end of the session, ``<eos>``.
        ``surprise_nll`` is in nats.
        """
        sessions = self.sessions
        return {
            "block_id": sessions.ids.astype(object),
            "label": [LABEL_NAMES.get(label, "") for label in sessions.labels.tolist()],
            **self.scores,
            **{f"baseline_{name}": scores for name, scores in self.baseline_scores.items()},
            "seen_in_training": self.seen,
            "alert": self.alerts,
            "surprise_position": self.events.worst_event() + 1,
            "surprise_key": self.worst_keys,
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
        names, prefixes = dict(COLUMNS), {}
        columns: tuple[str, ...]
        if not self.curves:
            why = "the labels do not name both kinds of session"
            if self.unlabelled:
                why = "no test session has a label"
            limits = {name: each.value for name, each in self.detector.thresholds.items()}
            limits |= self.detector.trivial.thresholds

            def row(name: str, scores: NDArray) -> tuple[str, list[float | None]]:
                return name, [limits[name], float((scores > limits[name]).mean())]

            title, columns = f"test: {len(labels):,} sessions", ("threshold", "share above it")
            rows = [row(*each) for each in self.scores.items()]
            baseline_rows = [row(*each) for each in self.baseline_scores.items()]
            notes.append(("detection", f"not measured: {why}"))
        else:
            if self.prevalence is not None:
                names["f1_at_prevalence"] = f"F1 @{self.prevalence:.2%}"
            normal, abnormal = int(self.normal.sum()), int(self.abnormal.sum())
            title, columns = f"test: {normal:,} normal, {abnormal:,} abnormal sessions", tuple(names.values())
            prefixes = {name: f"test/{name}" for name in self.scores}
            rows = figure_rows(figures, prefixes, names)
            baseline_rows = figure_rows(figures, {name: f"baseline/{name}" for name in BASELINES}, names)
            meant = "AP: average precision; FPR: share of normal sessions that are alerts"
            notes.insert(0, ("columns", meant))
            if "test/unseen/false_positive_rate" in figures:
                unseen = f"{main}, unseen"
                prefixes[unseen] = "test/unseen"
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
            figures=tuple(names),
            prefixes=prefixes,
            support=self.support(),
        )

    def in_words(self) -> list[tuple[str, str]]:
        return in_words(self)

    def next_steps(self, checkpoint: str) -> list[str]:
        """It scores new sessions; where no figure says how well, it explains the most suspect one as well."""
        score = f"predict {checkpoint} NEW --output alerts.csv"
        if self.parsed is not None:
            score = f"detect {checkpoint} NEW.log"
        if self.curves or not len(self.sessions):
            return [score]
        most_suspect = shlex.quote(str(self.sessions.ids[int(np.argmax(self.scores[self.main_score]))]))
        where = "FILE" if self.parsed is None else shlex.quote(self.parsed)
        return [score, f"explain {checkpoint} {most_suspect} --sessions {where}"]
