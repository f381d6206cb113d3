"""Key-count vectors: how far a session's are from those of normal sessions, and how unlikely that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.windows import distinct_rows

BLOCK_CELLS = 2**20  # rows of a block times the vectors they are compared with: some megabytes
DECIMALS = 9  # of sums of prices
PRIOR = 0.5  # imagined differences in each key, and as many without: Krichevsky and Trofimov, 1981
SIZE_EXPONENT = 0.5  # P(a difference is n events or more) = n ^ -0.5: how large it is says little
MOST_COMPARED = 2000  # distinct vectors that the keys' probabilities are learned from
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
    which = distinct_rows(list(counts.T), sizes)
    example = np.zeros(int(which.max(initial=-1)) + 1, dtype=np.int64)
    example[which] = np.arange(len(counts))
    return counts[example], which


def is_known(rows: NDArray[np.int32], vectors: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(R,) True where a row of (R, V) counts equals one of (U, V) vectors."""
    which = distinct_vectors(np.concatenate((vectors, rows)))[1]
    return np.isin(which[len(vectors) :], which[: len(vectors)])


def l1_distances(rows: NDArray[np.int32], vectors: NDArray[np.int32]) -> NDArray[np.int32]:
    """(R, U) L1 distances between (R, V) and (U, V) counts."""
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


