"""Trivial detectors: what a model must beat before it means anything.

After Landauer, Skopik and Wurzenberger, "A critical review of common log data sets used for evaluation of
sequence-based anomaly detection techniques", FSE 2024: on common log data sets, rules this simple come close
to deep models. Beside their rules stand detectors that other literatures use. All are fitted on training
normals; what is no plain rule has a threshold from validation normals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.counts import NearestCounts
from seqlab.detection.simple_detectors import (
    CountOutliers,
    EditDistance,
    EncodedSessions,
    SeenSessions,
    Stide,
)
from seqlab.detection.thresholds import fit_threshold

STIDE_N = (3, 6)
RULES = ("new_event", "length", "event_length_count", "2-gram")
FITTED = (*(f"stide_{n}" for n in STIDE_N), "edit_distance", "isolation_forest", "one_class_svm")
BASELINES = (*RULES, *FITTED)


class SessionScorer(Protocol):
    """A detector fitted to training normals; its threshold comes from validation normals."""

    def scores(self, sessions: EncodedSessions) -> NDArray[np.float64]:
        """(S,) finite scores, higher for the more suspect."""


@dataclass(frozen=True)
class TrivialDetectors:
    """The baselines, fitted. A session is an alert when its score exceeds the baseline's threshold."""

    vocab_size: int
    unk: int
    pairs: Stide  # of neighbors, BOS and EOS included
    counts: NearestCounts
    train_lengths: NDArray[np.int64]  # (S,)
    known: SeenSessions
    scorers: dict[str, SessionScorer]  # FITTED by name
    thresholds: dict[str, float]  # by baseline; a rule is broken where its score exceeds 0

    @classmethod
    def fit(
        cls, train: EncodedSessions, val: EncodedSessions, vocabulary: Vocabulary, target_fpr: float
    ) -> TrivialDetectors:
        size, bos, eos = len(vocabulary), vocabulary.bos, vocabulary.eos
        counts = NearestCounts.fit(train.counts(size))
        known = SeenSessions.fit(train.tokens, train.lengths)
        scorers: dict[str, SessionScorer] = {
            **{f"stide_{n}": Stide.fit(train, n, bos, eos) for n in STIDE_N},
            "edit_distance": EditDistance.fit(train, known),
            "isolation_forest": CountOutliers.isolation_forest(train, size),
            "one_class_svm": CountOutliers.one_class_svm(train, size),
        }
        fitted: dict[str, NDArray] = {"event_length_count": counts.distance(val.counts(size))}
        fitted |= {name: scorer.scores(val) for name, scorer in scorers.items()}
        thresholds = {name: fit_threshold(scores, target_fpr).value for name, scores in fitted.items()}
        pairs = Stide.fit(train, 2, bos, eos)
        return cls(
            size,
            vocabulary.unk,
            pairs,
            counts,
            train.lengths,
            known,
            scorers,
            dict.fromkeys(RULES, 0.0) | thresholds,
        )

    def scores(self, sessions: EncodedSessions) -> dict[str, NDArray]:
        """{baseline: (S,) scores}, higher for the more suspect."""
        lengths, counts = sessions.lengths, sessions.counts(self.vocab_size)
        new = counts[:, self.unk].astype(np.float64)
        shortest, longest = self.train_lengths.min(), self.train_lengths.max()
        outside = np.maximum(shortest - lengths, lengths - longest).clip(min=0)
        distance = self.counts.distance(counts).astype(np.float64)
        return {
            "new_event": new,
            "length": outside.astype(np.float64),
            # either rule alone is an alert, whatever the counts say
            "event_length_count": np.where((new > 0) | (outside > 0), np.inf, distance),
            "2-gram": sessions.per_session(self.pairs.unseen(sessions)),
            **{name: scorer.scores(sessions) for name, scorer in self.scorers.items()},
        }
