"""Windows over sessions, and whole sessions, as index arithmetic; equal ones are found. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import cut_lengths, segment_indices, smallest_integer_type
from seqlab.data.vocabulary import Vocabulary
from seqlab.errors import UserError

NO_DELAY = 0  # the first event, one whose time or whose predecessor's is unknown, and all that is no event
NUM_DELAYS = 32  # buckets of the time since the event before: see ``delay_buckets`` in parsed_sessions.py
CONTEXTS = ("from_start", "full_windows")


@dataclass(frozen=True)
class WindowIndex:
    """Windows of S sessions over one padded token stream of M tokens.

    The window that predicts ``stream[p]`` is ``stream[p - W:p]``. Session s predicts the positions
    ``first_target[s]`` to ``first_target[s] + num_targets[s] - 1``. With ``delays`` a window holds
    ``key * NUM_DELAYS + delay`` for each of its keys.
    """

    stream: NDArray[np.integer]  # (M,)
    first_target: NDArray[np.int64]  # (S,)
    num_targets: NDArray[np.int64]  # (S,)
    first_key: NDArray[np.int64]  # (S,) place of the first target in its session; 0 is the first key
    window_size: int
    delays: NDArray[np.uint8] | None = None  # (M,) buckets, see ``delay_buckets``; None: keys alone are read

    @cached_property
    def inputs(self) -> NDArray[np.integer]:
        """(M,) what windows are made of."""
        if self.delays is None:
            return self.stream
        return self.stream.astype(np.int32) * NUM_DELAYS + self.delays

    @property
    def num_windows(self) -> int:
        return int(self.num_targets.sum())

    def positions(self) -> NDArray[np.int64]:
        """(P,) stream positions that are predicted, session by session."""
        return segment_indices(self.first_target, self.num_targets)

    def contexts(self, positions: NDArray[np.int64]) -> NDArray[np.integer]:
        """(P, W) the windows before ``positions``."""
        return self.inputs[positions[:, None] + np.arange(-self.window_size, 0)]


def check_windows(window_size: int, context: str) -> None:
    """Raise UserError for an unknown ``context`` or a ``window_size`` below 1."""
    if context not in CONTEXTS:
        raise UserError(f"data.context={context}: choose {' or '.join(CONTEXTS)}")
    if window_size < 1:
        raise UserError(f"data.window_size={window_size}: a window holds at least 1 key")


def index_windows(
    tokens: NDArray[np.integer],
    lengths: NDArray[np.int64],
    vocabulary: Vocabulary,
    window_size: int,
    context: str = "from_start",
    delays: NDArray[np.uint8] | None = None,
) -> WindowIndex:
    """Lay sessions out so that every window is a slice.

    Args:
        tokens: (N,) ids of all sessions, one after the other.
        lengths: (S,) tokens per session; EOS is appended to each.
        context: ``from_start`` pads W - 1 times, then BOS: every key is predicted, the first included.
            ``full_windows`` predicts only what has W keys before it; a session of fewer than W + 1 tokens
            (EOS counted) is left-padded to give one pair.
        delays: (N,) the bucket of the time since each event's predecessor, where windows hold it too.

    Raises:
        UserError: an unknown ``context`` or a ``window_size`` below 1.
    """
    check_windows(window_size, context)
    with_end = lengths + 1
    if context == "from_start":
        padding = np.full_like(lengths, window_size)
        first_key = np.zeros_like(lengths)
    else:
        padding = np.maximum(window_size + 1 - with_end, 0)
        first_key = window_size - padding
    widths = padding + with_end
    starts = np.cumsum(widths) - widths
    stream = np.full(int(widths.sum()), vocabulary.pad, dtype=tokens.dtype)
    events = segment_indices(starts + padding, lengths)
    stream[events] = tokens
    stream[starts + widths - 1] = vocabulary.eos
    if context == "from_start":
        stream[starts + window_size - 1] = vocabulary.bos
    spread = None if delays is None else np.full(len(stream), NO_DELAY, dtype=np.uint8)
    if spread is not None and delays is not None:
        spread[events] = delays
    return WindowIndex(
        stream=stream,
        first_target=starts + padding + first_key,
        num_targets=with_end - first_key,
        first_key=first_key,
        window_size=window_size,
        delays=spread,
    )


@dataclass(frozen=True)
class DistinctPairs:
    """The distinct (context, next key) pairs of a split and which one each window is.

    Q distinct pairs sorted by context, R distinct contexts. Where delays are read, pairs differ in the one
    before the next key, too.
    """

    pair_of_window: NDArray[np.integer]  # (num_windows,) in the order of WindowIndex.positions()
    pair_context: NDArray[np.int64]  # (Q,) non-decreasing
    pair_target: NDArray[np.int64]  # (Q,)
    contexts: NDArray[np.integer]  # (R, W)
    pair_delay: NDArray[np.int64] | None = None  # (Q,) bucket

    @property
    def num_pairs(self) -> int:
        return len(self.pair_target)


def _renumber(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    values, inverse = np.unique(codes, return_inverse=True)
    return inverse.astype(np.int64, copy=False), len(values)


def distinct_rows(columns: list[NDArray[np.integer]], sizes: list[int]) -> NDArray[np.int64]:
    """(P,) equal numbers for equal rows, in the rows' lexical order.

    Rows are packed into 64-bit integers, each column a digit; where the next digit would overflow, the
    numbers so far are first renumbered densely.

    Args:
        columns: the K columns of a (P, K) matrix, column k with values from 0 to ``sizes[k] - 1``.
    """
    codes = columns[0].astype(np.int64)
    bound = sizes[0]
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        if bound > np.iinfo(np.int64).max // size:
            codes, bound = _renumber(codes)
        codes = codes * size + column
        bound *= size
    return _renumber(codes)[0]


def distinct_pairs(index: WindowIndex, vocab_size: int) -> DistinctPairs:
    """Find the distinct pairs of all windows; P windows cost one sort, not P rows of W tokens."""
    positions = index.positions()
    columns = [index.inputs[positions - back] for back in range(index.window_size, -1, -1)]
    each = vocab_size if index.delays is None else vocab_size * NUM_DELAYS
    pair_of_window = distinct_rows(columns, [each] * len(columns))
    num_pairs = int(pair_of_window.max()) + 1 if len(pair_of_window) else 0
    example = np.zeros(num_pairs, dtype=np.int64)
    example[pair_of_window] = positions
    windows = index.contexts(example)
    is_new = np.ones(num_pairs, dtype=bool)
    is_new[1:] = (windows[1:] != windows[:-1]).any(axis=1)
    return DistinctPairs(
        pair_of_window=pair_of_window.astype(smallest_integer_type(num_pairs)),
        pair_context=np.cumsum(is_new) - 1,
        pair_target=index.stream[example].astype(np.int64),
        contexts=windows[is_new],
        pair_delay=None if index.delays is None else index.delays[example].astype(np.int64),
    )


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
    ended = np.insert(tokens, np.cumsum(lengths), vocabulary.eos)
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