def _blocks(rows: NDArray[np.int64], columns: int) -> Iterator[NDArray[np.int64]]:
    """Parts of (R,) row numbers, so that a matrix of a part's rows and ``columns`` columns stays small."""
    height = max(BLOCK_CELLS // max(columns, 1), 1)
    return (rows[start : start + height] for start in range(0, len(rows), height))


@dataclass(frozen=True)
class NearestCounts:
    """L1 distance to the nearest of U training vectors: the fewest events to add or take away.

    Keys unseen in training share one column.
    """

    vectors: NDArray[np.int32]  # (U, V)

    @classmethod
    def fit(cls, counts: NDArray[np.int32]) -> NearestCounts:
        return cls(distinct_vectors(counts)[0])

    def distance(self, counts: NDArray[np.int32]) -> NDArray[np.float32]:
        """(S,) distances for (S, V) counts; equal vectors are compared once, known ones not at all."""
        distinct, which = distinct_vectors(counts)
        nearest = np.zeros(len(distinct), dtype=np.float32)
        for new in _blocks(np.flatnonzero(~is_known(distinct, self.vectors)), len(self.vectors)):
            nearest[new] = l1_distances(distinct[new], self.vectors).min(axis=1)
        return nearest[which]

    def difference(self, counts: NDArray[np.int32]) -> NDArray[np.int32]:
        """(V,) how many more events of each key (V,) counts hold than the nearest vector."""
        return counts - self.vectors[np.abs(self.vectors - counts).sum(axis=1).argmin()]


@dataclass(frozen=True)
class CountCosts:
    """Cost in nats of (S, V) counts: -log of how likely a normal session differs so from all U known ones.

    An L1 distance holds one more read of a block for as odd as one replica too few. Here each key has a price
    that normal sessions set: leave one out, and see in which keys it differs from the nearest of the others.
    With ``q_k`` the share of distinct vectors that differ in key k, a session with ``d_k`` more or fewer
    events of key k than a known one costs::

        novelty + min over known vectors of  sum over k with d_k > 0 of  -log q_k + 0.5 log d_k

    and nothing where its counts are known. ``exp(-novelty)`` is the share of normal sessions whose counts no
    other one has, the chance that the next session's counts are new (Good, Biometrika 1953; Turing).
    """

    vectors: NDArray[np.int32]  # (U, V) distinct, of normal sessions
    copies: NDArray[np.int64]  # (U,) sessions with these counts
    key_costs: NDArray[np.float64]  # (V,) nats
    novelty: float  # nats

    @classmethod
    def fit(
        cls, counts: NDArray[np.int32], known: CountCosts | None = None
    ) -> tuple[CountCosts, NDArray[np.float64]]:
        """From (S, V) counts of normal sessions, added to those of ``known``.

        Returns:
            The costs, and the (S,) cost of each of the sessions where it alone is left out.
        """
        old = counts[:0] if known is None else known.vectors
        old_copies = np.zeros(0) if known is None else known.copies
        vectors, which = distinct_vectors(np.concatenate((old, counts)))
        weights = np.concatenate((old_copies, np.ones(len(counts))))
        copies = np.bincount(which, weights, minlength=len(vectors)).astype(np.int64)
        differing, compared = _differing_keys(vectors)
        key_costs = -np.log((differing + PRIOR) / (compared + 2 * PRIOR))
        novelty = -float(np.log((np.count_nonzero(copies == 1) + 1) / (copies.sum() + 1)))
        found = cls(vectors, copies, key_costs, novelty)
        return found, found._left_out()[which[len(old) :]]

    def cost(self, counts: NDArray[np.int32]) -> NDArray[np.float64]:
        """(S,) nats for (S, V) counts; equal vectors are compared once, known ones not at all."""
        distinct, which = distinct_vectors(counts)
        found = np.zeros(len(distinct))
        for new in _blocks(np.flatnonzero(~is_known(distinct, self.vectors)), len(self.vectors)):
            found[new] = self.novelty + self._differences(distinct[new]).min(axis=1)
        return found[which]

    def difference(self, counts: NDArray[np.int32]) -> NDArray[np.int32]:
        """(V,) how many more of each key than in the known vector from which (V,) counts cost least."""
        return counts - self.vectors[self._differences(counts[None])[0].argmin()]

    def _differences(self, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """(R, U) what (R, V) counts cost from each known vector, novelty not included."""
        largest = int(max(rows.max(initial=0), self.vectors.max(initial=0)))
        sizes = np.zeros(largest + 1)
        sizes[1:] = SIZE_EXPONENT * np.log(np.arange(1, largest + 1))

        def price(key: int, difference: NDArray[np.int32]) -> NDArray[np.float64]:
            prices = sizes + self.key_costs[key]
            prices[0] = 0
            return prices[difference]

        return sum_over_keys(rows, self.vectors, price, np.dtype(np.float64))

    def _left_out(self) -> NDArray[np.float64]:
        """(U,) cost of each vector's session without it: nothing where another one has the same counts."""
        found = np.zeros(len(self.vectors))
        if len(self.vectors) == 1:
            return found  # nothing is left to compare with
        for alone in _blocks(np.flatnonzero(self.copies == 1), len(self.vectors)):
            differences = self._differences(self.vectors[alone])
            differences[np.arange(len(alone)), alone] = np.inf
            found[alone] = self.novelty + differences.min(axis=1)
        return found

    def state(self) -> dict[str, Any]:
        """Plain values and tensors for the checkpoint."""
        import torch

        return {
            "vectors": torch.from_numpy(self.vectors),
            "copies": self.copies.tolist(),
            "key_costs": self.key_costs.tolist(),
            "novelty": self.novelty,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> CountCosts:
        return cls(
            np.asarray(state["vectors"], dtype=np.int32),
            np.asarray(state["copies"], dtype=np.int64),
            np.asarray(state["key_costs"], dtype=np.float64),
            float(state["novelty"]),
        )


def widest_first(difference: NDArray[np.int32]) -> list[tuple[int, int]]:
    """The keys of a (V,) difference that are not 0, and by how much, the widest first."""
    order = np.argsort(-np.abs(difference), kind="stable")[: np.count_nonzero(difference)]
    return [(key, int(difference[key])) for key in order.tolist()]


def _differing_keys(vectors: NDArray[np.int32]) -> tuple[NDArray[np.float64], int]:
    """(V,) how often each key differs between one of (U, V) distinct vectors and its nearest; of how many.

    Nearest is by L1 distance; of several that are equally near each counts in part. Of more than
    MOST_COMPARED vectors as many are taken, evenly spaced.
    """
    differing = np.zeros(vectors.shape[1])
    if len(vectors) == 1:
        return differing, 0
    chosen = np.arange(len(vectors))[:: -(-len(vectors) // MOST_COMPARED)]
    for mine in _blocks(chosen, len(vectors)):
        distances = l1_distances(vectors[mine], vectors)
        distances[np.arange(len(mine)), mine] = np.iinfo(np.int32).max
        row, column = np.nonzero(distances == distances.min(axis=1, keepdims=True))
        part = 1 / np.bincount(row, minlength=len(mine))[row]
        differing += part @ (vectors[mine[row]] != vectors[column])
    return differing, len(chosen)
