"""How a log model is judged: fit the detector, score and measure the test split, score new sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.log_sessions import LogSessions, ScoringPlan
from seqlab.data.sequences import Sessions
from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.baselines import EncodedSessions
from seqlab.detection.counts import count_matrix
from seqlab.detection.judge import Detector, Judge, fitted_judge
from seqlab.detection.metrics import check_prevalence
from seqlab.detection.surprise import PARTS, SCORES, EventSurprise, check_names, surprise
from seqlab.detection.thresholds import check_target_fpr
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents, Evaluation, as_list
from seqlab.evaluation.detection_cautions import count_of
from seqlab.evaluation.detection_report import DetectionOutcome
from seqlab.results.outcome import Curves
from seqlab.tasks.base import SequenceTask

if TYPE_CHECKING:
    import pandas as pd

    from seqlab.report.page import Section

FEWEST_TRAINING, FEWEST_VALIDATION = 10, 2  # below these nothing is trained
BATCH_SIZE = 1024  # distinct pieces of new sessions


@dataclass
class DetectionEvaluation(Evaluation):
    """How a log model is judged; conf/detection/default.yaml says what each setting is.

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

    def stored(self) -> Any:
        from seqlab.detection.stored import StoredLogModel

        return StoredLogModel

    def __post_init__(self) -> None:
        self.scores = list(dict.fromkeys([self.score, *self.scores]))
        check_names("scores", self.scores, SCORES)
        check_names("parts", self.parts, PARTS)
        check_target_fpr(self.target_fpr)
        if self.pseudo_sessions < 0:
            raise UserError(f"detection.pseudo_sessions={self.pseudo_sessions}: give 0 or more")
        check_prevalence(self.prevalence)

    def check(self, datamodule: LogSessions) -> None:
        """Refuse training and validation sessions that no threshold can come from. Reads no test session.

        Raises:
            UserError: too few of them, or an unseen key in all but a few validation sessions.
        """
        train, val = len(datamodule.sessions("train")), datamodule.sessions("val")
        if train < FEWEST_TRAINING:
            raise UserError(
                f"{count_of(train, 'normal session')} to train on: too few to say what is normal; give "
                f"{FEWEST_TRAINING} or more, better some thousands"
            )
        session = np.repeat(np.arange(len(val)), val.lengths)
        unseen = len(np.unique(session[datamodule.tokens("val") == datamodule.vocabulary.unk]))
        if len(val) - unseen >= FEWEST_VALIDATION:
            return
        if unseen:
            raise UserError(
                f"{unseen:,} of {len(val):,} validation sessions hold a key that training never showed, so "
                f"no threshold can be fitted ({FEWEST_VALIDATION} without one are the least): do train and "
                "val come from the same log, parsed with the same templates?"
            )
        raise UserError(
            f"{count_of(len(val), 'normal session')} to validate on: too few to fit a threshold to; give "
            f"{FEWEST_VALIDATION} or more, better some hundreds (more sessions, or a larger second share of "
            "data.split)"
        )

    def fit(self, task: SequenceTask, datamodule: LogSessions) -> tuple[Detector, dict[str, float]]:
        """Fit thresholds, count vectors, count costs and calibrations on training and validation normals."""
        events = {split: self._surprise(task, datamodule, split) for split in ("val", "train")}
        detector = Detector.fit(
            self._names(datamodule),
            [*self.parts, *datamodule.extra_scores],
            events,
            {split: encoded(datamodule, split) for split in events},
            datamodule.vocabulary,
            self.target_fpr,
            self.pseudo_sessions,
        )
        return detector, {
            "val/loss": events["val"].mean_loss,
            "val/accuracy": events["val"].mean_accuracy,
            "val/unseen_key_share": detector.unseen_share,
        }

    def test(self, task: SequenceTask, datamodule: LogSessions, detector: Detector) -> DetectionOutcome:
        """Score and measure the test split, which ``open_test`` must have unlocked."""
        sessions = datamodule.sessions("test")
        events, tokens = self._surprise(task, datamodule, "test"), encoded(datamodule, "test")
        counts = tokens.counts(len(datamodule.vocabulary))
        outcome = DetectionOutcome(
            detector,
            sessions,
            events,
            detector.fitted.scores(self._names(datamodule), events, counts),
            detector.trivial.scores(tokens),
            detector.trivial.known.seen(tokens),
            self.prevalence,
            self.target_fpr,
            None if datamodule.parsed_folder is None else str(datamodule.parsed_folder),
        )
        outcome.measure()
        if hasattr(task, "attention_weights"):
            from seqlab.evaluation.detection_attention import attention_panels

            outcome.attention.extend(attention_panels(task, datamodule, outcome))
        return outcome

    def predict(self, task: SequenceTask, contents: Contents, path: Path) -> pd.DataFrame:
        """One row per session: its id, the main score, its threshold, alert, then every other score.

        Args:
            path: a file of sessions as ``data.normal`` takes it, or a folder of ``seqlab parse``.

        Raises:
            UserError: a file without sessions, or a checkpoint of a run that ended before its thresholds.
        """
        import pandas as pd

        judge = Judge.from_state(contents.judge, Vocabulary.from_state(contents.data["vocabulary"]))
        from seqlab.data.new_sessions import read_any_sessions

        sessions = read_any_sessions(path, contents.data)
        events, counts = session_surprise(task, contents, sessions)
        scores = judge.fitted.scores(list(judge.thresholds), events, counts)
        main = scores.pop(judge.main)
        return pd.DataFrame(
            {
                "block_id": sessions.ids.astype(object),
                "alert": main > judge.threshold,
                judge.main: main,
                "threshold": judge.threshold,
                **scores,
            }
        )

    def encoder(self, contents: Contents) -> Callable[[Any], Any]:
        """Sessions, lists of event keys, to a batch of their distinct windows, or of the distinct sessions.

        Scores of each session come from ``predict``.
        """
        vocabulary = Vocabulary.from_state(contents.data["vocabulary"])

        def encode(items: Any) -> Any:
            if contents.data.get("times"):
                raise UserError(
                    "encode: the model reads the time between events, which keys lack; use predict"
                )
            sessions = Sessions.from_lists(as_list(items, "sessions"))
            plan = _new_plan(sessions, vocabulary.encode(sessions), vocabulary, contents.data)
            return plan.loader.dataset[torch.arange(plan.num_distinct)]

        return encode

    def sections(
        self, task: SequenceTask, datamodule: LogSessions, outcome: DetectionOutcome, curves: Curves
    ) -> list[Section]:
        from seqlab.evaluation.detection_sections import detection_sections

        return detection_sections(datamodule, outcome, self.top_alerts)

    def _names(self, datamodule: LogSessions) -> list[str]:
        """The scores asked for and those that the data's times and parameters bring."""
        return list(dict.fromkeys([*self.scores, *datamodule.extra_scores]))

    def _surprise(self, task: SequenceTask, datamodule: LogSessions, split: str) -> EventSurprise:
        events = surprise(task, datamodule.scoring_plan(split), datamodule.vocabulary, self.pseudo_sessions)
        return replace(events, novelty=datamodule.novelty(split))


