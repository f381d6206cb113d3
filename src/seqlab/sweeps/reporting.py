"""What a sweep puts into a trial's config: a callback that reports."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from seqlab.errors import UserError
from seqlab.sweeps.trials import REPORTS


class Report(Callback):
    """Tells the sweep of every validation: one JSON line each, in ``reports.jsonl``.

    Args:
        folder: of the run.
        metric: the validation metric that the sweep is judged by.

    Raises:
        UserError: the metric is not finite.
    """

    def __init__(self, folder: str, metric: str) -> None:
        self.path, self.metric = Path(folder) / REPORTS, metric
        self.step = 0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, event="fit")

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, event="fitted")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        value = float(trainer.callback_metrics[self.metric])
        self.step += 1
        self._write(trainer, event="validation", step=self.step, value=value)
        if not math.isfinite(value):
            raise UserError(
                f"{self.metric}={value} at validation {self.step}: not finite, the trial ends here"
            )

    def _write(self, trainer: pl.Trainer, **line: Any) -> None:
        if trainer.is_global_zero:
            with self.path.open("a", encoding="utf-8") as out:
                out.write(json.dumps(line | {"time": time.time()}) + "\n")
