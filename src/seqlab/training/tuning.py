"""What ``seqlab tune`` measures, and its page: the loss over learning rates, the speed over batch sizes.

Lightning's Tuner answers other questions: its ``lr_find`` takes the steepest slope of the loss (for
``model=lstm`` a rate of 8e-6, where 0.003 trains well), its ``scale_batch_size`` what memory holds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities.memory import garbage_collection_cuda
from torch.optim.lr_scheduler import LambdaLR

from seqlab.data.module import SequenceDataModule
from seqlab.errors import UserError, memory_error
from seqlab.report.charts import line_chart
from seqlab.report.page import Section
from seqlab.report.tables import metrics_table
from seqlab.training.build import build_task
from seqlab.training.trainer import build_trainer

Floats = NDArray[np.float64]
LOWEST, HIGHEST = 1e-6, 10.0  # learning rates
SMOOTHING = 0.9  # of the running mean of losses
DIVERGED = 4.0  # times the lowest smoothed loss: the test ends
FIRST = 10  # losses before which nothing is judged
SMALLEST = 16  # batch size
FEWEST_STEPS = 10  # an epoch of fewer leaves the optimizer too little to do
WARM_UP = 2  # batches before the clock starts
FEWEST_BATCHES = 5  # that are timed
NEAR_BEST = 0.9  # a size this near the highest speed is fast enough: smaller ones take more steps


def short_training() -> list[str]:
    """Overrides of a training that only measures: no validation, no file, no mode of debugging."""
    off = ("enable_progress_bar", "enable_checkpointing", "fast", "fast_dev_run")
    return [
        *(f"trainer.{name}=false" for name in off),
        *(f"trainer.{name}=null" for name in ("overfit", "min_epochs", "min_steps", "max_time", "profiler")),
        "trainer.max_epochs=-1",
        "trainer.max_steps=1000000",  # no end in sight, but schedules want to be told one
        "trainer.limit_val_batches=0",
        "trainer.accumulate_grad_batches=1",
    ]


def rate_overrides(num_steps: int) -> list[str]:
    """Overrides of a rate test: its ramp multiplies a rate of 1."""
    return [*short_training(), "optimizer.lr=1.0", f"trainer.max_steps={num_steps}"]


@dataclass(frozen=True)
class RateTest:
    """N steps, each at a higher rate than the one before."""

    rates: Floats  # (N,)
    losses: Floats  # (N,) of the step's batch

    @property
    def smoothed(self) -> Floats:
        """(N,) exponentially weighted means, unbiased at the beginning (Kingma & Ba, 2015, section 3)."""
        return pd.Series(self.losses).ewm(alpha=1 - SMOOTHING).mean().to_numpy()

    @property
    def suggestion(self) -> float:
        """A tenth of the rate at which the smoothed loss is lowest: still falling there, not yet unstable."""
        lowest = FIRST + int(np.argmin(self.smoothed[FIRST:]))
        return float(self.rates[lowest]) / 10

    def section(self) -> Section:
        """Loss of each step and its running mean over log10 of the rate."""
        exponents = np.log10(self.rates)
        lines = {"smoothed loss": (exponents, self.smoothed), "loss": (exponents, self.losses)}
        note = f"Suggested rate: {self.suggestion:.2g}."
        chart = line_chart(lines, "log10 of the learning rate", "loss", note=note)
        return Section(
            "Learning rate",
            chart,
            "The rate grows with each step. Suggested is a tenth of the rate at which the smoothed loss is "
            "lowest: the loss still falls there, and training is not yet unstable.",
        )


class _Losses(Callback):
    """Keeps the loss of every batch; stops once training diverges."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = float(outputs["loss"])
        if not math.isfinite(loss):
            trainer.should_stop = True
            return
        self.losses.append(loss)
        late = RateTest(np.empty(0), np.array(self.losses)).smoothed[FIRST:]
        trainer.should_stop = bool(len(late)) and late[-1] > DIVERGED * late.min()


