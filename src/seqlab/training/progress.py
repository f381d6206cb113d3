"""One progress line: the epochs' steps, losses beside them."""

from __future__ import annotations

import sys
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar
from tqdm import tqdm


class ProgressLine(TQDMProgressBar):
    """A single bar over all steps of the run, on a terminal only: a log file gets no bar.

    Validation has no bar of its own: each distinct window of the split runs once, which takes a blink.

    Args:
        refresh_rate: steps between redraws.
    """

    def init_validation_tqdm(self) -> tqdm:
        return tqdm(disable=True)

    def init_train_tqdm(self) -> tqdm:
        return tqdm(
            desc="training", unit=" steps", dynamic_ncols=True, disable=not sys.stderr.isatty(), leave=True
        )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.train_progress_bar = self.init_train_tqdm()
        total = trainer.estimated_stepping_batches
        self.train_progress_bar.total = int(total) if total != float("inf") else None
        self.train_progress_bar.refresh()

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        epochs = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
        self.train_progress_bar.set_description(f"epoch {trainer.current_epoch + 1}{epochs}", refresh=False)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if step % self.refresh_rate == 0:
            self.train_progress_bar.update(step - self.train_progress_bar.n)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        losses = {name: f"{float(value):.4f}" for name, value in trainer.progress_bar_metrics.items()}
        self.train_progress_bar.set_postfix(losses, refresh=False)
        self.train_progress_bar.update(trainer.global_step - self.train_progress_bar.n)

    def on_train_end(self, *_: Any) -> None:
        self.train_progress_bar.refresh()
        self.train_progress_bar.close()
