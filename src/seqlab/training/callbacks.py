"""The callbacks around fit: history, timing, checkpoints, early stopping, and the user's own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from seqlab.evaluation.base import Contents
from seqlab.training.build import check_config
from seqlab.training.checkpoints import SaveContents
from seqlab.training.nonfinite import NonFiniteStop
from seqlab.training.resume.last_checkpoint import LastCheckpoint


@dataclass(frozen=True)
class Callbacks:
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
        NonFiniteStop(checkpoints if writes_checkpoints else None, metric),  # before any that reads figures
        history,
        stopwatch,
        OwnNoise(config.seed),
        SaveContents(contents),
    ]
    if writes_checkpoints:
        every = config.callbacks.checkpoint
        found += [
            ModelCheckpoint(
                checkpoints, "best", metric, mode=mode, save_top_k=1, enable_version_counter=False
            ),
            LastCheckpoint(checkpoints, every.every_steps, every.every_minutes),
        ]
    stopping = config.callbacks.early_stopping
    if config.trainer.overfit is not None:
        found.append(SameBatches())
    elif stopping is not None and stopping.patience is not None:
        found.append(
            EarlyStopping(metric, mode=mode, patience=stopping.patience, min_delta=stopping.min_delta)
        )
    for name, node in (config.callbacks.extra or {}).items():
        check_config(node, f"callbacks.extra.{name}")
        found.append(instantiate(OmegaConf.to_container(node, resolve=True)))
    return Callbacks(found, history, stopwatch)


class History(Callback):
    """Epoch figures for the report: {metric: ([epoch, ...], [value, ...])}; epochs count from 1."""

    def __init__(self) -> None:
        self.series: dict[str, tuple[list[float], list[float]]] = {}

    def state_dict(self) -> dict[str, Any]:
        return {"series": self.series}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.series = {
            name: (list(epochs), list(values)) for name, (epochs, values) in state["series"].items()
        }

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        found = trainer.callback_metrics
        self._keep(trainer, {name: float(found[name]) for name in found if name.startswith("val/")})

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # The task's own epoch-end hook runs after the callbacks', so the training loss is read here directly.
        figures = {"train/loss": float(pl_module.train_loss.compute())}  # type: ignore[operator, union-attr]
        figures["learning_rate"] = trainer.optimizers[0].param_groups[0]["lr"]
        self._keep(trainer, figures)

    def _keep(self, trainer: pl.Trainer, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            epochs, values = self.series.setdefault(name, ([], []))
            epochs.append(float(trainer.current_epoch + 1))
            values.append(value)


class Stopwatch(Callback):
    """Seconds in fit and test, and units (windows, tokens) a second over the training batches alone.

    Repeated windows count as often as they occur: the figure compares with loops that compute each.
    """

    def __init__(self) -> None:
        self.fit_seconds = self.test_seconds = self.train_seconds = 0.0
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

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._fit_start = time.perf_counter()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.fit_seconds += time.perf_counter() - self._fit_start

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._train_start = time.perf_counter()  # an epoch that is resumed has no other beginning

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._train_start = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.units += batch.num_units
        if trainer.is_last_batch and self._train_start is not None:
            self.train_seconds += time.perf_counter() - self._train_start
            self._train_start = None

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.world_size > 1:
            own = torch.tensor(float(self.units), device=pl_module.device)
            self.units = trainer.strategy.reduce(own, reduce_op="sum")

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
            "timing/fit_seconds": self.fit_seconds,
            "timing/test_seconds": self.test_seconds,
            f"timing/train_{unit}_per_second": rate,
        }


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


class SameBatches(Callback):
    """Every epoch draws the batches of the first: samplers order by epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.train_dataloader.sampler.set_epoch(0)  # type: ignore[union-attr]
