"""Short runs that look for mistakes: the same few batches over and over, or one batch of everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from seqlab.errors import UserError


def debug_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """What ``trainer.overfit`` and ``trainer.fast`` mean as arguments of Lightning's Trainer.

    Lightning's own ``overfit_batches`` would replace our samplers, which give whole batches, by one that
    gives single items; its ``fast_dev_run`` would leave checkpoints and loggers untried.

    Raises:
        UserError: a value out of range, or two modes at once.
    """
    overfit, fast = config["overfit"], config["fast"]
    if config["overfit_batches"]:
        raise UserError(
            f"trainer.overfit_batches={config['overfit_batches']}: type trainer.overfit=N, which repeats the "
            "first N batches of training"
        )
    if overfit is not None and (isinstance(overfit, bool) or not isinstance(overfit, int) or overfit < 1):
        raise UserError(f"trainer.overfit={overfit}: give a number of batches, at least 1, or null")
    if not isinstance(fast, bool):
        raise UserError(f"trainer.fast={fast}: give true or false")
    if overfit is not None and fast:
        raise UserError(f"trainer.overfit={overfit} and trainer.fast=true exclude each other: choose one")
    if overfit is not None:
        return {"limit_train_batches": overfit, "limit_val_batches": overfit, "val_check_interval": None}
    if fast:
        one = dict.fromkeys(("limit_train_batches", "limit_val_batches", "limit_test_batches"), 1)
        every = {"check_val_every_n_epoch": 1, "val_check_interval": None, "log_every_n_steps": 1}
        return one | every | {"max_epochs": 1, "min_epochs": None, "max_steps": -1, "min_steps": None}
    return {}


def debug_notices(config: Mapping[str, Any]) -> list[str]:
    """What a reader of a debugging run's figures must know."""
    if config["fast"]:
        return ["Debugging run, trainer.fast=true: trained on one batch. Its figures say nothing."]
    if config["overfit"] is not None:
        number = config["overfit"]
        batches = f"the same {number} batches" if number > 1 else "the same batch"
        return [
            f"Debugging run, trainer.overfit={number}: trained on {batches} over and over. Its figures say "
            "nothing; its training loss should come near 0."
        ]
    return []


class SameBatches(Callback):
    """Every epoch draws the batches of the first: samplers order by epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.train_dataloader.sampler.set_epoch(0)  # type: ignore[union-attr]
