"""What a checkpoint's run decided: scores, thresholds, count vectors. Plain numpy, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.count_costs import widest_first
from seqlab.detection.counts import count_matrix
from seqlab.detection.session_scores import SessionScores, fitted_judge
from seqlab.detection.surprise import EventSurprise, judged_events
from seqlab.errors import UserError

GROWING_SCORES = ("nll_max", "rank")  # those that more events of a session can only raise
COUNTING_SCORES = ("count_distance", "count_cost", "combined")


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
        """Token ids and by how much their counts differ from the nearest training session's, widest first.

        Nothing where the main score does not count events.
        """
        if self.main not in COUNTING_SCORES:
            return []
        counts = np.bincount(tokens, minlength=len(self.vocabulary)).astype(np.int32)
        if self.main != "count_distance":
            difference = self.fitted.costs.difference(counts[None])[0]
        else:
            known = self.fitted.nearest.vectors
            difference = counts - known[np.abs(known - counts).sum(axis=1).argmin()]
        return widest_first(difference)[:most]