def encoded(datamodule: LogSessions, split: str) -> EncodedSessions:
    """A split as vocabulary ids."""
    return EncodedSessions(datamodule.tokens(split), datamodule.sessions(split).lengths)


def session_surprise(
    task: SequenceTask, contents: Contents, sessions: Sessions
) -> tuple[EventSurprise, NDArray[np.int32]]:
    """How surprising the events of S new sessions are, and their (S, V) key counts, as the judge asks."""
    judge, data = fitted_judge(contents.judge), contents.data
    vocabulary = Vocabulary.from_state(data["vocabulary"])
    tokens = vocabulary.encode(sessions)
    plan = _new_plan(sessions, tokens, vocabulary, data)
    events = surprise(task, plan, vocabulary, judge["pseudo_sessions"])
    if "parameters" in data:
        from seqlab.data.parameters import ParameterNovelty

        events = replace(events, novelty=ParameterNovelty.from_state(data["parameters"]).score(sessions))
    return events, count_matrix(tokens, sessions.lengths, len(vocabulary))


def _new_plan(
    sessions: Sessions, tokens: NDArray, vocabulary: Vocabulary, data: dict[str, Any]
) -> ScoringPlan:
    """Windows where the checkpoint's data had a window size, whole sessions elsewhere."""
    from seqlab.data import padded_sessions, session_windows, windows

    device = torch.device("cpu")
    if "window_size" not in data:
        distinct = windows.distinct_sessions(tokens, sessions.lengths, vocabulary, data.get("piece_length"))
        return padded_sessions.session_scoring_plan(distinct, vocabulary, BATCH_SIZE, device)
    how = vocabulary, data["window_size"], data["context"], sessions.delays
    index = windows.index_windows(tokens, sessions.lengths, *how)
    pairs = windows.distinct_pairs(index, len(vocabulary))
    return session_windows.window_scoring_plan(index, pairs, BATCH_SIZE, device)
