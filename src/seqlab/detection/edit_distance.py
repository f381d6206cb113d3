"""How much of a session must be edited to get the nearest training session."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seqlab.detection.encoded import EncodedSessions
from seqlab.detection.seen import SeenSessions

LONGEST = 1000  # events; of a longer session the first and the last half of as many are compared
WORD = 64  # events that one step of the bit-parallel distance compares
PAIR_COST = 100.0  # steps that a pair costs beside its events
MOST_STEPS = 2e9  # for as many sessions as training has: some seconds
FEWEST_STEPS = 5e4  # for one session, however many there are


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
