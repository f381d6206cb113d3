"""Outlier detectors on key counts from scikit-learn: isolation forest and one-class SVM.

Both see log(1 + count) of each key, and neither sees the order of keys. Their settings are fixed: a search
would need labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.detection.counts import count_matrix, distinct_vectors
from seqlab.detection.encoded import EncodedSessions

SEED = 0
MOST_FOR_FOREST = 10_000  # sessions drawn for the forest, whose trees take 256 each
MOST_FOR_SVM = 2_000  # distinct count vectors, as its cost grows with their square
NU = 0.05  # at most this share of training sessions lies outside the boundary; the threshold is fitted apart


@dataclass(frozen=True)
class CountOutliers:
    """A fitted scikit-learn detector; its score is that library's, turned so that higher is more suspect."""

    detector: Any
    vocab_size: int

    @classmethod
    def isolation_forest(cls, train: EncodedSessions, vocab_size: int) -> CountOutliers:
        """Liu, Ting and Zhou, "Isolation forest", ICDM 2008: how few random cuts set a session apart.

        Trees cut where training sessions differ, so a key that training never showed does not count.
        """
        from sklearn.ensemble import IsolationForest

        vectors, which = distinct_vectors(count_matrix(train.tokens, train.lengths, vocab_size))
        if len(which) > MOST_FOR_FOREST:
            which = np.random.default_rng(SEED).choice(which, MOST_FOR_FOREST, replace=False)
        return cls(IsolationForest(random_state=SEED).fit(_scaled(vectors)[which]), vocab_size)

    @classmethod
    def one_class_svm(cls, train: EncodedSessions, vocab_size: int) -> CountOutliers:
        """Schölkopf et al., Neural Computation 2001: how far outside a boundary around training sessions.

        Equal count vectors are one, weighted by how many they are.
        """
        from sklearn.svm import OneClassSVM

        vectors, which = distinct_vectors(count_matrix(train.tokens, train.lengths, vocab_size))
        weights = np.bincount(which, minlength=len(vectors)).astype(np.float64)
        if len(vectors) > MOST_FOR_SVM:
            chosen = np.random.default_rng(SEED).choice(len(vectors), MOST_FOR_SVM, replace=False)
            vectors, weights = vectors[chosen], weights[chosen]
        # weights of a mean of 1: what nu means is a share of their sum
        svm = OneClassSVM(nu=NU).fit(_scaled(vectors), sample_weight=weights / weights.mean())
        return cls(svm, vocab_size)

    def scores(self, sessions: EncodedSessions) -> NDArray[np.float64]:
        """(S,); equal counts are looked at once."""
        vectors, which = distinct_vectors(count_matrix(sessions.tokens, sessions.lengths, self.vocab_size))
        return -self.detector.score_samples(_scaled(vectors))[which].astype(np.float64)


def _scaled(counts: NDArray[np.int32]) -> Any:
    """(S, V) log(1 + count), sparse: most sessions hold few of the keys."""
    from scipy.sparse import csr_matrix

    return csr_matrix(np.log1p(counts, dtype=np.float32))
