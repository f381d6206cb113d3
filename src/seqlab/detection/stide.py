"""Unseen n-grams within a stretch of a session: STIDE, sequence time-delay embedding.

Forrest, Hofmeyr, Somayaji and Longstaff, "A sense of self for Unix processes", IEEE S&P 1996, look for
n-grams that normal traces never held; Warrender, Forrest and Pearlmutter, "Detecting intrusions using system
calls", IEEE S&P 1999, count them within a locality frame of 20 n-grams, so that no session is suspect for its
length alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import segment_indices
from seqlab.detection.encoded import EncodedSessions

FRAME = 20  # n-grams


@dataclass(frozen=True)
class Stide:
    """The most n-grams within FRAME consecutive ones that training never showed.

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

    def scores(self, sessions: EncodedSessions) -> NDArray[np.float64]:
        """(S,) from 0 to FRAME."""
        codes = _codes(sessions, self.n, self.bos, self.eos)
        place = np.searchsorted(self.known, codes).clip(max=len(self.known) - 1)
        # unseen[i] is how many of the first i n-grams of all sessions are unseen
        unseen = np.concatenate(([0], np.cumsum(self.known[place] != codes)))
        grams = sessions.lengths + 1
        starts = np.cumsum(grams) - grams
        end = np.arange(1, len(codes) + 1)
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
