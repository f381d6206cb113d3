"""The distinct sessions of a log, long ones in pieces. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import cut_lengths, segment_indices
from seqlab.data.vocabulary import Vocabulary


@dataclass(frozen=True)
class DistinctSessions:
    """The D distinct token sequences among the P pieces of S sessions, sorted by length.

    Most sessions are one piece. Each has EOS appended, the end of its last piece.
    """

    stream: NDArray[np.integer]  # (M,) the distinct sequences, one after the other
    first_token: NDArray[np.int64]  # (D,)
    lengths: NDArray[np.int64]  # (D,) EOS counted
    distinct_of_piece: NDArray[np.int64]  # (P,)
    num_pieces: NDArray[np.int64]  # (S,)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def piece_lengths(self) -> NDArray[np.int64]:
        """(P,) tokens, EOS counted."""
        return self.lengths[self.distinct_of_piece]

    @property
    def session_lengths(self) -> NDArray[np.int64]:
        """(S,) tokens, EOS counted."""
        return np.add.reduceat(self.piece_lengths, np.cumsum(self.num_pieces) - self.num_pieces)


def with_ends(
    tokens: NDArray[np.integer], lengths: NDArray[np.int64], vocabulary: Vocabulary
) -> NDArray[np.integer]:
    """(N + S,) tokens of S sessions, EOS after each."""
    return np.insert(tokens, np.cumsum(lengths), vocabulary.eos)


def distinct_sessions(
    tokens: NDArray[np.integer],
    lengths: NDArray[np.int64],
    vocabulary: Vocabulary,
    piece_length: int | None = None,
) -> DistinctSessions:
    """Find equal sessions; one dictionary look-up per piece.

    Args:
        tokens: (N,) ids of all sessions, one after the other.
        lengths: (S,) tokens per session, EOS not counted.
        piece_length: longer sessions, EOS counted, are cut into pieces of at most so many tokens.
    """
    ended = with_ends(tokens, lengths, vocabulary)
    num_pieces, piece_lengths = cut_lengths(lengths + 1, piece_length)
    offsets = np.concatenate(([0], np.cumsum(piece_lengths)))
    numbers: dict[bytes, int] = {}
    raw, size = ended.tobytes(), ended.dtype.itemsize
    bounds = (offsets * size).tolist()
    found = [numbers.setdefault(raw[start:end], len(numbers)) for start, end in pairwise(bounds)]
    of_piece = np.asarray(found, dtype=np.int64)
    example = np.zeros(len(numbers), dtype=np.int64)
    example[of_piece[::-1]] = np.arange(len(found))[::-1]  # the first piece of each kind
    order = np.argsort(piece_lengths[example], kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    example = example[order]
    sizes = piece_lengths[example]
    stream = ended[segment_indices(offsets[example], sizes)]
    return DistinctSessions(stream, np.cumsum(sizes) - sizes, sizes, place[of_piece], num_pieces)
