"""Training in several processes: who writes, who judges, and the end of the group."""

from __future__ import annotations

import logging
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities import rank_zero_only
from torch import distributed

log = logging.getLogger(__name__)


def is_writer() -> bool:
    """Whether this process writes the run folder and speaks: the first, or the only one.

    Known before the group is set up: from the environment that Lightning, torchrun or SLURM gives.
    """
    return rank_zero_only.rank == 0  # type: ignore[attr-defined]


def tell(notice: str) -> None:
    """Say something on the terminal and in train.log, in the process that writes."""
    if is_writer():
        print(f"note: {notice}")
        log.info(notice)


def leave_group() -> bool:
    """End the group of processes after training: one goes on to judge and write.

    Returns:
        Whether this is the one.
    """
    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()
    return is_writer()


def silence() -> None:
    """Take away the log file that Hydra opened for a process that does not write."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, logging.FileHandler):
            root.removeHandler(handler)
            handler.close()
            Path(handler.baseFilename).unlink(missing_ok=True)


class OwnNoise(Callback):
    """Dropout and noise of each process are drawn from a generator of its own.

    Args:
        seed: of the run; the first process keeps the generators as they are.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.global_rank:
            pl.seed_everything(self.seed * 1_009 + trainer.global_rank, verbose=False)
