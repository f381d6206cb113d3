"""settings.json: what scoring needs beside an exported network, as plain values."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from seqlab.exporting.graphs import Graph

FORMAT = 1
BATCH_DTYPES = {torch.int64: "int64", torch.float32: "float32"}


def settings_of(graph: Graph, baggage: dict[str, Any], file: str, task: str) -> dict[str, Any]:
    """All plain values of a checkpoint that scoring reads.

    Keys:
        format: of this file, 1.
        task: the kind of model, such as NextEvent.
        network: the file beside this one, its inputs and outputs, types and axes; a named axis has any size.
        vocabulary: ``tokens`` by id, ``counts`` of each in training (of ``<eos>``: training sessions); null
            where the data has another coder, which ``data`` then holds.
        data: the rest of the data's state: ``window_size`` and ``context``, or ``max_length``; scalers;
            ``parser``, what makes keys of raw lines, where the run had one.
        judge: what was fitted after training: thresholds, calibrations, count vectors, main_score, ...; null
            where the run ended before.
        sizes: of the data.
    """
    data = plain(baggage["data"])
    example = graph.sample(1, 1, torch.Generator().manual_seed(0))
    outputs = graph.reference(*example)
    return {
        "format": FORMAT,
        "task": task,
        "network": {
            "file": file,
            "inputs": _described(graph.inputs, example),
            "outputs": _described(graph.outputs, outputs),
        },
        "vocabulary": data.pop("vocabulary", None),
        "data": data,
        "judge": plain(baggage.get("judge") or None),
        "sizes": plain(baggage["sizes"]),
    }


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
