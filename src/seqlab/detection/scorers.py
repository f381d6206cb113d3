"""How surprising the events of blocks are: one scorer for networks of windows, one for whole sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from seqlab.data.distinct_sessions import DistinctSessions, distinct_sessions
from seqlab.data.sequences import segment_indices
from seqlab.data.windows import WindowIndex, distinct_pairs, index_windows
from seqlab.detection.judge import Judge
from seqlab.detection.networks import Remembered, SessionNetwork, WindowNetwork
from seqlab.detection.surprise import EventSurprise

BATCH_TOKENS = 1 << 14  # of whole sessions, padding counted


class Scored(NamedTuple):
    """P events as batch scoring has them: see detection/surprise.py."""

    nll: NDArray[np.float32]  # (P,) nats, background included
    rank: NDArray[np.int64]  # (P,) 1 for the event held most likely


class Scorer(Protocol):
    """What detection asks of a network and its judge."""

    of_open: WindowScorer | None  # what scores sessions that go on; None for a network of whole sessions

    def surprise(self, tokens: NDArray[np.integer], lengths: NDArray[np.int64]) -> EventSurprise:
        """Of S closed sessions, their ends included; (N,) vocabulary ids and (S,) lengths."""
        ...

    def probabilities(
        self, sessions: Sequence[NDArray[np.integer]], places: Sequence[int]
    ) -> NDArray[np.float64]:
        """(C, V) the network's own, without background, at one place of each of C sessions."""
        ...


class WindowScorer:
    """Scores events after windows of ``window_size`` keys; equal windows of a batch are computed once."""

    def __init__(self, network: WindowNetwork, judge: Judge, window_size: int, context: str) -> None:
        self.judge = judge
        self.vocabulary = judge.vocabulary
        self.outputs = Remembered(network, len(self.vocabulary))
        self.of_open: WindowScorer | None = self
        self.window_size = window_size
        self.context = context
        # what stands before a session's first key: as in data/windows.py
        self.blank = np.full(window_size, self.vocabulary.pad, dtype=np.int32)
        if context == "from_start":
            self.blank[-1] = self.vocabulary.bos

    def surprise(self, tokens: NDArray[np.integer], lengths: NDArray[np.int64]) -> EventSurprise:
        index = index_windows(tokens, lengths, self.vocabulary, self.window_size, self.context)
        scored = self._score(index)
        unseen = index.stream[index.positions()] == self.vocabulary.unk
        offsets = np.concatenate(([0], np.cumsum(index.num_targets)))
        return EventSurprise(scored.nll, scored.nll, scored.rank, unseen, offsets, index.first_key)

    def newest(
        self,
        tokens: NDArray[np.integer],
        lengths: NDArray[np.int64],
        new: NDArray[np.int64],
        before: NDArray[np.int64],
    ) -> Scored:
        """The last events of S open sessions; NaN and 0 for those that are not predicted.

        Args:
            tokens: (N,) of each session the new events and up to ``window_size`` before them.
            lengths: (S,) of these.
            new: (S,) how many are new.
            before: (S,) all events before the new ones.
        """
        size, num_new = self.window_size, int(new.sum())
        ends = np.cumsum(lengths + size)
        stream = np.empty(int(ends[-1]), dtype=np.int32)
        stream[segment_indices(ends - lengths, lengths)] = tokens
        stream[(ends - lengths - size)[:, None] + np.arange(size)] = self.blank
        blind = np.zeros_like(new)  # new events without a whole window before them
        if self.context == "full_windows":
            blind = np.clip(size - before, 0, new)
        scored = self._score(WindowIndex(stream, ends - new + blind, new - blind, before + blind, size))
        predicted = np.ones(num_new, dtype=bool)
        predicted[segment_indices(np.cumsum(new) - new, blind)] = False
        nll, rank = np.full(num_new, np.nan, dtype=np.float32), np.zeros(num_new, dtype=np.int64)
        nll[predicted], rank[predicted] = scored
        return Scored(nll, rank)

    def probabilities(
        self, sessions: Sequence[NDArray[np.integer]], places: Sequence[int]
    ) -> NDArray[np.float64]:
        windows = [self._window(tokens, place) for tokens, place in zip(sessions, places, strict=True)]
        distinct, which = np.unique(np.stack(windows), axis=0, return_inverse=True)
        return softmax(self.outputs(distinct))[which.reshape(-1)]

    def _window(self, tokens: NDArray[np.integer], place: int) -> NDArray[np.int32]:
        """(W,) what stands before a place of a session."""
        before = tokens[max(place - self.window_size, 0) : place].astype(np.int32)
        return np.concatenate((self.blank[len(before) :], before))

    def _score(self, index: WindowIndex) -> Scored:
        """All events that the index predicts, in its order."""
        pairs = distinct_pairs(index, len(self.vocabulary))
        logits = self.outputs(pairs.contexts).astype(np.float64)
        true = logits[pairs.pair_context, pairs.pair_target]
        nll = (log_sums(logits)[pairs.pair_context] - true).astype(np.float32)
        rank = (logits[pairs.pair_context] > true[:, None]).sum(axis=1) + 1
        nll, rank, _ = self.judge.events(nll, rank, pairs.pair_target)
        return Scored(nll[pairs.pair_of_window], rank[pairs.pair_of_window])


