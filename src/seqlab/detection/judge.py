"""What a run decided: scores, thresholds, count vectors. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.baselines import EncodedSessions, TrivialDetectors
from seqlab.detection.counts import count_matrix, widest_first
from seqlab.detection.session_scores import OF_BOTH, Normals, SessionScores, fit_scores
from seqlab.detection.surprise import EventSurprise, judged_events
from seqlab.detection.thresholds import Threshold
from seqlab.errors import UserError

GROWING_SCORES = ("nll_max", "rank")  # those that more events of a session can only raise
COUNTING_SCORES = ("count_distance", "count_cost", "combined")


@dataclass(frozen=True)
class Detector:
    """What a run fitted to its training and validation normals, with the trivial detectors beside it."""

    main_score: str  # the score behind alerts
    fitted: SessionScores
    thresholds: dict[str, Threshold]  # by score
    trivial: TrivialDetectors
    pseudo_sessions: float  # how `surprise` smooths the network's prediction
    unseen_share: float  # of validation events: what a log without drift has
    num_val: int  # validation sessions without unseen keys

    @classmethod
    def fit(
        cls,
        names: Sequence[str],
        parts: Sequence[str],
        events: Mapping[str, EventSurprise],
        sessions: Mapping[str, EncodedSessions],
        vocabulary: Vocabulary,
        target_fpr: float,
        pseudo_sessions: float = 1.0,
    ) -> Detector:
        """Fit thresholds for the scores ``names``, of which the first is the main one.

        Args:
            parts: what ``combined`` joins, see ``SessionScores``.
            events: how surprising the normal sessions of ``train`` and ``val`` were to the network.
            sessions: these sessions.
            target_fpr: share of normal sessions that may be alerts.
            pseudo_sessions: what ``events`` were smoothed with.

        Raises:
            UserError: no validation session is without keys that training never showed.
        """
        trivial = TrivialDetectors.fit(sessions["train"], sessions["val"], vocabulary, target_fpr)
        val, train = (
            Normals(events[part], sessions[part].counts(len(vocabulary))) for part in ("val", "train")
        )
        fitted = fit_scores(names, parts, val, train, trivial.counts, vocabulary.unk, target_fpr)
        return cls(
            names[0],
            fitted.scores,
            fitted.thresholds,
            trivial,
            pseudo_sessions,
            float(val.events.unseen.mean()),
            int((~val.events.has_unseen()).sum()),
        )

    def fitted_on(self) -> dict[str, str]:
        """Which normal sessions thresholds and calibrations rest on, and how many."""
        by_basis: dict[str, list[str]] = {}
        for name, threshold in self.thresholds.items():
            kinds = "validation and training" if name in OF_BOTH else "validation"
            by_basis.setdefault(f"{threshold.num_normals:,} {kinds} sessions", []).append(name)
        found = {
            f"threshold{'s' * (len(names) > 1)} of {', '.join(names)}": basis
            for basis, names in by_basis.items()
        }
        for calibration in list(self.fitted.calibrations.values())[:1]:  # all of the same sessions
            found["calibrations"] = f"{len(calibration.values):,} validation sessions"
        return found

    def state(self) -> dict[str, Any]:
        """Plain values and tensors for the checkpoint; the trivial detectors are not kept."""
        return {
            "main_score": self.main_score,
            "pseudo_sessions": self.pseudo_sessions,
            "unseen_share": self.unseen_share,
            "thresholds": {name: threshold.state() for name, threshold in self.thresholds.items()},
            **self.fitted.state(),
        }


def fitted_judge(judge: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A checkpoint's ``judge``.

    Raises:
        UserError: the run ended before its thresholds were fitted.
    """
    if not judge:
        raise UserError("this checkpoint holds no thresholds: its run ended before they were fitted")
    return judge


@dataclass(frozen=True)
class Judge:
    """Says how suspect sessions are, and above which score they are alerts."""

    main: str  # the score behind alerts
    thresholds: dict[str, float]  # by score
    pseudo_sessions: float
    fitted: SessionScores
    vocabulary: Vocabulary
    unseen_share: float  # of validation events

    @classmethod
    def from_state(cls, judge: Mapping[str, Any] | None, vocabulary: Vocabulary) -> Judge:
        """From a checkpoint's ``judge``, or from that of an export's settings.json.

        Raises:
            UserError: the run ended before its thresholds were fitted.
        """
        judge = fitted_judge(judge)
        return cls(
            judge["main_score"],
            {name: float(state["value"]) for name, state in judge["thresholds"].items()},
            float(judge["pseudo_sessions"]),
            SessionScores.from_state(judge),
            vocabulary,
            float(judge["unseen_share"]),
        )

    @property
    def threshold(self) -> float:
        return self.thresholds[self.main]

    @property
    def grows(self) -> bool:
        """Whether an open session that passed the threshold stays above it, whatever follows."""
        return self.main in GROWING_SCORES

    def scores(
        self, events: EventSurprise, tokens: NDArray[np.integer], lengths: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(S,) main scores of whole sessions.

        Args:
            events: how surprising they were, ends included.
            tokens: (N,) their vocabulary ids, ends not included.
            lengths: (S,) tokens of each.
        """
        counts = count_matrix(tokens, lengths, len(self.vocabulary))
        return self.fitted.scores([self.main], events, counts)[self.main]

    def events(
        self, model_nll: NDArray[np.float32], model_rank: NDArray[np.int64], targets: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
        """(P,) NLL with background, rank, whether unseen: see ``judged_events``.

        Raises:
            UserError: the network gives no finite numbers.
        """
        if not np.isfinite(model_nll).all():
            raise UserError(
                "the network gives numbers that are not finite: its training diverged; train it again"
            )
        return judged_events(model_nll, model_rank, targets, self.vocabulary, self.pseudo_sessions)

    def odd_counts(self, tokens: NDArray[np.integer], most: int = 3) -> list[tuple[int, int]]:
        """Token ids and by how much their counts differ from the nearest normal session's, widest first.

        Nothing where the main score does not count events.
        """
        if self.main not in COUNTING_SCORES:
            return []
        counts = np.bincount(tokens, minlength=len(self.vocabulary)).astype(np.int32)
        known = self.fitted.nearest if self.main == "count_distance" else self.fitted.costs
        return widest_first(known.difference(counts))[:most]
