"""A network of another package is tried on one batch before the first step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from seqlab.data.module import SequenceDataModule
from seqlab.errors import UserError
from seqlab.networks.contracts import name_of
from seqlab.tasks.base import SequenceTask
from seqlab.trust import package_of

OWN = package_of(__name__)


def try_network(task: SequenceTask, datamodule: SequenceDataModule) -> None:
    """Run a network, or a task, that is not seqlab's own on one training batch.

    Weights, generators and the order of batches stay as they were.

    Args:
        datamodule: set up.

    Raises:
        UserError: the network fails, or gives other shapes than its task expects.
    """
    if all(package_of(type(part).__module__) == OWN for part in (task, task.network)):
        return
    was_training = task.training
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        batch: Any = next(iter(datamodule.train_dataloader()))
        task.eval()
        try:
            task.try_network(batch, datamodule.sizes)
        except UserError:
            raise
        except Exception as error:  # of code that is not ours
            said = " ".join(str(error).split())
            raise UserError(
                f"{name_of(task.network)} fails on the first batch: {type(error).__name__}: {said}. "
                f"{type(task).__name__} gave it {shapes(batch)}{_contract(task)}; "
                "HYDRA_FULL_ERROR=1 shows where"
            ) from error
        finally:
            task.train(was_training)


def shapes(batch: Iterable[Any]) -> str:
    """``a TextBatch: inputs (32, 64), targets (32, 64), ...``"""
    fields = getattr(batch, "_fields", None) or [str(place) for place, _ in enumerate(batch)]
    found = [
        f"{name} {tuple(part.shape)}"
        for name, part in zip(fields, batch, strict=True)
        if isinstance(part, Tensor)
    ]
    return f"parts of a {type(batch).__name__}: {', '.join(found)}"


def _contract(task: SequenceTask) -> str:
    return "" if task.contract is None else f"; see {task.contract.__name__} in seqlab/networks/contracts.py"
