"""All that decides how training goes on and that Lightning's checkpoint leaves out."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import distributed

from seqlab.data.loaders import world_size
from seqlab.tasks.metrics import CountedMean


def random_states() -> dict[str, Any]:
    """The generators of Python, NumPy, torch and CUDA, as plain values."""
    version, words, gauss = random.getstate()
    numpy_state: Any = np.random.get_state(legacy=False)
    return {
        "python": [version, list(words), gauss],
        "numpy": {
            "key": torch.from_numpy(numpy_state["state"]["key"].astype(np.int64)),
            "pos": int(numpy_state["state"]["pos"]),
            "has_gauss": int(numpy_state["has_gauss"]),
            "gauss": float(numpy_state["gauss"]),
        },
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def restore_random_states(states: dict[str, Any]) -> None:
    """Set every generator as ``random_states`` found it."""
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    found = states["numpy"]
    np.random.set_state(
        {
            "bit_generator": "MT19937",
            "state": {"key": found["key"].numpy().astype(np.uint32), "pos": found["pos"]},
            "has_gauss": found["has_gauss"],
            "gauss": found["gauss"],
        }
    )
    torch.set_rng_state(states["torch"])
    if states["cuda"] and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])


def counted(module: pl.LightningModule) -> dict[str, list[float]]:
    """What the module's running means have counted of the epoch so far: {name: [total, count]}."""
    return {
        name: [float(metric.total), float(metric.count)]
        for name, metric in module.named_modules()
        if isinstance(metric, CountedMean)
    }


def restore_counted(module: pl.LightningModule, counts: dict[str, list[float]]) -> None:
    """Give the running means back what they had counted."""
    for name, metric in module.named_modules():
        if isinstance(metric, CountedMean) and name in counts:
            total, count = counts[name]
            metric.total.fill_(total)
            metric.count.fill_(count)
            metric._update_count = int(count > 0)  # or torchmetrics warns of a mean over nothing


def of_this_process(module: pl.LightningModule) -> dict[str, Any]:
    """Generators, counts and carried state of this process."""
    return {
        "random": random_states(),
        "counted": counted(module),
        "extra": module.get_extra_state() if _has_extra_state(module) else None,
    }


def of_every_process(module: pl.LightningModule) -> list[dict[str, Any]]:
    """``of_this_process`` of each, by rank: dropout and carried states differ between them."""
    own, processes = of_this_process(module), world_size()
    if processes == 1:
        return [own]
    found: list[Any] = [None] * processes
    distributed.all_gather_object(found, own)
    return found


def restore_process(module: pl.LightningModule, states: list[dict[str, Any]], rank: int) -> None:
    """Give this process its state back; one that did not exist then begins with its own."""
    if rank >= len(states):
        return
    restore_random_states(states[rank]["random"])
    restore_counted(module, states[rank]["counted"])
    if states[rank]["extra"] is not None and _has_extra_state(module):
        module.set_extra_state(states[rank]["extra"])


def _has_extra_state(module: pl.LightningModule) -> bool:
    return type(module).get_extra_state is not torch.nn.Module.get_extra_state
