"""What a sweep puts into a trial's config: a callback that reports."""

from __future__ import annotations

import json
import math
from pathlib import Path

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

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        value = float(trainer.callback_metrics[self.metric])
        self.step += 1
        with self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"step": self.step, "value": value}) + "\n")
        if not math.isfinite(value):
            raise UserError(
                f"{self.metric}={value} at validation {self.step}: not finite, the trial ends here"
            )
