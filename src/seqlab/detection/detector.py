"""A fitted detector: session scores, their thresholds, and the trivial detectors beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.baselines import TrivialDetectors
from seqlab.detection.session_scores import Normals, SessionScores, fit_scores
from seqlab.detection.simple_detectors import EncodedSessions
from seqlab.detection.surprise import EventSurprise
from seqlab.detection.thresholds import Threshold


@dataclass(frozen=True)
class Detector:
    """Scores sessions and says which are alerts. Fitted on training and validation normals alone."""

    fitted: SessionScores
    thresholds: dict[str, Threshold]  # by score
    trivial: TrivialDetectors
    main_score: str = "combined"  # the score behind alerts
    pseudo_sessions: float = 1.0  # how `surprise` smooths the network's prediction
    unseen_share: float = 0.0  # of validation events: what a log without drift has
    num_val: int = 0  # validation sessions without unseen keys, which thresholds and calibrations rest on

    @classmethod
    def fit(
        cls,
        names: Sequence[str],
        parts: Sequence[str],
        val_events: EventSurprise,
        train_events: EventSurprise,
        train: EncodedSessions,
        val: EncodedSessions,
        vocabulary: Vocabulary,
        target_fpr: float,
    ) -> Detector:
        """Fit thresholds for the scores ``names`` at a false-positive rate of ``target_fpr``.

        Args:
            parts: what ``combined`` joins, see ``SessionScores``.
            val_events: how surprising the validation normals ``val`` were to the network.
            train_events: how surprising the training normals ``train`` were, which it learned: see
                ``fit_scores``.

        Raises:
            UserError: no validation session is without keys that training never showed.
        """
        trivial = TrivialDetectors.fit(train, val, vocabulary, target_fpr)
        fitted = fit_scores(
            names,
            parts,
            Normals(val_events, val.counts(len(vocabulary))),
            Normals(train_events, train.counts(len(vocabulary))),
            trivial.counts,
            vocabulary.unk,
            target_fpr,
        )
        usable = int((~val_events.has_unseen()).sum())
        return cls(fitted.scores, fitted.thresholds, trivial, num_val=usable)

    def scores(
        self, names: Sequence[str], events: EventSurprise, sessions: EncodedSessions
    ) -> dict[str, NDArray[np.float64]]:
        """{score: (S,)} of the scores asked for; higher is more suspect."""
        return self.fitted.scores(names, events, sessions.counts(self.trivial.vocab_size))

    def state(self) -> dict[str, Any]:
        """Plain values and tensors for the checkpoint; ``SessionScores.from_state`` reads its part back."""
        return {
            "main_score": self.main_score,
            "pseudo_sessions": self.pseudo_sessions,
            "unseen_share": self.unseen_share,
            "thresholds": {name: threshold.state() for name, threshold in self.thresholds.items()},
            **self.fitted.state(),
        }
