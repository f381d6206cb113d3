"""A graph as an ONNX or torch.export file, and the file run again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqlab.errors import UserError
from seqlab.tasks.graphs import Graph, Tensors

OPSET = 17  # onnxruntime has known it since 1.12
_PRIVATE = ("py_kernels", "_dispatch_cache")  # of torch's operations, 2.11 to 2.13
TRACED = (3, 5)  # batch and length of the inputs that torch follows


def check_packages() -> None:
    """Raise UserError where what ONNX needs is not installed."""
    for name in ("onnx", "onnxruntime"):
        try:
            import_module(name)
        except ImportError:
            raise UserError(
                f"--format onnx needs the package {name}: pip install 'seqlab[onnx]'; or --format torch"
            ) from None


def write_onnx(graph: Graph, path: Path) -> None:
    """Through torch's tracing exporter.

    Its successor, built on torch.export, unrolls recurrent layers over the example's length: a graph of it
    reads no other.
    """
    axes = graph.inputs | graph.outputs
    dynamic = {
        name: {place: axis for place, axis in enumerate(sizes) if isinstance(axis, str)}
        for name, sizes in axes.items()
    }
    with _quietly():
        torch.onnx.export(
            graph.module,
            _example(graph),
            str(path),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_axes=dynamic,
            opset_version=OPSET,
            dynamo=False,
        )
    import onnx

    onnx.checker.check_model(str(path))


def write_torch(graph: Graph, path: Path) -> None:
    """A program of torch.export, for torch.export.load."""
    axes = {axis for sizes in graph.inputs.values() for axis in sizes if isinstance(axis, str)}
    sizes = {axis: torch.export.Dim(axis) for axis in axes}
    shapes = tuple(
        {place: sizes[axis] for place, axis in enumerate(given) if isinstance(axis, str)}
        for given in graph.inputs.values()
    )
    with _quietly(), _any_length():
        program = torch.export.export(graph.module, _example(graph), dynamic_shapes={"inputs": shapes})
        torch.export.save(program, str(path))


@contextmanager
def _any_length() -> Iterator[None]:
    """Recurrent layers stay one operation each, of any length.

    torch.export asks an operation for the shapes of its outputs. torch's own answer for recurrent layers
    unrolls them over the steps of the example, and the program then reads no other length. The table of
    answers is private: where a version of torch has none, recurrent layers are refused and all else is
    exported.
    """

    def shapes(inputs: Tensor, state: Any, weights: Any, biases: bool, layers: int, *rest: Any) -> Tensors:
        _, _, is_bidirectional, _ = rest  # dropout, training, bidirectional, batch first
        states = state if isinstance(state, list | tuple) else (state,)
        width = states[0].shape[2] * (2 if is_bidirectional else 1)
        outputs = inputs.new_empty(inputs.shape[0], inputs.shape[1], width)
        return outputs, *(part.new_empty(part.shape) for part in states)

    aten = torch.ops.aten
    recurrent = (aten.gru.input, aten.lstm.input, aten.rnn_tanh.input)
    has_tables = all(hasattr(op, name) for op in recurrent for name in _PRIVATE)
    known = {op: dict(op.py_kernels) for op in recurrent} if has_tables else {}
    try:
        for op, kernels in known.items():
            op.py_kernels.update(dict.fromkeys(kernels, shapes))
            op._dispatch_cache.clear()
        yield
    finally:
        for op, kernels in known.items():
            op.py_kernels.update(kernels)
            op._dispatch_cache.clear()


def run_onnx(path: Path) -> Callable[..., Tensors]:
    """The file as a function, run by onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def run(*inputs: Tensor) -> Tensors:
        given = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
        return tuple(torch.from_numpy(output) for output in session.run(None, given))

    return run


def run_torch(path: Path) -> Callable[..., Tensors]:
    """The file as a function, read again by torch."""
    return torch.export.load(str(path)).module()


def _example(graph: Graph) -> Tensors:
    return graph.sample(*TRACED, torch.Generator().manual_seed(0))


@contextmanager
def _quietly() -> Iterator[None]:
    """Without torch's words on what these formats will be replaced by, and on shapes, which are checked.

    And without its fused transformer layers, which no format has; the plain ones give the same numbers.
    """
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
