"""settings.json: what scoring needs beside an exported network, as plain values."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from torch import nn

from seqlab.evaluation.base import Contents
from seqlab.exporting.folder import FORMAT
from seqlab.tasks.graphs import Graph

TYPES = {torch.int64: "int64", torch.float32: "float32", torch.bool: "bool"}


def settings_of(contents: Contents, network: dict[str, Any], task: str) -> dict[str, Any]:
    """All plain values of a checkpoint that scoring reads.

    Keys:
        format: of this file, 1.
        task: the kind of model, such as NextEvent.
        network: ``format`` (onnx or torch), ``weights`` (a sum that tells networks apart), and ``files``: for
            each network file what ``described`` gives.
        vocabulary: ``tokens`` by id, ``counts`` of each in training (of ``<eos>``: training sessions); null
            where the data has another coder, which ``data`` then holds.
        data: the rest of the data's state: ``window_size`` and ``context``, or ``max_length``; scalers;
            ``parser``, what makes keys of raw lines, where the run had one.
        judge: what was fitted after training: thresholds, calibrations, count vectors, main_score, ...; null
            where the run ended before.
        sizes: of the data.
    """
    data = plain(contents.data)
    return {
        "format": FORMAT,
        "task": task,
        "network": network,
        "vocabulary": data.pop("vocabulary", None),
        "data": data,
        "judge": plain(contents.judge or None),
        "sizes": plain(contents.sizes),
    }


def described(graph: Graph, sha256: str, difference: float) -> dict[str, Any]:
    """Names, types and axes of a file's inputs and outputs; a named axis has any size."""
    example = graph.sample(1, 1, torch.Generator().manual_seed(0))
    return {
        "sha256": sha256,
        "inputs": _tensors(graph.inputs, example),
        "outputs": _tensors(graph.outputs, graph.reference(*example)),
        "largest_difference_from_torch": difference,
    }


def weights_sum(network: nn.Module) -> str:
    """SHA-256 of a network's weights, names and shapes included."""
    found = hashlib.sha256()
    for name, weight in sorted(network.state_dict().items()):
        found.update(f"{name} {weight.dtype} {tuple(weight.shape)}\n".encode())
        found.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _tensors(axes: dict[str, Any], tensors: tuple[torch.Tensor, ...]) -> dict[str, Any]:
    return {
        name: {"type": TYPES[tensor.dtype], "axes": list(sizes)}
        for (name, sizes), tensor in zip(axes.items(), tensors, strict=True)
    }


def plain(value: Any) -> Any:
    """Tensors and arrays as lists, tuples as lists, numpy's numbers as Python's; all else as it is."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, torch.Tensor | np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    return value
