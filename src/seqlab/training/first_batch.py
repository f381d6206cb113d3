"""A network of another package is tried on one batch before training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from seqlab.contracts import full_name
from seqlab.data.module import SequenceDataModule
from seqlab.errors import UserError
from seqlab.tasks.base import SequenceTask


def try_network(task: SequenceTask, datamodule: SequenceDataModule) -> None:
    """Run a network on one training batch.

    Weights, generators and the order of batches stay as they were.

    Args:
        datamodule: set up.

    Raises:
        UserError: the network fails, or gives other shapes than its task expects.
    """
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
            contract = task.contract
            see = "" if contract is None else f"; see {contract.__name__} in seqlab/networks/contracts.py"
            raise UserError(
                f"{full_name(task.network)} fails on the first batch: {type(error).__name__}: {said}. "
                f"{type(task).__name__} gave it {shapes(batch)}{see}; "
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
