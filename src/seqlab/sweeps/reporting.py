"""What a sweep puts into a trial's config: a callback that reports, a judge that leaves the test set shut."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, ModelCheckpoint

from seqlab.errors import UserError
from seqlab.evaluation.outcome import Evaluation, NothingFitted, ResultTable
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


class ValidationOnly(Evaluation):
    """Judges a trial by the validation figure that its best checkpoint was chosen with.

    Test figures and thresholds wait for the run that follows a sweep: a trial that does not compute them
    can leak none, and costs less.
    """

    def fit(self, task: Any, datamodule: Any) -> tuple[NothingFitted, dict[str, float]]:
        best = [
            callback.best_model_score
            for callback in task.trainer.callbacks
            if isinstance(callback, ModelCheckpoint) and callback.monitor == task.monitor
        ]
        if not best or best[0] is None:  # checkpoints are off: the last validation counts
            return NothingFitted(), {task.monitor: float(task.trainer.callback_metrics[task.monitor])}
        return NothingFitted(), {task.monitor: float(best[0])}

    def test(self, task: Any, datamodule: Any, judge: Any) -> NotTested:
        return NotTested()


class NotTested:
    """The outcome of a trial: nothing beside its validation figure."""

    metrics: dict[str, float] = {}  # noqa: RUF012  read only

    def write_scores(self, path: Path) -> None:
        """No scores were made, so no file is."""

    def result_table(self) -> ResultTable:
        return ResultTable("validation only", (), [], [], [])


def no_report(*_: Any) -> None:
    """In place of report.html, which takes longer than an epoch of a small model."""
