"""How a log model is judged: fit the detector, open the test set, score it, measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.log_sessions import LogSessions
from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN, Sessions, has_both_classes
from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.baselines import BASELINES
from seqlab.detection.detector import Detector
from seqlab.detection.metrics import Curve, check_prevalence, curve, detection_metrics
from seqlab.detection.session_scores import SessionScores, fitted_judge
from seqlab.detection.simple_detectors import EncodedSessions
from seqlab.detection.statistics import check_parts, check_score_names
from seqlab.detection.surprise import EventSurprise, surprise
from seqlab.detection.thresholds import check_target_fpr
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents, Evaluation, as_list
from seqlab.evaluation.detection_cautions import cautions, check_sessions
from seqlab.evaluation.detection_report import DetectionOutcome
from seqlab.evaluation.detection_sections import detection_sections
from seqlab.report.page import Section
from seqlab.results.outcome import Curves
from seqlab.tasks.base import SequenceTask

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class DetectionEvaluation(Evaluation):
    """How a log model is judged.

    Args:
        score: the score behind test/auroc, alerts and the top of the report.
        scores: all scores to compute, fit a threshold for and measure.
        target_fpr: share of normal sessions that may be alerts; thresholds aim at it.
        prevalence: the true share of abnormal blocks where test normals are a sample; null elsewhere.
        parts: what ``combined`` joins: scores of the network's surprise, and ``count_cost``.
        pseudo_sessions: imagined training sessions of stray events, see ``with_background``; 0 for none.
        top_alerts: alerts shown in the report.

    Raises:
        UserError: an unknown score or a share out of range.
    """

    fits_thresholds: ClassVar[bool] = True

    score: str = "combined"
    scores: Sequence[str] = ("combined", "nll_max")
    target_fpr: float = 0.001
    prevalence: float | None = None
    parts: Sequence[str] = ("nll_max", "cusum", "error_share", "count_cost")
    pseudo_sessions: float = 1.0
    top_alerts: int = 20

    def __post_init__(self) -> None:
        self.scores = list(dict.fromkeys([self.score, *self.scores]))
        check_score_names(self.scores)
        check_parts(self.parts)
        check_target_fpr(self.target_fpr)
        if self.pseudo_sessions < 0:
            raise UserError(f"detection.pseudo_sessions={self.pseudo_sessions}: give 0 or more")
        check_prevalence(self.prevalence)

    def check(self, datamodule: LogSessions) -> None:
        """Refuse data that no threshold can come from, see ``check_sessions``."""
        check_sessions(datamodule)

    def fit(self, task: SequenceTask, datamodule: LogSessions) -> tuple[Detector, dict[str, float]]:
        """Fit thresholds, count vectors, count costs and calibrations on training and validation normals.

        Returns:
            The detector, and the validation figures of metrics.json.
        """
        events, train_events = (self._surprise(task, datamodule, split) for split in ("val", "train"))
        detector = Detector.fit(
            self._names(datamodule),
            [*self.parts, *datamodule.extra_scores],
            events,
            train_events,
            encoded(datamodule, "train"),
            encoded(datamodule, "val"),
            datamodule.vocabulary,
            self.target_fpr,
        )
        figures = {
            "val/loss": events.mean_loss,
            "val/accuracy": events.mean_accuracy,
            "val/unseen_key_share": float(events.unseen.mean()),
        }
        chosen = replace(
            detector,
            main_score=self.score,
            pseudo_sessions=self.pseudo_sessions,
            unseen_share=figures["val/unseen_key_share"],
        )
        return chosen, figures

    def test(self, task: SequenceTask, datamodule: LogSessions, detector: Detector) -> DetectionOutcome:
        """Score and measure the test split, which ``open_test`` must have unlocked."""
        sessions = datamodule.sessions("test")
        events = self._surprise(task, datamodule, "test")
        tokens = encoded(datamodule, "test")
        names = self._names(datamodule)
        scores = detector.scores(names, events, tokens)
        baseline_scores = detector.trivial.scores(tokens)
        metrics = {
            "test/loss": events.mean_loss,
            "test/accuracy": events.mean_accuracy,
            "test/threshold": detector.thresholds[self.score].value,
        }
        seen = detector.trivial.known.seen(tokens.tokens, tokens.lengths)
        metrics |= seen_figures(
            seen, sessions.labels, scores[self.score], detector.thresholds[self.score].value
        )
        curves: dict[str, Curve] = {}
        if has_both_classes(sessions):
            abnormal = sessions.labels == LABEL_ABNORMAL
            share = self.prevalence if self.prevalence is not None else float(abnormal.mean())
            for name in names:
                threshold = detector.thresholds[name].value
                figures, curves[name] = detection_metrics(scores[name], abnormal, threshold, self.prevalence)
                best = curves[name].best_f1(share)
                metrics |= {f"test/{name}/{key}": value for key, value in figures.items()}
                metrics[f"oracle/{name}/f1"] = best
                if name == self.score:
                    metrics |= {f"test/{key}": value for key, value in figures.items()}
                    metrics["oracle/f1"] = best
            thresholds = detector.trivial.thresholds
            for name in BASELINES:
                figures, curves[name] = detection_metrics(
                    baseline_scores[name], abnormal, thresholds[name], self.prevalence
                )
                metrics |= {f"baseline/{name}/{key}": value for key, value in figures.items()}
        outcome = DetectionOutcome(
            detector,
            self.score,
            sessions,
            events,
            scores,
            baseline_scores,
            metrics,
            curves,
            self.prevalence,
            self.target_fpr,
            seen,
            parsed=None if datamodule.parsed_folder is None else str(datamodule.parsed_folder),
        )
        return replace(outcome, warnings=tuple(cautions(outcome)))

    def predict(self, task: SequenceTask, contents: Contents, path: Path) -> pd.DataFrame:
        """One row per session: its id, the main score, its threshold, alert, then every other score.

        Args:
            path: a file as ``data.normal`` takes it: ``blk_id,5 5 22``, bare keys, or a pickled dict; or a
                folder of ``seqlab parse``.

        Raises:
            UserError: a file without sessions, or a checkpoint of a run that ended before its thresholds.
        """
        import pandas as pd

        from seqlab.evaluation.new_sessions import read_any_sessions, session_surprise

        judge = fitted_judge(contents.judge)
        sessions = read_any_sessions(path, contents.data)
        events, counts = session_surprise(task, contents, sessions)
        names = list(judge["thresholds"])
        scores = SessionScores.from_state(judge).scores(names, events, counts)
        main = judge["main_score"]
        threshold = judge["thresholds"][main]["value"]
        return pd.DataFrame(
            {
                "block_id": sessions.ids.astype(object),
                "alert": scores[main] > threshold,
                main: scores[main],
                "threshold": threshold,
                **{name: scores[name] for name in names if name != main},
            }
        )

    def encoder(self, contents: Contents) -> Callable[[Any], Any]:
        """Sessions, lists of event keys, to a batch of their distinct windows, or of the distinct sessions.

        Scores of each session come from ``predict``.
        """
        from seqlab.evaluation.new_sessions import new_plan

        vocabulary = Vocabulary.from_state(contents.data["vocabulary"])

        def encode(items: Any) -> Any:
            if contents.data.get("times"):
                raise UserError(
                    "encode: the model reads the time between events, which keys lack; use predict"
                )
            sessions = Sessions.from_lists(as_list(items, "sessions"))
            plan = new_plan(sessions, vocabulary.encode(sessions), vocabulary, contents.data)
            return plan.loader.dataset[torch.arange(plan.num_distinct)]

        return encode

    def sections(
        self, task: SequenceTask, datamodule: LogSessions, outcome: DetectionOutcome, curves: Curves
    ) -> list[Section]:
        return detection_sections(task, datamodule, outcome, self.top_alerts)

    def _names(self, datamodule: LogSessions) -> list[str]:
        """The scores asked for and those that the data's times and parameters bring."""
        return list(dict.fromkeys([*self.scores, *datamodule.extra_scores]))

    def _surprise(self, task: SequenceTask, datamodule: LogSessions, split: str) -> EventSurprise:
        events = surprise(task, datamodule.scoring_plan(split), datamodule.vocabulary, self.pseudo_sessions)
        return replace(events, novelty=datamodule.novelty(split))


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


def encoded(datamodule: LogSessions, split: str) -> EncodedSessions:
    """A split as vocabulary ids."""
    return EncodedSessions(datamodule.tokens(split), datamodule.sessions(split).lengths)
