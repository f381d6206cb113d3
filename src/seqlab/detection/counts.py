"""Key-count vectors: how far a session's are from those of training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlab.data.windows import distinct_rows


def count_matrix(
    tokens: NDArray[np.integer], lengths: NDArray[np.int64], vocab_size: int
) -> NDArray[np.int32]:
    """(S, V) how often each key occurs in each session."""
    session = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    flat = np.bincount(session * vocab_size + tokens, minlength=len(lengths) * vocab_size)
    return flat.reshape(len(lengths), vocab_size).astype(np.int32)


def distinct_vectors(counts: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The (U, V) distinct rows of an (S, V) matrix, and the (S,) row that each is."""
    sizes = (counts.max(axis=0, initial=0) + 1).tolist()
    which = distinct_rows([counts[:, column] for column in range(counts.shape[1])], sizes)
    example = np.zeros(int(which.max(initial=-1)) + 1, dtype=np.int64)
    example[which] = np.arange(len(counts))
    return counts[example], which


@dataclass(frozen=True)
class NearestCounts:
    """Distance of count vectors to the nearest of U training vectors.

    The distance is L1: the fewest events to add or take away to get the counts of a training session. Keys
    unseen in training share one column.
    """

    vectors: NDArray[np.int32]  # (U, V)

    @classmethod
    def fit(cls, counts: NDArray[np.int32]) -> NearestCounts:
        return cls(distinct_vectors(counts)[0])

    def distance(self, counts: NDArray[np.int32], rows_at_once: int = 1024) -> NDArray[np.float32]:
        """(S,) L1 distances for (S, V) counts; equal vectors are compared once."""
        import torch  # here, so that scores of an exported network need no torch

        distinct, which = distinct_vectors(counts)
        known = torch.from_numpy(self.vectors).float()
        nearest = [
            torch.cdist(torch.from_numpy(part).float(), known, p=1).amin(dim=1)
            for part in np.split(distinct, range(rows_at_once, len(distinct), rows_at_once))
        ]
        return torch.cat(nearest).numpy()[which]
