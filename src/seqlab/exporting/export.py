"""From a checkpoint to a folder with a network file that was checked, and its settings."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqlab.contracts import full_name
from seqlab.data.parsed_sessions import refuse_features
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents
from seqlab.exporting.folder import SETTINGS, SUFFIXES, file_sum
from seqlab.exporting.formats import check_packages, run_onnx, run_torch, write_onnx, write_torch
from seqlab.exporting.settings import described, settings_of, weights_sum
from seqlab.tasks.base import SequenceTask
from seqlab.tasks.graphs import Graph, Tensors

TOLERANCE = 1e-5


@dataclass(frozen=True)
class Exported:
    """What was written."""

    networks: list[Path]
    settings: Path
    largest_difference: float  # of any output from torch's own
    num_values: int  # outputs compared
    shapes: list[tuple[int, int]]  # batch and length of the inputs compared


def export(task: SequenceTask, contents: Contents, kind: str, folder: Path) -> Exported:
    """Write the network files and ``settings.json``, once each file was run and equals torch.

    Args:
        task, contents: as ``load_task`` gives them.
        kind: ``onnx`` or ``torch``.
        folder: made where it is missing; files of the same names are replaced.

    Raises:
        UserError: a network that is not exported, a package that is missing, an output that differs from
            torch's, a folder that cannot be written or holds an export in the other format.
    """
    refuse_features("this model", contents.data, "an exported network")
    graphs = task.graphs(contents.sizes, contents.data)
    if kind == "onnx":
        check_packages()
    _refuse_others(folder, kind)
    files: dict[str, Any] = {}
    largest, num_values = 0.0, 0
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".exporting-", dir=folder.parent) as temporary:
            for name, graph in graphs.items():
                written = Path(temporary) / f"{name}{SUFFIXES[kind]}"
                difference, count, shapes = _write(kind, graph, written, full_name(task.network))
                files[written.name] = described(graph, file_sum(written), difference)
                largest, num_values = max(largest, difference), num_values + count
            network = {"format": kind, "weights": weights_sum(task.network), "files": files}
            text = json.dumps(
                settings_of(contents, network, type(task).__name__), indent=1, ensure_ascii=False
            )
            (Path(temporary) / SETTINGS).write_text(text + "\n", encoding="utf-8")
            folder.mkdir(exist_ok=True)
            for file in (*files, SETTINGS):
                shutil.move(str(Path(temporary) / file), str(folder / file))
    except OSError as error:
        raise UserError(f"{error.filename or folder}: cannot be written: {error.strerror or error}") from None
    return Exported([folder / file for file in files], folder / SETTINGS, largest, num_values, shapes)


def _refuse_others(folder: Path, kind: str) -> None:
    """One settings.json tells of one export."""
    for other, suffix in SUFFIXES.items():
        found = [path.name for path in folder.glob(f"*{suffix}")] if other != kind else []
        if found:
            raise UserError(f"{folder}: it holds {found[0]} of another export; give another --output DIR")


def _write(kind: str, graph: Graph, path: Path, network: str) -> tuple[float, int, list[tuple[int, int]]]:
    """Write a graph, run what was written, and compare: see ``compared``."""
    write, run = _FORMATS[kind]
    graph.module.eval()
    try:
        write(graph, path)
    except (OSError, UserError):
        raise
    except Exception as error:  # torch's tracer and exporter have many
        said = str(error).strip().split("\n", maxsplit=1)[0]
        raise UserError(
            f"{network} cannot be exported: torch cannot trace it ({type(error).__name__}: {said}); give it "
            "a method traceable() that gives a module with the same numbers in plain operations"
        ) from error
    return compared(graph, run(path))


@torch.no_grad()
def compared(graph: Graph, run: Callable[..., Tensors]) -> tuple[float, int, list[tuple[int, int]]]:
    """Compare a file's outputs with the task's own, on batches and lengths that the tracer has not seen.

    Returns:
        The largest difference, the number of outputs compared, and the (batch, length) of each comparison.

    Raises:
        UserError: an output that differs by more than TOLERANCE, relative where it exceeds 1: float32 has
            seven digits, whatever their size.
    """
    generator = torch.Generator().manual_seed(1)
    shapes = [(1, 1), (1, graph.length), (64, graph.length), (5, 3 * graph.length + 1)]
    largest, worst, num_values = 0.0, 0.0, 0
    for batch, length in shapes:
        inputs = graph.sample(batch, length, generator)
        expected = graph.reference(*inputs)
        try:
            found = run(*inputs)
        except Exception as error:  # onnxruntime's have no base class of their own
            raise UserError(
                f"the exported file fails on a batch of {batch} and a length of {length}: torch's tracer "
                "fixed a size of its example, as it does for nn.MultiheadAttention; nothing was kept. Give "
                "the network a method traceable() that gives a module with its numbers in plain operations"
            ) from error
        for given, wanted in zip(found, expected, strict=True):
            if given.shape != wanted.shape:
                raise UserError(
                    f"the exported file gives {tuple(given.shape)} instead of {tuple(wanted.shape)}"
                )
            if not given.numel():  # a state that nothing stands in yet
                continue
            left, right = _real(graph, inputs, given).float(), _real(graph, inputs, wanted).float()
            difference = (left - right).abs().nan_to_num(nan=math.inf)  # max() would pass a NaN over
            largest = max(largest, float(difference.max()))
            worst = max(worst, float((difference / right.abs().clamp(min=1)).max()))
            num_values += difference.numel()
    if worst > TOLERANCE:
        raise UserError(
            f"the exported file differs from torch by {largest:.3g}, more than {TOLERANCE:g}; "
            "nothing was kept"
        )
    return largest, num_values, shapes


def _real(graph: Graph, inputs: Tensors, output: Tensor) -> Tensor:
    return output if graph.is_real is None else output[graph.is_real(*inputs)]


_FORMATS: dict[str, tuple[Callable[[Graph, Path], None], Callable[[Path], Callable[..., Tensors]]]] = {
    "onnx": (write_onnx, run_onnx),
    "torch": (write_torch, run_torch),
}
