"""A graph as an ONNX or TorchScript file, and the file run again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor

from seqlab.errors import UserError
from seqlab.tasks.graphs import Graph, Tensors

OPSET = 17  # onnxruntime has known it since 1.12
TRACED = (3, 5)  # batch and length of the inputs that the tracer follows


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
    """TorchScript: torch.export would fix the length, see ``write_onnx``."""
    with _quietly():
        traced = torch.jit.trace(
            graph.module, _example(graph), check_trace=False
        )  # its own check knows one shape
        torch.jit.save(traced, str(path))


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
    with _quietly():
        return torch.jit.load(str(path), map_location="cpu")


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
