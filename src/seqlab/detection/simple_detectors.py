"""Detectors without a network: unseen n-grams, edit distance, and outliers of key counts.

Each is fitted to training normals; its threshold comes from validation normals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import segment_indices
from seqlab.detection.counts import count_matrix, distinct_vectors

DIGEST_BYTES = 16  # two different sessions with one digest: not in 10^19 sessions
FRAME = 20  # n-grams

LONGEST = 1000  # events; of a longer session the first and the last half of as many are compared
WORD = 64  # events that one step of the bit-parallel distance compares
PAIR_COST = 100.0  # steps that a pair costs beside its events
MOST_STEPS = 2e9  # for as many sessions as training has: some seconds
FEWEST_STEPS = 5e4  # for one session, however many there are

SEED = 0
MOST_FOR_FOREST = 10_000  # sessions drawn for the forest, whose trees take 256 each
MOST_FOR_SVM = 2_000  # distinct count vectors, as its cost grows with their square
NU = 0.05  # at most this share of training sessions lies outside the boundary; the threshold is fitted apart


@dataclass(frozen=True)
class EncodedSessions:
    """S sessions as vocabulary ids."""

    tokens: NDArray[np.integer]  # (N,)
    lengths: NDArray[np.int64]  # (S,)

    def counts(self, vocab_size: int) -> NDArray[np.int32]:
        """(S, V) how often each key occurs in each session."""
        return count_matrix(self.tokens, self.lengths, vocab_size)

    def per_session(self, hits: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(S,) sums of (N + S,) events, the end of each session included."""
        session = np.repeat(np.arange(len(self.lengths)), self.lengths + 1)
        return np.bincount(session, weights=hits, minlength=len(self.lengths)).astype(np.float64)


