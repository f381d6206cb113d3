"""Which learning rate to begin with: a short training whose rate grows from far too low to far too high."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback
from torch.optim.lr_scheduler import LambdaLR

from seqlab.data.module import SequenceDataModule
from seqlab.errors import UserError
from seqlab.training.build import build_task
from seqlab.training.trainer import build_trainer

LOWEST, HIGHEST = 1e-6, 10.0
SMOOTHING = 0.9  # of the running mean of losses
DIVERGED = 4.0  # times the lowest smoothed loss: the test ends
FIRST = 10  # losses before which nothing is judged


class _RunningMean:
    """Exponentially weighted, unbiased at the beginning (Kingma & Ba, "Adam", 2015, section 3)."""

    def __init__(self) -> None:
        self._sum, self._number = 0.0, 0

    def after(self, value: float) -> float:
        """The mean once this value is in it."""
        self._number += 1
        self._sum = SMOOTHING * self._sum + (1 - SMOOTHING) * value
        return self._sum / (1 - SMOOTHING**self._number)


@dataclass(frozen=True)
class RateTest:
    """N steps, each at a higher rate than the one before."""

    rates: NDArray[np.float64]  # (N,)
    losses: NDArray[np.float64]  # (N,) of the step's batch

    @property
    def smoothed(self) -> NDArray[np.float64]:
        """(N,) running means of the losses, unbiased at the beginning."""
        mean = _RunningMean()
        return np.asarray([mean.after(float(loss)) for loss in self.losses])

    @property
    def suggestion(self) -> float:
        """A tenth of the rate at which the smoothed loss is lowest: still falling there, not yet unstable."""
        smoothed = self.smoothed
        lowest = FIRST + int(np.argmin(smoothed[FIRST:]))
        return float(self.rates[lowest]) / 10


def rate_ramp(num_steps: int) -> NDArray[np.float64]:
    """(N,) rates from LOWEST to HIGHEST, each the same multiple of the one before."""
    return np.geomspace(LOWEST, HIGHEST, num_steps)


class _Losses(Callback):
    """Keeps the loss of every batch; stops once training diverges."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self._mean, self._best = _RunningMean(), math.inf

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = float(outputs["loss"])
        if not math.isfinite(loss):
            trainer.should_stop = True
            return
        self.losses.append(loss)
        smoothed = self._mean.after(loss)
        if len(self.losses) > FIRST:
            self._best = min(self._best, smoothed)
            trainer.should_stop = smoothed > DIVERGED * self._best


def rate_overrides(num_steps: int) -> list[str]:
    """What the config of a rate test says, whatever else it says: the ramp multiplies a rate of 1."""
    return [*short_training(), "optimizer.lr=1.0", f"trainer.max_steps={num_steps}"]


def short_training() -> list[str]:
    """Overrides of a training that only measures: no validation, no file, no mode of debugging."""
    off = ("enable_progress_bar", "enable_checkpointing", "fast", "fast_dev_run", "profile")
    return [
        *(f"trainer.{name}=false" for name in off),
        *(f"trainer.{name}=null" for name in ("overfit", "min_epochs", "min_steps", "max_time", "profiler")),
        "trainer.max_epochs=-1",
        "trainer.max_steps=1000000",  # no end in sight, but schedules want to be told one
        "trainer.limit_val_batches=0",
        "trainer.accumulate_grad_batches=1",
    ]


def run_rate_test(
    config: DictConfig, datamodule: SequenceDataModule, num_steps: int, folder: Path
) -> RateTest:
    """The range test of Smith, "Cyclical Learning Rates", WACV 2017, section 3.3, with an exponential ramp.

    Lightning's own finder smooths over about 50 steps, a third of the ramp, and takes the slope over the rate
    itself, where the noise of the smallest rates is steepest.

    Args:
        config: composed under ``rate_overrides``.
        datamodule: set up; only its training split is read.
        num_steps: at least 30.

    Raises:
        UserError: too few steps, or a loss that diverges at once.
    """
    if num_steps < 3 * FIRST:
        raise UserError(f"--steps {num_steps}: give at least {3 * FIRST}")
    rates = rate_ramp(num_steps)
    task = build_task(config, datamodule.sizes)
    task.scheduler_factory = lambda optimizer: LambdaLR(optimizer, lambda step: _at(rates, step))
    losses = _Losses()
    build_trainer(config.trainer, [losses], [], folder).fit(task, datamodule=datamodule)
    found = losses.losses
    if len(found) <= FIRST:
        raise UserError(
            f"the loss diverges after {len(found)} steps, at a rate of {_at(rates, len(found)):.1g} or less: "
            "look at the data and the loss first"
        )
    return RateTest(rates[: len(found)], np.asarray(found))


def _at(rates: Sequence[float] | NDArray[np.float64], step: int) -> float:
    return float(rates[min(step, len(rates) - 1)])
