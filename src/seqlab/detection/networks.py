"""Networks as functions of arrays: those of torch, and exported ones that need none."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import SPECIAL
from seqlab.errors import UserError

# Outputs are float32 logits, or log-probabilities, which are logits too.
WindowNetwork = Callable[[NDArray[np.int64]], NDArray[np.float32]]  # (C, W) contexts to (C, V)
# (B, T) sessions with their ends, right-padded, and (B,) lengths, to (B, T, V)
SessionNetwork = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]

MEMORY_BYTES = 128 << 20
MOST_REMEMBERED = 1 << 17
ROWS_AT_ONCE = 4096


def torch_windows(network: Any) -> WindowNetwork:
    """A GRUPredictor in eval mode."""
    import torch

    def outputs(contexts: NDArray[np.int64]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return network(torch.from_numpy(contexts)).float().numpy()

    return outputs


def torch_sessions(network: Any) -> SessionNetwork:
    """A GRUAutoencoder in eval mode."""
    import torch

    def outputs(source: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
        given, sizes = torch.from_numpy(source), torch.from_numpy(lengths)
        before = torch.cat((torch.full_like(given[:, :1], SPECIAL.bos), given[:, :-1]), dim=1)
        mask = torch.arange(given.shape[1]) < sizes[:, None]
        with torch.inference_mode():
            return network(given, before, sizes, mask).logits.float().numpy()

    return outputs


def onnx_windows(path: Path) -> WindowNetwork:
    """An exported GRUPredictor: input ``contexts``."""
    session = _onnx_session(path)
    return lambda contexts: session.run(None, {"contexts": contexts})[0].astype(np.float32, copy=False)


def onnx_sessions(path: Path) -> SessionNetwork:
    """An exported GRUAutoencoder: inputs ``source`` and ``lengths``."""
    session = _onnx_session(path)

    def outputs(source: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
        return session.run(None, {"source": source, "lengths": lengths})[0].astype(np.float32, copy=False)

    return outputs


def _onnx_session(path: Path) -> Any:
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
