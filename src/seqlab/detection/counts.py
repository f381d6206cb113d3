"""Key-count vectors: how far a session's are from those of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlab.data.windows import distinct_rows

# Rows of a block times the vectors it is compared with: what is held at once stays within some megabytes.
BLOCK_CELLS = 2**20
DECIMALS = 9  # of sums of prices
_COMMON = 0.4  # of the vectors: where a key is in more, looking at all of them is as fast


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


def is_known(rows: NDArray[np.int32], vectors: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(R,) True where a row of (R, V) counts equals one of (U, V) vectors."""
    which = distinct_vectors(np.concatenate((vectors, rows)))[1]
    return np.isin(which[len(vectors) :], which[: len(vectors)])


def blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of ``rows`` rows, so that a block of (rows, columns) numbers stays small."""
    height = max(BLOCK_CELLS // max(columns, 1), 1)
    return (slice(start, start + height) for start in range(0, rows, height))


def l1_distances(rows: NDArray[np.int32], vectors: NDArray[np.int32]) -> NDArray[np.int32]:
    """(R, U) L1 distances between (R, V) and (U, V) counts; see ``sum_over_keys``."""
    return sum_over_keys(rows, vectors, lambda key, difference: difference, np.dtype(np.int32))


def sum_over_keys(
    rows: NDArray[np.int32],
    vectors: NDArray[np.int32],
    price: Callable[[int, NDArray[np.int32]], NDArray],
    dtype: np.dtype,
) -> NDArray:
    """(R, U) sums over the keys of what each difference between (R, V) and (U, V) counts costs.

    Key by key, so that nothing is (R, U, V). A key that few vectors hold is looked at only where both do:
    elsewhere the difference is the count of the one that has it. Which keys these are depends on the vectors
    alone, so that a row's sums are the same to the last bit whatever rows stand beside it.

    Args:
        price: of a key and an array of differences, 0 or more each: what each costs. No difference costs 0.
        dtype: of the sums.
    """
    total = np.zeros((len(rows), len(vectors)), dtype=dtype)
    row_sum, vector_sum = np.zeros(len(rows), dtype=dtype), np.zeros(len(vectors), dtype=dtype)
    for key, (row_counts, vector_counts) in enumerate(zip(rows.T, vectors.T, strict=True)):
        row, column = np.flatnonzero(row_counts), np.flatnonzero(vector_counts)
        if len(column) > _COMMON * len(vectors):
            total += price(key, np.abs(row_counts[:, None] - vector_counts))
            continue
        row_price, vector_price = price(key, row_counts), price(key, vector_counts)
        row_sum += row_price
        vector_sum += vector_price
        if len(row) and len(column):
            both = price(key, np.abs(row_counts[row][:, None] - vector_counts[column]))
            total[np.ix_(row, column)] += both - row_price[row][:, None] - vector_price[column]
    total += row_sum[:, None]
    total += vector_sum
    # equal sums by other ways differ in their last bits, and are to be equal
    return total if np.issubdtype(dtype, np.integer) else np.round(total, DECIMALS)


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

    def distance(self, counts: NDArray[np.int32]) -> NDArray[np.float32]:
        """(S,) L1 distances for (S, V) counts; equal vectors are compared once, known ones not at all."""
        distinct, which = distinct_vectors(counts)
        nearest = np.zeros(len(distinct), dtype=np.float32)
        new = np.flatnonzero(~is_known(distinct, self.vectors))
        for part in blocks(len(new), len(self.vectors)):
            nearest[new[part]] = l1_distances(distinct[new[part]], self.vectors).min(axis=1)
        return nearest[which]
