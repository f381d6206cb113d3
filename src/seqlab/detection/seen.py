"""Which sessions training held already, key for key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

DIGEST_BYTES = 16  # two different sessions with one digest: not in 10^19 sessions


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
