"""Networks that say what comes next, and the memory of what they said: windows of a log repeat."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.judge import Judge
from seqlab.data.windows import WindowIndex, distinct_pairs
from seqlab.errors import UserError

# (C, W) contexts of vocabulary ids to (C, V) float32: logits, or log-probabilities, which are logits too.
Network = Callable[[NDArray[np.int64]], NDArray[np.float32]]

MEMORY_BYTES = 128 << 20
MOST_REMEMBERED = 1 << 17
ROWS_AT_ONCE = 4096


def torch_network(network: Any) -> Network:
    """A network of torch in eval mode."""
    import torch

    def outputs(contexts: NDArray[np.int64]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return network(torch.from_numpy(contexts)).float().numpy()

    return outputs


def onnx_session(path: Path) -> Any:
    """An exported network on the CPU.

    Raises:
        UserError: onnxruntime is not installed, or cannot read the file.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f"--onnx needs onnxruntime ({error}): pip install 'seqlab[onnx]'") from None
    try:
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no base class of their own
        raise UserError(f"{path}: onnxruntime cannot read it: {str(error).splitlines()[0]}") from None


def onnx_network(path: Path) -> Network:
    """An exported GRUPredictor: input ``contexts``, its first output logits or log-probabilities."""
    session = onnx_session(path)

    def outputs(contexts: NDArray[np.int64]) -> NDArray[np.float32]:
        return session.run(None, {"contexts": contexts})[0].astype(np.float32, copy=False)

    return outputs


class Remembered:
    """A network whose outputs for the contexts asked for last are kept."""

    def __init__(self, network: Network, vocab_size: int, most: int | None = None) -> None:
        self.network = network
        self.vocab_size = vocab_size
        self.most = most or max(min(MOST_REMEMBERED, MEMORY_BYTES // (4 * vocab_size)), 1)
        self.asked = self.computed = 0  # contexts
        self._rows: OrderedDict[bytes, int] = OrderedDict()  # context to its row, the oldest first
        self._outputs = np.empty((min(self.most, 1024), vocab_size), dtype=np.float32)

    def __call__(self, contexts: NDArray[np.integer]) -> NDArray[np.float32]:
        """(C, V) for (C, W) distinct contexts."""
        content = np.ascontiguousarray(contexts, dtype=np.int32)
        raw, width = content.tobytes(), content.shape[1] * 4
        keys = [raw[start : start + width] for start in range(0, len(raw), width)]
        found = [self._rows.get(key, -1) for key in keys]
        rows = np.asarray(found, dtype=np.int64)
        known, new = np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)
        result = np.empty((len(keys), self.vocab_size), dtype=np.float32)
        result[known] = self._outputs[rows[known]]
        for part in np.split(new, range(ROWS_AT_ONCE, len(new), ROWS_AT_ONCE)):
            if len(part):
                result[part] = self.network(content[part].astype(np.int64))
        for place in known.tolist():
            self._rows.move_to_end(keys[place])
        kept = new[-self.most :]
        if len(kept):
            places = self._places([keys[place] for place in kept.tolist()])
            self._outputs[places] = result[kept]
        self.asked += len(keys)
        self.computed += len(new)
        return result

    def _places(self, keys: list[bytes]) -> list[int]:
        """A row for each new context; the ones not asked for longest give up theirs."""
        while len(self._outputs) < min(len(self._rows) + len(keys), self.most):
            more = np.empty_like(self._outputs[: self.most - len(self._outputs)])
            self._outputs = np.concatenate((self._outputs, more))
        places = []
        for key in keys:
            full = len(self._rows) == self.most
            place = self._rows.popitem(last=False)[1] if full else len(self._rows)
            self._rows[key] = place
            places.append(place)
        return places


class Scored(NamedTuple):
    """How P events struck the network, as batch scoring has it: see detection/surprise.py."""

    nll: NDArray[np.float32]  # (P,) nats, background included
    rank: NDArray[np.int64]  # (P,) 1 for the event held most likely


class WindowScorer:
    """Scores events after windows of ``window_size`` keys; equal windows of a batch are computed once."""

    def __init__(self, network: Network, judge: Judge, window_size: int, context: str) -> None:
        vocabulary = judge.vocabulary
        self.outputs = Remembered(network, len(vocabulary))
        self.judge = judge
        self.vocabulary = vocabulary
        self.window_size = window_size
        self.context = context
        self.predicts_all = context == "from_start"  # the first keys of a session too
        # what stands before a session's first key: as in data/windows.py
        self.blank = np.full(window_size, vocabulary.pad, dtype=np.int32)
        if self.predicts_all:
            self.blank[-1] = vocabulary.bos

    def score(self, index: WindowIndex) -> Scored:
        """Of all events that the index predicts, in its order."""
        pairs = distinct_pairs(index, len(self.vocabulary))
        logits = self.outputs(pairs.contexts).astype(np.float64)
        highest = logits.max(axis=1, initial=-np.inf)
        total = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
        true = logits[pairs.pair_context, pairs.pair_target]
        nll = (total[pairs.pair_context] - true).astype(np.float32)
        rank = (logits[pairs.pair_context] > true[:, None]).sum(axis=1) + 1
        nll, rank, _ = self.judge.events(nll, rank, pairs.pair_target)
        return Scored(nll[pairs.pair_of_window], rank[pairs.pair_of_window])

    def window(self, tokens: NDArray[np.integer], place: int) -> NDArray[np.int32]:
        """(W,) what stands before a place of a session."""
        before = tokens[max(place - self.window_size, 0) : place].astype(np.int32)
        return np.concatenate((self.blank[len(before) :], before))

    def probabilities(
        self, sessions: Sequence[NDArray[np.integer]], places: Sequence[int]
    ) -> NDArray[np.float64]:
        """(C, V) the network's own, without background, at one place of each of C sessions."""
        windows = np.stack(
            [self.window(tokens, place) for tokens, place in zip(sessions, places, strict=True)]
        )
        distinct, which = np.unique(windows, axis=0, return_inverse=True)
        return softmax(self.outputs(distinct))[which.reshape(-1)]


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(C, V) rows that sum to 1."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