def run_rate_test(
    config: DictConfig, datamodule: SequenceDataModule, num_steps: int, folder: Path
) -> RateTest:
    """The range test of Smith, "Cyclical Learning Rates", WACV 2017, section 3.3, with an exponential ramp.

    Args:
        config: composed under ``rate_overrides``.
        datamodule: set up; only its training split is read.
        num_steps: at least 30.

    Raises:
        UserError: too few steps, or a loss that diverges at once.
    """
    if num_steps < 3 * FIRST:
        raise UserError(f"--steps {num_steps}: give at least {3 * FIRST}")
    rates = np.geomspace(LOWEST, HIGHEST, num_steps)
    task = build_task(config, datamodule.sizes)
    task.scheduler_factory = lambda optimizer: LambdaLR(
        optimizer, lambda step: float(rates[min(step, num_steps - 1)])
    )
    kept = _Losses()
    build_trainer(config.trainer, [kept], [], folder).fit(task, datamodule=datamodule)
    number = len(kept.losses)
    if number <= FIRST:
        raise UserError(
            f"the loss diverges after {number} steps, at a rate of {rates[number]:.1g} or less: look at the "
            "data and the loss first"
        )
    return RateTest(rates[:number], np.asarray(kept.losses))


class BatchRow(NamedTuple):
    """What one batch size came to."""

    size: int
    steps_per_epoch: int
    units_per_second: float


class _Clock(Callback):
    """Units a second over the batches after the first few; stops after ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.limit = seconds
        self.units: Any = 0.0
        self.seconds = 0.0
        self._start = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step <= WARM_UP:
            self._start = _now(pl_module)
            return
        self.units += batch.num_units
        if trainer.global_step >= WARM_UP + FEWEST_BATCHES and time.perf_counter() - self._start > self.limit:
            self.seconds = _now(pl_module) - self._start
            trainer.should_stop = True


def _now(module: pl.LightningModule) -> float:
    """The time when the GPU has done what it was asked for."""
    if module.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


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
            speed = _speed(config, datamodule, seconds, folder)
            if speed is None:
                return
            useless = useless + 1 if speed < 1.05 * best else 0
            best = max(best, speed)
            yield BatchRow(size, steps, speed)
            size *= 2
    finally:
        setattr(datamodule, name, own)


def size_name(datamodule: SequenceDataModule) -> str:
    """What its data config calls the batch size: a text read as streams has one stream per row of a batch."""
    name = "num_streams" if getattr(datamodule, "mode", None) == "streams" else "batch_size"
    if not hasattr(datamodule, name):
        raise UserError(f"{type(datamodule).__name__} has no {name}: there is no batch size to find")
    return name


def _speed(config: DictConfig, datamodule: SequenceDataModule, seconds: float, folder: Path) -> float | None:
    """Units a second; None where the memory is not enough."""
    clock = _Clock(seconds)
    task = build_task(config, datamodule.sizes)
    try:
        build_trainer(config.trainer, [clock], [], folder).fit(task, datamodule=datamodule)
    except (RuntimeError, MemoryError) as error:
        if memory_error(error) is None:
            raise
        garbage_collection_cuda()
        return None
    return float(clock.units) / clock.seconds


def suggested_size(rows: Sequence[BatchRow]) -> int:
    """The smallest size that comes within NEAR_BEST of the highest speed."""
    best = max(row.units_per_second for row in rows)
    return next(row.size for row in rows if row.units_per_second >= NEAR_BEST * best)


def size_section(rows: Sequence[BatchRow], unit: str, suggested: int) -> Section:
    """One row per batch size."""
    table = metrics_table(
        ["steps an epoch", f"{unit} per second"],
        [(f"{row.size}", [row.steps_per_epoch, row.units_per_second]) for row in rows],
        emphasis=str(suggested),
        row_title="batch size",
    )
    return Section(
        "Batch size",
        table,
        "Suggested is the smallest size within 10 % of the highest speed. A larger batch means fewer steps "
        "in as many epochs, and often wants a higher rate.",
    )
