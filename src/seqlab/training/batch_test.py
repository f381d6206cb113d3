"""Which batch size trains fastest: short trainings at doubling sizes, timed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities.memory import garbage_collection_cuda

from seqlab.data.module import SequenceDataModule
from seqlab.errors import UserError, memory_error
from seqlab.training.build import build_task
from seqlab.training.trainer import build_trainer

SMALLEST = 16
FEWEST_STEPS = 10  # an epoch of fewer leaves the optimizer too little to do
WARM_UP = 2  # batches before the clock starts
FEWEST_BATCHES = 5  # that are timed
NEAR_BEST = 0.9  # a size this near the highest rate is fast enough: smaller ones take more steps


class BatchRow(NamedTuple):
    """What one batch size came to."""

    size: int
    steps_per_epoch: int
    units_per_second: float
    megabytes: float | None  # highest use of GPU memory; None on the CPU


class _Clock(Callback):
    """Units a second over the batches after the first few; stops after ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.limit = seconds
        self.units: Any = 0.0
        self.seconds = 0.0
        self._timed = 0
        self._start = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step <= WARM_UP:
            _wait(pl_module)
            self._start = time.perf_counter()
            return
        self.units += batch.num_units
        self._timed += 1
        if self._timed >= FEWEST_BATCHES and time.perf_counter() - self._start > self.limit:
            _wait(pl_module)
            self.seconds = time.perf_counter() - self._start
            trainer.should_stop = True


def _wait(module: pl.LightningModule) -> None:
    if module.device.type == "cuda":
        torch.cuda.synchronize()


def time_batch_sizes(
    config: DictConfig, datamodule: SequenceDataModule, seconds: float, folder: Path
) -> Iterator[BatchRow]:
    """Train at SMALLEST, twice that, ... items a batch, some seconds each; yields each row as it is measured.

    Ends where memory does, where an epoch would have fewer than FEWEST_STEPS steps, or where two doublings
    in a row brought nothing.

    Args:
        config: composed under ``short_training``.
        datamodule: set up; only its training split is read. Its batch size is changed, and put back.

    Raises:
        UserError: a DataModule without a batch size.
    """
    name = size_name(datamodule)
    own, size, best, useless = getattr(datamodule, name), SMALLEST, 0.0, 0
    try:
        while useless < 2:
            setattr(datamodule, name, size)
            steps = len(datamodule.train_dataloader())
            if steps < FEWEST_STEPS and size > SMALLEST:
                return
            row = _measure(config, datamodule, size, steps, seconds, folder)
            if row is None:
                return
            useless = useless + 1 if row.units_per_second < 1.05 * best else 0
            best = max(best, row.units_per_second)
            yield row
            size *= 2
    finally:
        setattr(datamodule, name, own)


def size_name(datamodule: SequenceDataModule) -> str:
    """What its data config calls the batch size: a text read as streams has one stream per row of a batch."""
    name = "num_streams" if getattr(datamodule, "mode", None) == "streams" else "batch_size"
    if not hasattr(datamodule, name):
        raise UserError(f"{type(datamodule).__name__} has no {name}: there is no batch size to find")
    return name


def _measure(
    config: DictConfig, datamodule: SequenceDataModule, size: int, steps: int, seconds: float, folder: Path
) -> BatchRow | None:
    """None where the memory is not enough."""
    clock = _Clock(seconds)
    task = build_task(config, datamodule.sizes)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    try:
        build_trainer(config.trainer, [clock], [], folder).fit(task, datamodule=datamodule)
    except (RuntimeError, MemoryError) as error:
        if memory_error(error) is None:
            raise
        garbage_collection_cuda()
        return None
    on_gpu = config.trainer.gpus != 0 and torch.cuda.is_available()
    memory = torch.cuda.max_memory_allocated() / 2**20 if on_gpu else None
    return BatchRow(size, steps, float(clock.units) / clock.seconds, memory)


def suggested_size(rows: Sequence[BatchRow]) -> int:
    """The smallest size that comes within NEAR_BEST of the highest rate."""
    best = max(row.units_per_second for row in rows)
    return next(row.size for row in rows if row.units_per_second >= NEAR_BEST * best)
