"""The callbacks around fit: history, timing, checkpoints, early stopping, NaN, and the user's own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from seqlab import progress
from seqlab.evaluation.base import Contents
from seqlab.training.build import check_config
from seqlab.training.checkpoints import SaveContents
from seqlab.training.nonfinite import NonFiniteStop, rate_of
from seqlab.training.resume.last_checkpoint import LastCheckpoint

Task = pl.LightningModule


class Callbacks(NamedTuple):
    """All callbacks of a run, and the two whose records are read afterwards."""

    all: list[Callback]
    history: History
    stopwatch: Stopwatch


def build_callbacks(config: DictConfig, checkpoints: Path, contents: Contents) -> Callbacks:
    """Callbacks of the config's ``callbacks`` group; they read the one monitored metric of the model.

    Args:
        checkpoints: their folder.
        contents: what every checkpoint holds.

    Raises:
        UserError: a callback of ``callbacks.extra`` that cannot be built.
    """
    metric, mode = config.monitor.metric, config.monitor.mode
    history, stopwatch = History(), Stopwatch()
    writes_checkpoints = config.trainer.enable_checkpointing and not config.trainer.fast_dev_run
    found: list[Callback] = [
        NonFiniteStop(checkpoints if writes_checkpoints else None, metric, history),  # before all readers
        history,
        stopwatch,
        OwnNoise(config.seed),
        SaveContents(contents),
    ]
    if writes_checkpoints:
        every = config.callbacks.checkpoint
        best = ModelCheckpoint(checkpoints, "best", metric, mode=mode, enable_version_counter=False)
        found += [best, LastCheckpoint(checkpoints, every.every_steps, every.every_minutes)]
    stopping = config.callbacks.early_stopping
    if config.trainer.overfit is not None:
        found.append(SameBatches())
    elif stopping is not None and stopping.patience is not None:
        found.append(EarlyStopping(metric, stopping.min_delta, stopping.patience, mode=mode))
    for name, node in (config.callbacks.extra or {}).items():
        check_config(node, f"callbacks.extra.{name}")
        found.append(instantiate(OmegaConf.to_container(node, resolve=True)))
    return Callbacks(found, history, stopwatch)


MOST_STEPS = 1000  # that are kept


class History(Callback):
    """Figures for the report: {metric: ([epoch, ...], [value, ...])}; epochs count from 1.

    Those of ``step/`` are over optimizer steps, every n-th: n doubles whenever MOST_STEPS are kept.
    """

    def __init__(self) -> None:
        self.series: dict[str, tuple[list[float], list[float]]] = {}
        self._every, self._batches = 1, 0

    def state_dict(self) -> dict[str, Any]:
        return {"series": self.series, "every": self._every, "batches": self._batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.series = {name: (list(x), list(y)) for name, (x, y) in state["series"].items()}
        self._every, self._batches = state["every"], state["batches"]

    def keep_step(self, step: int, figures: dict[str, float]) -> None:
        """Figures of a training batch, by name without ``step/``."""
        number, self._batches = self._batches, self._batches + 1
        if number % self._every:
            return
        is_full = number == self._every * MOST_STEPS
        for name, value in figures.items():
            steps, values = self.series.setdefault(f"step/{name}", ([], []))
            steps.append(float(step))
            values.append(value)
            if is_full:
                del steps[1::2], values[1::2]
        if is_full:
            self._every *= 2

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Task) -> None:
        found = trainer.callback_metrics
        self._keep(trainer, {name: float(found[name]) for name in found if name.startswith("val/")})

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Task) -> None:
        # The task's own epoch-end hook runs after the callbacks', so the training loss is read here directly.
        figures = {"train/loss": float(pl_module.train_loss.compute())}  # type: ignore[operator, union-attr]
        self._keep(trainer, figures | {"learning_rate": rate_of(trainer)})

    def _keep(self, trainer: pl.Trainer, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            epochs, values = self.series.setdefault(name, ([], []))
            epochs.append(float(trainer.current_epoch + 1))
            values.append(value)


class Stopwatch(Callback):
    """Seconds of setup, fit, judging and its test; units (windows, tokens) a second of training alone.

    Repeated windows count as often as they occur: the figure compares with loops that compute each.
    """

    def __init__(self) -> None:
        self.fit_seconds = self.test_seconds = self.train_seconds = self.judge_seconds = 0.0
        self.setup_seconds = 0.0  # since the run began, libraries counted
        self.units: Any = 0.0  # a tensor on the training device: reading it there would wait for the device
        self._fit_start = 0.0
        self._train_start: float | None = None  # None between the last batch of an epoch and the next

    def state_dict(self) -> dict[str, float]:
        """Of the run so far: a resumed run counts on."""
        now = time.perf_counter()
        return {
            "fit_seconds": self.fit_seconds + now - self._fit_start,
            "train_seconds": self.train_seconds + now - (self._train_start or now),
            "units": float(self.units),
        }

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.fit_seconds, self.train_seconds = state["fit_seconds"], state["train_seconds"]
        self.units = state["units"]

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        progress.clear()
        self.setup_seconds = progress.seconds_since()
        self._fit_start = time.perf_counter()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: Task) -> None:
        self.fit_seconds += time.perf_counter() - self._fit_start

    def on_train_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        self._train_start = time.perf_counter()  # an epoch that is resumed has no other beginning

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        self._train_start = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Task, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.units += batch.num_units
        if trainer.is_last_batch and self._train_start is not None:
            self.train_seconds += time.perf_counter() - self._train_start
            self._train_start = None

    def on_train_end(self, trainer: pl.Trainer, pl_module: Task) -> None:
        if trainer.world_size > 1:
            own = torch.tensor(float(self.units), device=pl_module.device)
            self.units = trainer.strategy.reduce(own, reduce_op="sum")

    @contextmanager
    def judging(self) -> Iterator[None]:
        """Around all that follows training up to the figures."""
        start = time.perf_counter()
        progress.show("judging")
        yield
        self.judge_seconds += time.perf_counter() - start

    @contextmanager
    def testing(self) -> Iterator[None]:
        """Around the judging of the test split, whose results lie on the CPU when it ends."""
        start = time.perf_counter()
        yield
        self.test_seconds += time.perf_counter() - start

    def metrics(self, unit: str) -> dict[str, float]:
        """``timing/...`` keys of metrics.json; call it after fit and test."""
        rate = float(self.units) / self.train_seconds if self.train_seconds else 0.0
        return {
            "timing/setup_seconds": self.setup_seconds,
            "timing/fit_seconds": self.fit_seconds,
            "timing/judge_seconds": self.judge_seconds,
            "timing/test_seconds": self.test_seconds,
            f"timing/train_{unit}_per_second": rate,
        }


class OwnNoise(Callback):
    """Each process draws dropout and noise from its own generator; the first keeps the run's ``seed``."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        if trainer.global_rank:
            pl.seed_everything(self.seed * 1_009 + trainer.global_rank, verbose=False)


class SameBatches(Callback):
    """Every epoch draws the batches of the first: samplers order by epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        trainer.train_dataloader.sampler.set_epoch(0)  # type: ignore[union-attr]
