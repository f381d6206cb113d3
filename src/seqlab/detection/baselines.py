"""Trivial detectors: what a model must beat before it means anything.

After Landauer, Skopik and Wurzenberger, "A critical review of common log data sets used for evaluation of
sequence-based anomaly detection techniques", FSE 2024: on common log data sets, rules this simple come close
to deep models. Beside their rules stand detectors of other literatures. All are fitted to training normals;
what is no plain rule has a threshold from validation normals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import segment_indices
from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.counts import NearestCounts, count_matrix, distinct_vectors
from seqlab.detection.thresholds import fit_threshold

STIDE_N = (3, 6)
FRAME = 20  # n-grams
LONGEST = 1000  # events; of a longer session the first and the last half of as many are compared
WORD = 64  # events that one step of the bit-parallel edit distance compares
PAIR_COST = 100.0  # steps that a pair of sessions costs beside its events
MOST_STEPS = 2e9  # for as many sessions as training has: some seconds
FEWEST_STEPS = 5e4  # for one session, however many there are
SEED = 0
MOST_FOR_FOREST = 10_000  # sessions drawn for the forest, whose trees take 256 each
MOST_FOR_SVM = 2_000  # distinct count vectors, as its cost grows with their square
NU = 0.05  # at most this share of training sessions lies outside the boundary; the threshold is fitted apart

RULES = ("new_event", "length", "event_length_count", "2-gram")
BASELINES = (
    *RULES,
    *(f"stide_{n}" for n in STIDE_N),
    "edit_distance",
    "isolation_forest",
    "one_class_svm",
)


@dataclass(frozen=True)
class EncodedSessions:
    """S sessions as vocabulary ids."""

    tokens: NDArray[np.integer]  # (N,)
    lengths: NDArray[np.int64]  # (S,)

    def counts(self, vocab_size: int) -> NDArray[np.int32]:
        """(S, V) how often each key occurs in each session."""
        return count_matrix(self.tokens, self.lengths, vocab_size)

    def digests(self) -> Iterator[bytes]:
        """16 bytes for each session: two different ones are alike not once in 10^19 sessions."""
        raw = memoryview(np.ascontiguousarray(self.tokens, dtype=np.int32)).cast("B")
        bounds = (np.concatenate(([0], np.cumsum(self.lengths))) * 4).tolist()
        return (blake2b(raw[start:end], digest_size=16).digest() for start, end in pairwise(bounds))

    def texts(self) -> list[str]:
        """Each session as a string, one character an event, shortened to LONGEST."""
        raw = np.ascontiguousarray(self.tokens, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
        half = LONGEST // 2
        bounds = np.concatenate(([0], np.cumsum(self.lengths))).tolist()
        return [
            raw[start:end] if end - start <= LONGEST else raw[start : start + half] + raw[end - half : end]
            for start, end in pairwise(bounds)
        ]


class SessionScorer(Protocol):
    """A detector fitted to training normals."""

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
    scorers: dict[str, SessionScorer]  # those of BASELINES that are no rules
    thresholds: dict[str, float]  # by baseline; a rule is broken where its score exceeds 0

    @classmethod
    def fit(
        cls, train: EncodedSessions, val: EncodedSessions, vocabulary: Vocabulary, target_fpr: float
    ) -> TrivialDetectors:
        size, bos, eos = len(vocabulary), vocabulary.bos, vocabulary.eos
        counts = NearestCounts.fit(train.counts(size))
        known = SeenSessions.fit(train)
        scorers: dict[str, SessionScorer] = {
            **{f"stide_{n}": Stide.fit(train, n, bos, eos) for n in STIDE_N},
            "edit_distance": EditDistance.fit(train, known),
            "isolation_forest": CountOutliers.isolation_forest(train, size),
            "one_class_svm": CountOutliers.one_class_svm(train, size),
        }
        fitted: dict[str, NDArray] = {"event_length_count": counts.distance(val.counts(size))}
        fitted |= {name: scorer.scores(val) for name, scorer in scorers.items()}
        thresholds = {name: fit_threshold(scores, target_fpr).value for name, scores in fitted.items()}
        thresholds = dict.fromkeys(RULES, 0.0) | thresholds
        pairs = Stide.fit(train, 2, bos, eos)
        return cls(size, vocabulary.unk, pairs, counts, train.lengths, known, scorers, thresholds)

    def scores(self, sessions: EncodedSessions) -> dict[str, NDArray]:
        """{baseline: (S,) scores}, higher for the more suspect."""
        lengths, counts = sessions.lengths, sessions.counts(self.vocab_size)
        new = counts[:, self.unk].astype(np.float64)
        shortest, longest = self.train_lengths.min(), self.train_lengths.max()
        outside = np.maximum(shortest - lengths, lengths - longest).clip(min=0)
        distance = self.counts.distance(counts).astype(np.float64)
        grams = lengths + 1
        unseen_pairs = np.add.reduceat(
            self.pairs.unseen(sessions), np.cumsum(grams) - grams, dtype=np.float64
        )
        return {
            "new_event": new,
            "length": outside.astype(np.float64),
            # either rule alone is an alert, whatever the counts say
            "event_length_count": np.where((new > 0) | (outside > 0), np.inf, distance),
            "2-gram": unseen_pairs,
            **{name: scorer.scores(sessions) for name, scorer in self.scorers.items()},
        }


@dataclass(frozen=True)
class SeenSessions:
    """The distinct sessions of training, by digest: memory does not grow with their lengths."""

    digests: frozenset[bytes]

    @classmethod
    def fit(cls, train: EncodedSessions) -> SeenSessions:
        return cls(frozenset(train.digests()))

    def seen(self, sessions: EncodedSessions) -> NDArray[np.bool_]:
        """(S,) True where a session equals one of training in every key and their order."""
        found = (digest in self.digests for digest in sessions.digests())
        return np.fromiter(found, dtype=bool, count=len(sessions.lengths))


@dataclass(frozen=True)
class Stide:
    """STIDE: the most n-grams within FRAME consecutive ones that training never showed.

    Forrest et al., "A sense of self for Unix processes", IEEE S&P 1996, look for n-grams that normal traces
    never held; Warrender, Forrest and Pearlmutter, IEEE S&P 1999, count them within a locality frame, so that
    no session is suspect for its length alone.

    The n-gram that ends at a key starts with BOS where fewer keys precede it, and one ends at the session's
    EOS: a session of L keys has L + 1 of them.
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
    factors = np.random.default_rng(0).integers(0, 2**63, size=n, dtype=np.uint64)
    factors = factors * np.uint64(2) + np.uint64(1)
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
        distinct = sorted(set(train.texts()))
        length = sum(map(len, distinct)) / len(distinct)
        pair = length * np.ceil(length / WORD) + PAIR_COST
        most = max(int(max(MOST_STEPS / len(train.lengths), FEWEST_STEPS) / pair), 1)
        if len(distinct) > most:
            chosen = np.random.default_rng(0).choice(len(distinct), most, replace=False)
            distinct = [distinct[place] for place in np.sort(chosen).tolist()]
        return cls(known, tuple(distinct))

    def scores(self, sessions: EncodedSessions) -> NDArray[np.float64]:
        """(S,) from 0, a training session, to 1, nothing in common with any."""
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import extractOne

        texts, seen = sessions.texts(), self.known.seen(sessions)
        # the best so far is the cutoff of what follows: lengths that differ by more are not compared
        nearest = {
            text: extractOne(text, self.training, scorer=Levenshtein.normalized_distance)[1]
            for text in {text for text, known in zip(texts, seen, strict=True) if not known}
        }
        return np.array([0.0 if known else nearest[text] for text, known in zip(texts, seen, strict=True)])


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
