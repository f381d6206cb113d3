"""How surprising the events of new sessions are, by a network of windows or of whole sessions.

Networks are functions of arrays here: those of torch, and exported ones, which need no torch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import segment_indices
from seqlab.data.vocabulary import SPECIAL
from seqlab.data.windows import (
    DistinctSessions,
    WindowIndex,
    distinct_pairs,
    distinct_sessions,
    index_windows,
)
from seqlab.detection.judge import Judge
from seqlab.detection.surprise import EventSurprise
from seqlab.errors import UserError

# Outputs are float32 logits, or log-probabilities, which are logits too.
WindowNetwork = Callable[[NDArray[np.int64]], NDArray[np.float32]]  # (C, W) contexts to (C, V)
# (B, T) sessions with their ends, right-padded, and (B,) lengths, to (B, T, V)
SessionNetwork = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]

MEMORY_BYTES = 128 << 20
MOST_REMEMBERED = 1 << 17
ROWS_AT_ONCE = 4096
BATCH_TOKENS = 1 << 14  # of whole sessions, padding counted


class Scored(NamedTuple):
    """P events: see detection/surprise.py."""

    nll: NDArray[np.float32]  # (P,) nats, background included
    rank: NDArray[np.int64]  # (P,) 1 for the event held most likely


class Scorer(Protocol):
    """What detection asks of a network and its judge."""

    of_open: WindowScorer | None  # what scores sessions that go on; None for a network of whole sessions

    def surprise(self, tokens: NDArray[np.integer], lengths: NDArray[np.int64]) -> EventSurprise:
        """Of S closed sessions, their ends included; (N,) vocabulary ids and (S,) lengths."""

    def probabilities(
        self, sessions: Sequence[NDArray[np.integer]], places: Sequence[int]
    ) -> NDArray[np.float64]:
        """(C, V) the network's own, without background, at one place of each of C sessions."""


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
        rows = {id(tokens): tokens for tokens in sessions}  # one may come many times
        lengths = np.asarray([len(tokens) for tokens in rows.values()], dtype=np.int64)
        given = np.concatenate(list(rows.values()))
        pieces = distinct_sessions(given, lengths, self.vocabulary, self.piece_length)
        order = {key: row for row, key in enumerate(rows)}
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


def torch_windows(network: Any) -> WindowNetwork:
    """A network of NextEvent in eval mode."""
    import torch

    def outputs(contexts: NDArray[np.int64]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return network(torch.from_numpy(contexts)).float().numpy()

    return outputs


def torch_sessions(network: Any) -> SessionNetwork:
    """A network of Reconstruction in eval mode."""
    import torch

    def outputs(source: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
        given, sizes = torch.from_numpy(source), torch.from_numpy(lengths)
        before = torch.cat((torch.full_like(given[:, :1], SPECIAL.bos), given[:, :-1]), dim=1)
        mask = torch.arange(given.shape[1]) < sizes[:, None]
        with torch.inference_mode():
            return network(given, before, sizes, mask).logits.float().numpy()

    return outputs


def onnx_windows(path: Path) -> WindowNetwork:
    """An exported network of NextEvent."""
    session = _onnx_session(path)
    return lambda contexts: session.run(None, {"contexts": contexts})[0].astype(np.float32, copy=False)


def onnx_sessions(path: Path) -> SessionNetwork:
    """An exported network of Reconstruction."""
    session = _onnx_session(path)

    def outputs(source: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
        return session.run(None, {"source": source, "lengths": lengths})[0].astype(np.float32, copy=False)

    return outputs


def _onnx_session(path: Path) -> Any:
    """An exported network on the CPU; UserError where onnxruntime is not there, or cannot read the file."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f"--onnx needs onnxruntime ({error}): pip install 'seqlab[onnx]'") from None
    try:
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no base class of their own
        raise UserError(f"{path}: onnxruntime cannot read it: {str(error).splitlines()[0]}") from None


class Remembered:
    """A network of windows that keeps its outputs for the last contexts: windows of a log repeat."""

    def __init__(self, network: WindowNetwork, vocab_size: int, most: int | None = None) -> None:
        self.network = network
        self.vocab_size = vocab_size
        self.most = most or max(min(MOST_REMEMBERED, MEMORY_BYTES // (4 * vocab_size)), 1)
        self._rows: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()  # the oldest first

    def __call__(self, contexts: NDArray[np.integer]) -> NDArray[np.float32]:
        """(C, V) for (C, W) distinct contexts."""
        content = np.ascontiguousarray(contexts, dtype=np.int32)
        raw, width = content.tobytes(), content.shape[1] * 4
        keys = [raw[start : start + width] for start in range(0, len(raw), width)]
        new = [place for place, key in enumerate(keys) if key not in self._rows]
        for first in range(0, len(new), ROWS_AT_ONCE):
            part = new[first : first + ROWS_AT_ONCE]
            outputs = self.network(content[part].astype(np.int64))
            self._rows.update((keys[place], row.copy()) for place, row in zip(part, outputs, strict=True))
        for key in keys:
            self._rows.move_to_end(key)
        result = np.array([self._rows[key] for key in keys], dtype=np.float32)
        while len(self._rows) > self.most:
            self._rows.popitem(last=False)
        return result.reshape(-1, self.vocab_size)
