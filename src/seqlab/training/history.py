"""Losses and learning rates over epochs, kept for the report whatever logger is on."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback


class History(Callback):
    """Epoch figures: {metric: ([epoch, ...], [value, ...])}; epochs count from 1."""

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
