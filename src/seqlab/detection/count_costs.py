"""How unlikely a session's key counts are: what they cost, starting from those of a normal session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.detection.counts import blocks, distinct_vectors, is_known, l1_distances, sum_over_keys

PRIOR = 0.5  # imagined differences in each key, and as many without: Krichevsky and Trofimov, 1981
SIZE_EXPONENT = 0.5  # P(a difference is n events or more) = n ^ -0.5: how large it is says little
MOST_COMPARED = 2000  # distinct vectors that the keys' probabilities are learned from


@dataclass(frozen=True)
class CountCosts:
    """Cost in nats of (S, V) counts: -log of how likely a normal session differs so from all U known ones.

    An L1 distance holds one more read of a block for as odd as one replica too few. Here each key has a price
    that normal sessions set: take one away, and look in which keys it differs from the nearest of the others.
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
        if known is None:
            vectors, which = distinct_vectors(counts)
            copies = np.bincount(which, minlength=len(vectors))
        else:
            vectors, which = distinct_vectors(np.concatenate((known.vectors, counts)))
            weights = np.concatenate((known.copies, np.ones(len(counts), dtype=np.int64)))
            copies = np.bincount(which, weights=weights, minlength=len(vectors)).astype(np.int64)
            which = which[len(known.vectors) :]
        differing, compared = _differing_keys(vectors)
        key_costs = -np.log((differing + PRIOR) / (compared + 2 * PRIOR))
        novelty = -float(np.log((np.count_nonzero(copies == 1) + 1) / (copies.sum() + 1)))
        found = cls(vectors, copies, key_costs, novelty)
        return found, found._left_out()[which]

    def cost(self, counts: NDArray[np.int32]) -> NDArray[np.float64]:
        """(S,) nats for (S, V) counts; equal vectors are compared once, known ones not at all."""
        distinct, which = distinct_vectors(counts)
        found = np.zeros(len(distinct))
        new = np.flatnonzero(~is_known(distinct, self.vectors))
        for part in blocks(len(new), len(self.vectors)):
            found[new[part]] = self.novelty + self._differences(distinct[new[part]]).min(axis=1)
        return found[which]

    def difference(self, counts: NDArray[np.int32]) -> NDArray[np.int32]:
        """(S, V) how many more events of each key than in the known vector from which they cost least."""
        return np.stack([row - self.vectors[self._differences(row[None])[0].argmin()] for row in counts])

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
        alone = np.flatnonzero(self.copies == 1)
        if len(self.vectors) == 1:
            return found  # nothing is left to compare with
        for part in blocks(len(alone), len(self.vectors)):
            mine = alone[part]
            differences = self._differences(self.vectors[mine])
            differences[np.arange(len(mine)), mine] = np.inf
            found[mine] = self.novelty + differences.min(axis=1)
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

    Nearest is by L1 distance; several that are equally near count a share each. Of more than MOST_COMPARED
    vectors as many are taken, evenly spaced.
    """
    differing = np.zeros(vectors.shape[1])
    if len(vectors) == 1:
        return differing, 0
    chosen = np.arange(len(vectors))[:: -(-len(vectors) // MOST_COMPARED)]
    for part in blocks(len(chosen), len(vectors)):
        mine = chosen[part]
        distances = l1_distances(vectors[mine], vectors)
        distances[np.arange(len(mine)), mine] = np.iinfo(np.int32).max
        row, column = np.nonzero(distances == distances.min(axis=1, keepdims=True))
        share = 1 / np.bincount(row, minlength=len(mine))[row]
        differing += share @ (vectors[mine[row]] != vectors[column])
    return differing, len(chosen)
