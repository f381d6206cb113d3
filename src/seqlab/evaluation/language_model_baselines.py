"""Counted n-grams of a text: what predicting its next token is worth without a network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class NgramModel:
    """Interpolated n-grams with Witten-Bell smoothing.

    ``p(w | c) = (count(c, w) + types(c) p(w | c')) / (count(c) + types(c))``, where ``types(c)`` is how many
    different tokens followed ``c`` in training and ``c'`` is ``c`` without its first token; the last ``c'``
    is the uniform distribution, and a context that training does not hold is left to ``c'`` (Witten and
    Bell, IEEE Transactions on Information Theory 1991; Chen and Goodman, 1998, section 2.4). There is no
    constant to choose.

    Args:
        tokens: (N,) ids of the training text.
        vocab_size: V.
        order: tokens of an n-gram, the predicted one counted; 1 reads no context.

    Raises:
        ValueError: an order below 1, or one whose contexts do not fit 64 bits.
    """

    def __init__(self, tokens: NDArray[np.int64], vocab_size: int, order: int) -> None:
        if order < 1 or vocab_size**order >= 2**63:
            raise ValueError(f"order={order} with {vocab_size:,} tokens: give at least 1, V^order below 2^63")
        self.vocab_size = vocab_size
        self.order = order
        self._levels = [_Level(tokens, vocab_size, length) for length in range(order)]

    @property
    def name(self) -> str:
        return f"{self.order}-gram"

    def nll(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        """(N - 1,) nats of each token of a text but its first."""
        probability = np.full(len(tokens), 1 / self.vocab_size)
        for level in self._levels:
            probability[level.length :] = level.mix(tokens, probability[level.length :])
        return -np.log(probability[1:])


class _Level:
    """How often each context of ``length`` tokens occurred, and what followed it."""

    def __init__(self, tokens: NDArray[np.int64], vocab_size: int, length: int) -> None:
        self.vocab_size, self.length = vocab_size, length
        self.ngrams, self.counts = np.unique(self._pack(tokens), return_counts=True)
        # n-grams of a context stand together: the context is their number without its last digit
        self.contexts, firsts, self.types = np.unique(
            self.ngrams // vocab_size, return_index=True, return_counts=True
        )
        self.totals = np.add.reduceat(self.counts, firsts) if len(firsts) else self.counts

    def _pack(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N - length,) each token with the ``length`` before it as one number of base V."""
        packed = np.zeros(max(len(tokens) - self.length, 0), dtype=np.int64)
        for place in range(self.length + 1):
            packed = packed * self.vocab_size + tokens[place : place + len(packed)]
        return packed

    def mix(self, tokens: NDArray[np.int64], lower: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N - length,) probabilities of the tokens, given those under contexts one token shorter."""
        ngrams = self._pack(tokens)
        count = _look_up(self.ngrams, self.counts, ngrams)
        total = _look_up(self.contexts, self.totals, ngrams // self.vocab_size)
        types = _look_up(self.contexts, self.types, ngrams // self.vocab_size)
        return np.where(total > 0, (count + types * lower) / np.maximum(total + types, 1), lower)


def _look_up(
    keys: NDArray[np.int64], values: NDArray[np.int64], wanted: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The values of some of the sorted ``keys``, 0 for those that are not there."""
    if not len(keys):
        return np.zeros_like(wanted)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)
