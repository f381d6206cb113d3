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
from seqlab.sweeps.trials import ANSWERS, REPORTS

_PATIENCE_SECONDS = 30.0  # a sweep that does not answer has ended: the trial goes on by itself
_LOOK_SECONDS = 0.005


class Report(Callback):
    """Tells the sweep of every validation, and ends training where the sweep answers ``prune``.

    One JSON line a validation goes into ``reports.jsonl``; answers come back one line each.

    Args:
        folder: of the run, which both files lie in.
        metric: the validation metric that the sweep is judged by.
        ask: wait for an answer; without pruning there is none to wait for.

    Raises:
        UserError: the metric is not finite.
    """

    def __init__(self, folder: str, metric: str, ask: bool) -> None:
        self.folder, self.metric, self.ask = Path(folder), metric, ask
        self.step = 0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write({"event": "fit", "time": time.time()})

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write({"event": "fitted", "time": time.time()})

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        value = float(trainer.callback_metrics[self.metric])
        self.step += 1
        self._write({"event": "validation", "step": self.step, "value": value, "time": time.time()})
        if not math.isfinite(value):
            raise UserError(
                f"{self.metric}={value} at validation {self.step}: not finite, the trial ends here"
            )
        if self.ask and self._answer() == "prune":
            trainer.should_stop = True

    def _write(self, line: dict[str, Any]) -> None:
        with (self.folder / REPORTS).open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")

    def _answer(self) -> str:
        answers, deadline = self.folder / ANSWERS, time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            lines = answers.read_text(encoding="utf-8").splitlines() if answers.exists() else []
            if len(lines) >= self.step:
                return lines[self.step - 1]
            time.sleep(_LOOK_SECONDS)
        self.ask = False
        return "go"
