"""What a checkpoint's run decided: scores, thresholds, count vectors. Plain numpy, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.counts import NearestCounts, count_matrix
from seqlab.detection.detector import joined_scores
from seqlab.detection.surprise import EventSurprise
from seqlab.detection.thresholds import Calibration
from seqlab.errors import UserError

GROWING_SCORES = ("nll_max", "rank")  # those that more events of a session can only raise
COUNTING_SCORES = ("count_distance", "combined")


@dataclass(frozen=True)
class Judge:
    """Says how suspect sessions are, and above which score they are alerts."""

    main: str  # the score behind alerts
    thresholds: dict[str, float]  # by score
    pseudo_sessions: float
    model_score: str
    calibrations: dict[str, Calibration]
    nearest: NearestCounts
    vocabulary: Vocabulary
    unseen_share: float  # of validation events, where the run wrote it down

    @classmethod
    def from_state(cls, judge: Mapping[str, Any] | None, vocabulary: Vocabulary) -> Judge:
        """From a checkpoint's ``judge``, or from that of an export's settings.json.

        Raises:
            UserError: the run ended before its thresholds were fitted.
        """
        if not judge:
            raise UserError("this checkpoint holds no thresholds: its run ended before they were fitted")
        return cls(
            judge["main_score"],
            {name: float(state["value"]) for name, state in judge["thresholds"].items()},
            float(judge["pseudo_sessions"]),
            judge["model_score"],
            {name: Calibration.from_state(state) for name, state in judge["calibrations"].items()},
            NearestCounts(np.asarray(judge["count_vectors"], dtype=np.int32)),
            vocabulary,
            float(judge.get("unseen_share", 0.0)),
        )

    @property
    def threshold(self) -> float:
        return self.thresholds[self.main]

    @property
    def grows(self) -> bool:
        """Whether an open session that passed the threshold stays above it, whatever follows."""
        return self.main in GROWING_SCORES

    @property
    def counts_events(self) -> bool:
        return self.main in COUNTING_SCORES

    def scores(
        self, events: EventSurprise, tokens: NDArray[np.integer], lengths: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(S,) main scores of whole sessions.

        Args:
            events: how surprising they were, ends included.
            tokens: (N,) their vocabulary ids, ends not included.
            lengths: (S,) tokens of each.
        """
        distance = np.zeros(len(lengths))
        if self.counts_events:
            counts = count_matrix(tokens, lengths, len(self.vocabulary))
            distance = self.nearest.distance(counts).astype(np.float64)
        return joined_scores([self.main], events, distance, self.model_score, self.calibrations)[self.main]

    def odd_counts(self, tokens: NDArray[np.integer], most: int = 3) -> list[tuple[int, int]]:
        """Token ids and by how much their counts differ from the nearest training session's, widest first."""
        counts = np.bincount(tokens, minlength=len(self.vocabulary)).astype(np.int64)
        known = self.nearest.vectors
        difference = counts - known[np.abs(known - counts).sum(axis=1).argmin()]
        widest = np.argsort(-np.abs(difference), kind="stable")[:most].tolist()
        return [(token, int(difference[token])) for token in widest if difference[token]]
