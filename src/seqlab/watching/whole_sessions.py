"""Models that read whole sessions: scored when a block is closed, many blocks at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import segment_indices
from seqlab.detection.surprise import EventSurprise
from seqlab.watching.judge import Judge
from seqlab.watching.remembered import onnx_session, softmax

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
    """Surprise of whole sessions; equal ones of a batch are computed once."""

    def __init__(self, network: SessionNetwork, judge: Judge) -> None:
        self.network = network
        self.judge = judge
        self.vocabulary = judge.vocabulary

    def surprise(self, tokens: NDArray[np.integer], lengths: NDArray[np.int64]) -> EventSurprise:
        """Of S sessions, their ends included.

        Args:
            tokens: (N,) vocabulary ids, session after session.
            lengths: (S,)
        """
        sessions = np.split(tokens.astype(np.int64), np.cumsum(lengths)[:-1])
        which, distinct = _distinct(sessions)
        nll: list[NDArray] = [np.zeros(0)] * len(distinct)
        rank: list[NDArray] = [np.zeros(0)] * len(distinct)
        targets: list[NDArray] = [np.zeros(0)] * len(distinct)
        for part, source, sizes, logits in self._batches([sessions[example] for example in distinct]):
            highest = logits.max(axis=2, keepdims=True)
            total = highest + np.log(np.exp(logits - highest).sum(axis=2, keepdims=True))
            true = np.take_along_axis(logits, source[:, :, None], axis=2)
            surprise, worse = (total - true)[:, :, 0], (logits > true).sum(axis=2)
            for row, number in enumerate(part.tolist()):
                nll[number], rank[number] = surprise[row, : sizes[row]], worse[row, : sizes[row]]
                targets[number] = source[row, : sizes[row]]
        target = np.concatenate(targets)
        model_nll = np.concatenate(nll).astype(np.float32)
        judged, ranks, unseen = self.judge.events(model_nll, np.concatenate(rank) + 1, target)
        counts = np.asarray([len(one) for one in nll], dtype=np.int64)
        events = segment_indices((np.cumsum(counts) - counts)[which], lengths + 1)
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
        which, distinct = _distinct([tokens.astype(np.int64) for tokens in sessions])
        wanted: list[list[int]] = [[] for _ in distinct]
        for case, number in enumerate(which.tolist()):
            wanted[number].append(case)
        found = np.empty((len(sessions), len(self.vocabulary)))
        for part, _, _, logits in self._batches([sessions[example] for example in distinct]):
            for row, number in enumerate(part.tolist()):
                cases = wanted[number]
                chosen = logits[row, [places[case] for case in cases]]
                found[cases] = softmax(chosen)
        return found

    def _batches(
        self, sessions: Sequence[NDArray[np.integer]]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
        """Similar lengths together: which sessions, (B, T) tokens with ends, (B,) lengths, (B, T, V)."""
        sizes = np.asarray([len(tokens) + 1 for tokens in sessions], dtype=np.int64)
        order = np.argsort(sizes, kind="stable")
        first = 0
        while first < len(order):
            last = first + 1
            while last < len(order) and int(sizes[order[last]]) * (last + 1 - first) <= BATCH_TOKENS:
                last += 1
            part = order[first:last]
            source = np.full((len(part), int(sizes[part].max())), self.vocabulary.pad, dtype=np.int64)
            for row, number in enumerate(part.tolist()):
                source[row, : sizes[number] - 1] = sessions[number]
                source[row, sizes[number] - 1] = self.vocabulary.eos
            yield part, source, sizes[part], self.network(source, sizes[part]).astype(np.float64)
            first = last


def _distinct(sessions: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], list[int]]:
    """(S,) which of the distinct ones each session is, and an example of each."""
    numbers: dict[bytes, int] = {}
    examples: list[int] = []
    which = np.empty(len(sessions), dtype=np.int64)
    for place, tokens in enumerate(sessions):
        number = numbers.setdefault(tokens.tobytes(), len(numbers))
        if number == len(examples):
            examples.append(place)
        which[place] = number
    return which, examples
