"""Trivial detectors: what a model must beat before it means anything.

After Landauer, Skopik and Wurzenberger, "A critical review of common log data sets used for evaluation of
sequence-based anomaly detection techniques", FSE 2024: on common log data sets, rules this simple come close
to deep models. Beside their rules stand detectors that other literatures use. All are fitted on training
normals; what is no plain rule has a threshold from validation normals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.count_outliers import CountOutliers
from seqlab.detection.counts import NearestCounts, count_matrix
from seqlab.detection.edit_distance import EditDistance
from seqlab.detection.encoded import EncodedSessions, SessionScorer
from seqlab.detection.seen import SeenSessions
from seqlab.detection.stide import Stide
from seqlab.detection.thresholds import Threshold, fit_threshold

STIDE_N = (3, 6)
RULES = ("new_event", "length", "event_length_count", "2-gram")
BASELINES = (
    *RULES,
    *(f"stide_{n}" for n in STIDE_N),
    "edit_distance",
    "isolation_forest",
    "one_class_svm",
)


@dataclass(frozen=True)
class TrivialDetectors:
    """The baselines, fitted. A session is an alert when its score exceeds the baseline's threshold."""

    vocab_size: int
    bos: int
    eos: int
    unk: int
    shortest: int
    longest: int
    bigrams: NDArray[np.bool_]  # (V * V,) True where training holds the pair, BOS and EOS included
    counts: NearestCounts
    count_threshold: Threshold
    train_lengths: NDArray[np.int64]  # (S,)
    known: SeenSessions
    scorers: dict[str, SessionScorer]  # the baselines after RULES
    scorer_thresholds: dict[str, Threshold]

    @classmethod
    def fit(
        cls, train: EncodedSessions, val: EncodedSessions, vocabulary: Vocabulary, target_fpr: float
    ) -> TrivialDetectors:
        size = len(vocabulary)
        counts = NearestCounts.fit(count_matrix(train.tokens, train.lengths, size))
        distance = counts.distance(count_matrix(val.tokens, val.lengths, size))
        bigrams = np.zeros(size * size, dtype=bool)
        bigrams[_pairs(train, size, vocabulary.bos, vocabulary.eos)] = True
        known = SeenSessions.fit(train.tokens, train.lengths)
        scorers: dict[str, SessionScorer] = {
            **{f"stide_{n}": Stide.fit(train, n, vocabulary.bos, vocabulary.eos) for n in STIDE_N},
            "edit_distance": EditDistance.fit(train, known),
            "isolation_forest": CountOutliers.isolation_forest(train, size),
            "one_class_svm": CountOutliers.one_class_svm(train, size),
        }
        return cls(
            size,
            vocabulary.bos,
            vocabulary.eos,
            vocabulary.unk,
            int(train.lengths.min()),
            int(train.lengths.max()),
            bigrams,
            counts,
            fit_threshold(distance, target_fpr),
            train.lengths,
            known,
            scorers,
            {name: fit_threshold(scorer.scores(val), target_fpr) for name, scorer in scorers.items()},
        )

    def count_distance(self, sessions: EncodedSessions) -> NDArray[np.float32]:
        """(S,) L1 distance of the key counts to the nearest training session's."""
        return self.counts.distance(count_matrix(sessions.tokens, sessions.lengths, self.vocab_size))

    def scores(self, sessions: EncodedSessions) -> dict[str, NDArray]:
        """{baseline: (S,) scores}, higher for the more suspect."""
        session = np.repeat(np.arange(len(sessions.lengths)), sessions.lengths)
        size = len(sessions.lengths)
        new = np.bincount(session, weights=sessions.tokens == self.unk, minlength=size)
        outside = np.maximum(self.shortest - sessions.lengths, sessions.lengths - self.longest).clip(min=0)
        distance = self.count_distance(sessions).astype(np.float64)
        unseen_pair = ~self.bigrams[_pairs(sessions, self.vocab_size, self.bos, self.eos)]
        pair_session = np.repeat(np.arange(size), sessions.lengths + 1)
        return {
            "new_event": new,
            "length": outside.astype(np.float64),
            # either rule alone is an alert, whatever the counts say
            "event_length_count": np.where((new > 0) | (outside > 0), np.inf, distance),
            "2-gram": np.bincount(pair_session, weights=unseen_pair, minlength=size),
            **{name: scorer.scores(sessions) for name, scorer in self.scorers.items()},
        }

    def thresholds(self) -> dict[str, float]:
        """{baseline: threshold}; a rule is broken where its score exceeds 0."""
        return {
            "new_event": 0.0,
            "length": 0.0,
            "event_length_count": self.count_threshold.value,
            "2-gram": 0.0,
            **{name: threshold.value for name, threshold in self.scorer_thresholds.items()},
        }


def _pairs(sessions: EncodedSessions, vocab_size: int, bos: int, eos: int) -> NDArray[np.int64]:
    """(N + S,) each pair of neighbours as one number, from (BOS, first key) to (last key, EOS)."""
    ends = np.cumsum(sessions.lengths)
    tokens = sessions.tokens.astype(np.int64)
    before = np.insert(tokens, ends - sessions.lengths, bos)
    after = np.insert(tokens, ends, eos)
    return before * vocab_size + after
