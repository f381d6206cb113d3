"""How long training took and how much it got through."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback


class Stopwatch(Callback):
    """Seconds in fit and test, and units (windows, tokens) a second over the training batches alone.

    Repeated windows count as often as they occur: the figure compares with loops that compute each.
    """

    def __init__(self) -> None:
        self.fit_seconds = self.test_seconds = 0.0
        self.train_seconds = 0.0
        self.units: Any = 0.0  # a tensor on the training device: reading it there would wait for the device
        self._fit_start = self._train_start = 0.0
        self._is_training = False

    def state_dict(self) -> dict[str, float]:
        """Of the run so far: a resumed run counts on."""
        now = time.perf_counter()
        return {
            "fit_seconds": self.fit_seconds + now - self._fit_start,
            "train_seconds": self.train_seconds + (now - self._train_start if self._is_training else 0.0),
            "units": float(self.units),
        }

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.fit_seconds, self.train_seconds = state["fit_seconds"], state["train_seconds"]
        self.units = state["units"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin_epoch()  # of an epoch that goes on nothing else tells

    def _begin_epoch(self) -> None:
        self._train_start, self._is_training = time.perf_counter(), True

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._fit_start = time.perf_counter()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.fit_seconds += time.perf_counter() - self._fit_start

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin_epoch()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.units += batch.num_units
        if trainer.is_last_batch:
            self.train_seconds += time.perf_counter() - self._train_start
            self._is_training = False

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.world_size > 1:
            self.units = trainer.strategy.reduce(
                torch.tensor(float(self.units), device=pl_module.device), reduce_op="sum"
            )

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