@dataclass(frozen=True)
class SeenSessions:
    """The distinct sessions of training, by digest: memory does not grow with their lengths."""

    digests: frozenset[bytes]

    @classmethod
    def fit(cls, tokens: NDArray[np.integer], lengths: NDArray[np.int64]) -> SeenSessions:
        """From (N,) vocabulary ids of S sessions and their (S,) lengths."""
        return cls(frozenset(_digests(tokens, lengths)))

    def seen(self, tokens: NDArray[np.integer], lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(S,) True where a session equals one of training in every key and their order."""
        found = (digest in self.digests for digest in _digests(tokens, lengths))
        return np.fromiter(found, dtype=bool, count=len(lengths))


def _digests(tokens: NDArray[np.integer], lengths: NDArray[np.int64]) -> Iterator[bytes]:
    raw = memoryview(np.ascontiguousarray(tokens, dtype=np.int32)).cast("B")
    bounds = (np.concatenate(([0], np.cumsum(lengths))) * 4).tolist()
    return (blake2b(raw[start:end], digest_size=DIGEST_BYTES).digest() for start, end in pairwise(bounds))


@dataclass(frozen=True)
class Stide:
    """STIDE: the most n-grams within FRAME consecutive ones that training never showed.

    Forrest et al., "A sense of self for Unix processes", IEEE S&P 1996, look for n-grams that normal traces
    never held; Warrender, Forrest and Pearlmutter, IEEE S&P 1999, count them within a locality frame, so that
    no session is suspect for its length alone.

    The n-gram that ends at a key starts with BOS where fewer keys precede it, and one ends at the session's
    EOS: a session of L keys has L + 1 of them, a short one too.
    """

    n: int
    bos: int
    eos: int
    known: NDArray[np.uint64]  # (U,) sorted codes of training's n-grams

    @classmethod
    def fit(cls, train: EncodedSessions, n: int, bos: int, eos: int) -> Stide:
        return cls(n, bos, eos, np.unique(_codes(train, n, bos, eos)))

    def unseen(self, sessions: EncodedSessions) -> NDArray[np.bool_]:
        """(N + S,) n-grams that training never showed."""
        codes = _codes(sessions, self.n, self.bos, self.eos)
        place = np.searchsorted(self.known, codes).clip(max=len(self.known) - 1)
        return self.known[place] != codes

    def scores(self, sessions: EncodedSessions) -> NDArray[np.float64]:
        """(S,) from 0 to FRAME."""
        # unseen[i] is how many of the first i n-grams of all sessions are unseen
        unseen = np.concatenate(([0], np.cumsum(self.unseen(sessions))))
        grams = sessions.lengths + 1
        starts = np.cumsum(grams) - grams
        end = np.arange(1, len(unseen))
        frame_start = np.maximum(end - FRAME, np.repeat(starts, grams))
        return np.maximum.reduceat(unseen[end] - unseen[frame_start], starts).astype(np.float64)


def _codes(sessions: EncodedSessions, n: int, bos: int, eos: int) -> NDArray[np.uint64]:
    """(N + S,) a number for each n-gram: equal for equal ones, for different ones equal once in 10^19 pairs.

    The sum of the ids, each times an odd 64-bit number of its place, modulo 2^64.
    """
    factors = np.random.default_rng(0).integers(0, 2**63, size=n, dtype=np.uint64) * np.uint64(2) + np.uint64(
        1
    )
    widths = sessions.lengths + n  # n - 1 times BOS, the keys, EOS
    starts = np.cumsum(widths) - widths
    stream = np.full(int(widths.sum()), bos, dtype=np.uint64)
    stream[segment_indices(starts + n - 1, sessions.lengths)] = sessions.tokens
    stream[starts + widths - 1] = eos
    ends = segment_indices(starts + n - 1, sessions.lengths + 1)
    codes = np.zeros(len(ends), dtype=np.uint64)
    for back, factor in enumerate(factors):
        codes += stream[ends - back] * factor
    return codes


@dataclass(frozen=True)
class EditDistance:
    """Levenshtein distance to the nearest training session, as a share of the longer one's length.

    Insertions, deletions and replacements of one event cost 1 each, as in Landauer, Skopik and Wurzenberger,
    FSE 2024. Distinct sessions are compared once. Of many or long training sessions a part, drawn by a fixed
    seed, stands for all; a session that equals any training session has 0 all the same.
    """

    known: SeenSessions
    training: tuple[str, ...]  # distinct sessions, a character an event

    @classmethod
    def fit(cls, train: EncodedSessions, known: SeenSessions) -> EditDistance:
        distinct = sorted(set(_texts(train)))
        length = sum(map(len, distinct)) / len(distinct)
        pair = length * np.ceil(length / WORD) + PAIR_COST
        most = max(int(max(MOST_STEPS / len(train.lengths), FEWEST_STEPS) / pair), 1)
        if len(distinct) > most:
            chosen = np.random.default_rng(0).choice(len(distinct), most, replace=False)
            distinct = [distinct[place] for place in np.sort(chosen).tolist()]
        return cls(known, tuple(distinct))

    def scores(self, sessions: EncodedSessions) -> NDArray[np.float64]:
        """(S,) from 0, a training session, to 1, nothing in common with any."""
        texts = _texts(sessions)
        found = np.zeros(len(texts))
        nearest: dict[str, float] = {}
        for session in np.flatnonzero(~self.known.seen(sessions.tokens, sessions.lengths)).tolist():
            text = texts[session]
            if text not in nearest:
                nearest[text] = self._nearest(text)
            found[session] = nearest[text]
        return found

    def _nearest(self, text: str) -> float:
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import extractOne

        # the best so far is the cutoff of what follows: lengths that differ by more are not compared
        best = extractOne(text, self.training, scorer=Levenshtein.normalized_distance)
        assert best is not None  # without a cutoff something is always found
        return float(best[1])


def _texts(sessions: EncodedSessions) -> list[str]:
    """Each session as a string, one character an event, shortened to LONGEST."""
    raw = np.ascontiguousarray(sessions.tokens, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    half = LONGEST // 2
    bounds = np.concatenate(([0], np.cumsum(sessions.lengths))).tolist()
    return [
        raw[start:end] if end - start <= LONGEST else raw[start : start + half] + raw[end - half : end]
        for start, end in pairwise(bounds)
    ]


@dataclass(frozen=True)
class CountOutliers:
    """A fitted scikit-learn detector of log(1 + count) of each key, which does not see their order.

    Its score is that library's, turned so that higher is more suspect. Its settings are fixed: a search would
    need labels.
    """

    detector: Any
    vocab_size: int

    @classmethod
    def isolation_forest(cls, train: EncodedSessions, vocab_size: int) -> CountOutliers:
        """Liu, Ting and Zhou, "Isolation forest", ICDM 2008: how few random cuts set a session apart.

        Trees cut where training sessions differ, so a key that training never showed does not count.
        """
        from sklearn.ensemble import IsolationForest

        vectors, which = distinct_vectors(train.counts(vocab_size))
        if len(which) > MOST_FOR_FOREST:
            which = np.random.default_rng(SEED).choice(which, MOST_FOR_FOREST, replace=False)
        return cls(IsolationForest(random_state=SEED).fit(_scaled(vectors)[which]), vocab_size)

    @classmethod
    def one_class_svm(cls, train: EncodedSessions, vocab_size: int) -> CountOutliers:
        """Schölkopf et al., Neural Computation 2001: how far outside a boundary around training sessions.

        Equal count vectors are one, weighted by how many they are.
        """
        from sklearn.svm import OneClassSVM

        vectors, which = distinct_vectors(train.counts(vocab_size))
        weights = np.bincount(which, minlength=len(vectors)).astype(np.float64)
        if len(vectors) > MOST_FOR_SVM:
            chosen = np.random.default_rng(SEED).choice(len(vectors), MOST_FOR_SVM, replace=False)
            vectors, weights = vectors[chosen], weights[chosen]
        # weights of a mean of 1: what nu means is a share of their sum
        svm = OneClassSVM(nu=NU).fit(_scaled(vectors), sample_weight=weights / weights.mean())
        return cls(svm, vocab_size)

    def scores(self, sessions: EncodedSessions) -> NDArray[np.float64]:
        """(S,); equal counts are looked at once."""
        vectors, which = distinct_vectors(sessions.counts(self.vocab_size))
        return -self.detector.score_samples(_scaled(vectors))[which].astype(np.float64)


def _scaled(counts: NDArray[np.int32]) -> Any:
    """(S, V) log(1 + count), sparse: most sessions hold few of the keys."""
    from scipy.sparse import csr_matrix

    return csr_matrix(np.log1p(counts, dtype=np.float32))
