"""Models that read whole sessions: scored when a block is closed, many blocks at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.judge import Judge
from seqlab.alerts.remembered import onnx_session, softmax
from seqlab.data.distinct_sessions import DistinctSessions, distinct_sessions
from seqlab.data.sequences import segment_indices
from seqlab.detection.surprise import EventSurprise

# (B, T) sessions with their ends, right-padded, and (B,) lengths, to (B, T, V) logits or log-probabilities.
SessionNetwork = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]

BATCH_TOKENS = 1 << 14  # padding counted


def torch_sessions(network: Any, bos: int) -> SessionNetwork:
    """A GRUAutoencoder in eval mode."""
    import torch

    def outputs(source: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
        given, sizes = torch.from_numpy(source), torch.from_numpy(lengths)
        before = torch.cat((torch.full_like(given[:, :1], bos), given[:, :-1]), dim=1)
        mask = torch.arange(given.shape[1]) < sizes[:, None]
        with torch.inference_mode():
            return network(given, before, sizes, mask).logits.float().numpy()

    return outputs


def onnx_sessions(path: Path) -> SessionNetwork:
    """An exported GRUAutoencoder: inputs ``source`` and ``lengths``."""
    session = onnx_session(path)

    def outputs(source: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
        return session.run(None, {"source": source, "lengths": lengths})[0].astype(np.float32, copy=False)

    return outputs


class SessionScorer:
    """Surprise of whole sessions; equal pieces of a batch are computed once.

    Args:
        piece_length: as ``distinct_sessions`` takes it: what the network was trained on.
    """

    def __init__(self, network: SessionNetwork, judge: Judge, piece_length: int | None = None) -> None:
        self.network = network
        self.judge = judge
        self.vocabulary = judge.vocabulary
        self.piece_length = piece_length

    def surprise(self, tokens: NDArray[np.integer], lengths: NDArray[np.int64]) -> EventSurprise:
        """Of S sessions, their ends included.

        Args:
            tokens: (N,) vocabulary ids, session after session.
            lengths: (S,)
        """
        pieces = distinct_sessions(tokens, lengths, self.vocabulary, self.piece_length)
        nll, rank = np.zeros(len(pieces.stream)), np.zeros(len(pieces.stream), dtype=np.int64)
        for part, source, sizes, logits in self._batches(pieces):
            highest = logits.max(axis=2, keepdims=True)
            total = highest + np.log(np.exp(logits - highest).sum(axis=2, keepdims=True))
            true = np.take_along_axis(logits, source[:, :, None], axis=2)
            real = np.arange(source.shape[1]) < sizes[:, None]
            places = segment_indices(pieces.first_token[part], sizes)
            nll[places] = (total - true)[:, :, 0][real]
            rank[places] = (logits > true).sum(axis=2)[real]
        model_nll = nll.astype(np.float32)
        judged, ranks, unseen = self.judge.events(model_nll, rank + 1, pieces.stream.astype(np.int64))
        events = segment_indices(pieces.first_token[pieces.distinct_of_piece], pieces.piece_lengths)
        return EventSurprise(
            judged[events],
            model_nll[events],
            ranks[events],
            unseen[events],
            np.concatenate(([0], np.cumsum(lengths + 1))),
            np.zeros(len(lengths), dtype=np.int64),
        )

    def probabilities(
        self, sessions: Sequence[NDArray[np.integer]], places: Sequence[int]
    ) -> NDArray[np.float64]:
        """(C, V) at one place of each of C sessions; a place may be a session's end."""
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
