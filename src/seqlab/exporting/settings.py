"""settings.json: what scoring needs beside an exported network, as plain values."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from seqlab.errors import UserError
from seqlab.evaluation.base import Contents
from seqlab.exporting.names import NETWORKS, SETTINGS
from seqlab.exporting.sums import file_sum
from seqlab.tasks.graphs import Graph

FORMAT = 1
BATCH_DTYPES = {torch.int64: "int64", torch.float32: "float32"}


def settings_of(
    graph: Graph, contents: Contents, formats: dict[str, dict[str, Any]], task: str, weights: str
) -> dict[str, Any]:
    """All plain values of a checkpoint that scoring reads.

    Keys:
        format: of this file, 1.
        task: the kind of model, such as NextEvent.
        network: the file beside this one, its inputs and outputs, types and axes; a named axis has any size;
            ``weights``, a sum that tells networks apart; ``formats``, for each format that the folder has
            ``file``, its ``sha256`` and ``largest_difference_from_torch``. ``file`` and
            ``largest_difference_from_torch`` beside ``formats`` are those of ONNX where it is there.
        vocabulary: ``tokens`` by id, ``counts`` of each in training (of ``<eos>``: training sessions); null
            where the data has another coder, which ``data`` then holds.
        data: the rest of the data's state: ``window_size`` and ``context``, or ``max_length``; scalers;
            ``parser``, what makes keys of raw lines, where the run had one.
        judge: what was fitted after training: thresholds, calibrations, count vectors, main_score, ...; null
            where the run ended before.
        sizes: of the data.
    """
    data = plain(contents.data)
    example = graph.sample(1, 1, torch.Generator().manual_seed(0))
    outputs = graph.reference(*example)
    first = formats[next(kind for kind in NETWORKS if kind in formats)]
    return {
        "format": FORMAT,
        "task": task,
        "network": {
            "file": first["file"],
            "inputs": _described(graph.inputs, example),
            "outputs": _described(graph.outputs, outputs),
            "largest_difference_from_torch": first["largest_difference_from_torch"],
            "weights": weights,
            "formats": formats,
        },
        "vocabulary": data.pop("vocabulary", None),
        "data": data,
        "judge": plain(contents.judge or None),
        "sizes": plain(contents.sizes),
    }


def weights_sum(network: nn.Module) -> str:
    """SHA-256 of a network's weights, names and shapes included."""
    found = hashlib.sha256()
    for name, weight in sorted(network.state_dict().items()):
        found.update(f"{name} {weight.dtype} {tuple(weight.shape)}\n".encode())
        found.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def other_formats(folder: Path, kind: str, weights: str) -> dict[str, dict[str, Any]]:
    """What ``formats`` of a folder says of files in other formats than ``kind``, which stay there.

    Raises:
        UserError: such a file is of another network, or of one that nobody knows: one settings.json would
            serve neither.
    """
    kept = {}
    for other, name in NETWORKS.items():
        if other == kind or not (folder / name).exists():
            continue
        entry = _entry_of(folder, other, weights)
        if entry is None:
            raise UserError(
                f"{folder}: its {name} is not known to be of the same network, and {SETTINGS} can serve one "
                f"network only: give another --output DIR, or remove {name} there"
            )
        kept[other] = entry
    return kept


def _entry_of(folder: Path, kind: str, weights: str) -> dict[str, Any] | None:
    try:
        network = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))["network"]
        entry = network["formats"][kind]
        known = network["weights"] == weights and entry["file"] == NETWORKS[kind]
        is_same = known and entry["sha256"] == file_sum(folder / NETWORKS[kind])
    except (OSError, ValueError, KeyError, TypeError):  # no settings, or those of another program
        return None
    return entry if is_same else None


def _described(axes: dict[str, Any], tensors: tuple[torch.Tensor, ...]) -> dict[str, Any]:
    return {
        name: {"type": BATCH_DTYPES[tensor.dtype], "axes": list(sizes)}
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