class SessionScorer:
    """Scores whole sessions, many at once; equal pieces of a batch are computed once.

    Args:
        piece_length: as ``distinct_sessions`` takes it: what the network was trained on.
    """

    of_open: WindowScorer | None = None

    def __init__(self, network: SessionNetwork, judge: Judge, piece_length: int | None = None) -> None:
        self.network = network
        self.judge = judge
        self.vocabulary = judge.vocabulary
        self.piece_length = piece_length

    def surprise(self, tokens: NDArray[np.integer], lengths: NDArray[np.int64]) -> EventSurprise:
        pieces = distinct_sessions(tokens, lengths, self.vocabulary, self.piece_length)
        nll, rank = np.zeros(len(pieces.stream)), np.zeros(len(pieces.stream), dtype=np.int64)
        for part, source, sizes, logits in self._batches(pieces):
            true = np.take_along_axis(logits, source[:, :, None], axis=2)
            real = np.arange(source.shape[1]) < sizes[:, None]
            places = segment_indices(pieces.first_token[part], sizes)
            nll[places] = (log_sums(logits) - true[:, :, 0])[real]
            rank[places] = (logits > true).sum(axis=2)[real]
        model_nll = nll.astype(np.float32)
        judged, ranks, unseen = self.judge.events(model_nll, rank + 1, pieces.stream.astype(np.int64))
        events = segment_indices(pieces.first_token[pieces.distinct_of_piece], pieces.piece_lengths)
        offsets = np.concatenate(([0], np.cumsum(lengths + 1)))
        first_key = np.zeros(len(lengths), dtype=np.int64)
        return EventSurprise(
            judged[events], model_nll[events], ranks[events], unseen[events], offsets, first_key
        )

    def probabilities(
        self, sessions: Sequence[NDArray[np.integer]], places: Sequence[int]
    ) -> NDArray[np.float64]:
        numbers = {id(tokens): number for number, tokens in enumerate(sessions)}  # one may come many times
        given = [sessions[number] for number in numbers.values()]
        lengths = np.asarray([len(tokens) for tokens in given], dtype=np.int64)
        pieces = distinct_sessions(np.concatenate(given), lengths, self.vocabulary, self.piece_length)
        order = {key: row for row, key in enumerate(numbers)}
        session = np.asarray([order[id(tokens)] for tokens in sessions], dtype=np.int64)
        # (C,) the token among those of all pieces, then its piece and its step there
        token = (np.cumsum(lengths + 1) - lengths - 1)[session] + np.asarray(places, dtype=np.int64)
        ends = np.cumsum(pieces.piece_lengths)
        piece = np.searchsorted(ends, token, side="right")
        step, of_piece = token - (ends - pieces.piece_lengths)[piece], pieces.distinct_of_piece[piece]
        found = np.empty((len(sessions), len(self.vocabulary)))
        for part, _, _, logits in self._batches(pieces):
            cases = np.flatnonzero((of_piece >= part[0]) & (of_piece <= part[-1]))
            found[cases] = softmax(logits[of_piece[cases] - part[0], step[cases]])
        return found

    def _batches(
        self, pieces: DistinctSessions
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
        """Similar lengths together: numbers of pieces, (B, T) tokens with ends, (B,) lengths, (B, T, V)."""
        first, sizes = 0, pieces.lengths.tolist()
        while first < len(sizes):
            last = first + 1
            while last < len(sizes) and sizes[last] * (last + 1 - first) <= BATCH_TOKENS:
                last += 1
            part, lengths = np.arange(first, last), pieces.lengths[first:last]
            source = np.full((len(part), int(lengths.max())), self.vocabulary.pad, dtype=np.int64)
            real = np.arange(source.shape[1]) < lengths[:, None]
            source[real] = pieces.stream[segment_indices(pieces.first_token[part], lengths)]
            yield part, source, lengths, self.network(source, lengths).astype(np.float64)
            first = last


def log_sums(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithms of the sums of exponentials over the last axis."""
    highest = logits.max(axis=-1, initial=-np.inf)
    return highest + np.log(np.exp(logits - highest[..., None]).sum(axis=-1))


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(C, V) rows that sum to 1."""
    exact = logits.astype(np.float64)
    return np.exp(exact - log_sums(exact)[:, None])
