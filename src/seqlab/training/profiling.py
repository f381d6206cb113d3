"""``trainer.profile=true``: where the time of training went."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from pytorch_lightning.profilers import Profiler

from seqlab.results.training import PartRow

CHECKPOINTS, VALIDATION, LOGGING, REST = "checkpoints", "validation", "logging and callbacks", "rest"
PARTS = ("data", "transfer", "forward", "backward", "optimizer", LOGGING, VALIDATION, CHECKPOINTS, REST)
_ENDINGS = {
    ".train_dataloader_next": "data",
    ".batch_to_device": "transfer",
    ".training_step": "forward",
    ".backward": "backward",
    ".optimizer_step": "optimizer",
    ".optimizer_zero_grad": "optimizer",
    ".configure_gradient_clipping": "optimizer",
    ".lr_scheduler_step": "optimizer",
}
FILE = "profile.csv"


def part_of(action: str) -> str | None:
    """The part that an action of Lightning's belongs to; None where that is the action it happens in."""
    if action == "save_checkpoint" or action.startswith("[Callback]ModelCheckpoint"):
        return CHECKPOINTS
    for ending, part in _ENDINGS.items():
        if action.endswith(ending):
            return part
    is_hook = action.startswith("[LightningModule]") and ".on_" in action and "batch_transfer" not in action
    return LOGGING if is_hook or action.startswith(("[Callback]", "[Logger]")) else None


class TimeProfile(Profiler):
    """Every moment from the beginning of ``fit`` to its end counts in exactly one of PARTS.

    Actions lie in each other (the backward pass in the optimizer's step): time counts for the innermost.
    All that happens between the beginning of a validation and its end is validation, checkpoints aside.

    Args:
        synchronize: wait for the GPU at each border, so that its work counts where it was asked for. This
            slows training.
    """

    def __init__(self, *, synchronize: bool = False) -> None:
        super().__init__()
        self.synchronize = synchronize
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self.num_batches = 0
        self._running: list[str | None] = []
        self._in_validation = False
        self._last: float | None = None  # when time was last counted; None outside fit

    def setup(self, stage: str, local_rank: int | None = None, log_dir: str | None = None) -> None:
        super().setup(stage, local_rank, log_dir)
        self._last = time.perf_counter()

    def start(self, action_name: str) -> None:
        self._count()
        self._running.append(part_of(action_name))
        if action_name.endswith(".on_validation_start"):
            self._in_validation = True
        if action_name.endswith(".training_step"):
            self.num_batches += 1

    def stop(self, action_name: str) -> None:
        self._count()
        if self._running:
            self._running.pop()
        if action_name.startswith("[Strategy]") and action_name.endswith(".on_validation_end"):
            self._in_validation = False

    def describe(self) -> None:
        """Lightning's word that training has ended."""
        self._count()
        self._last = None
        self._running.clear()
        super().describe()

    def watch(self, loggers: Sequence[Logger]) -> None:
        """Count the time of the loggers too: Lightning names no action of theirs."""
        for logger in loggers:
            for name in ("log_metrics", "save"):
                setattr(logger, name, self._watched(getattr(logger, name)))

    def rows(self) -> list[PartRow]:
        """PARTS in their order; shares add up to 1."""
        total, batches = sum(self.seconds.values()) or 1.0, self.num_batches or 1
        return [
            PartRow(part, seconds, seconds / total, 1000 * seconds / batches)
            for part, seconds in self.seconds.items()
        ]

    def _part(self) -> str:
        named = [part for part in self._running if part is not None]
        if self._in_validation:
            return CHECKPOINTS if named and named[-1] == CHECKPOINTS else VALIDATION
        return named[-1] if named else REST

    def _count(self) -> None:
        if self._last is None:
            return
        if self.synchronize:
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.seconds[self._part()] += now - self._last
        self._last = now

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            with self.profile("[Logger]"):
                return function(*arguments, **named)

        return call


def write_profile(trainer: pl.Trainer, folder: Path) -> None:
    """Write profile.csv, and its largest parts on the terminal; nothing for a profiler of Lightning's."""
    profiler = trainer.profiler  # type: ignore[attr-defined]
    if not isinstance(profiler, TimeProfile):
        return
    rows = profiler.rows()
    with (folder / FILE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(PartRow._fields)
        writer.writerows((row.part, *(f"{value:.9g}" for value in row[1:])) for row in rows)
    largest = sorted(rows, key=lambda row: -row.seconds)[:5]
    print("time: " + ", ".join(f"{row.part} {row.share:.0%}" for row in largest))


def read_profile(folder: Path) -> list[PartRow]:
    """The rows of a run folder's profile.csv; none where the run was not profiled."""
    if not (folder / FILE).exists():
        return []
    with (folder / FILE).open(newline="", encoding="utf-8") as file:
        return [
            PartRow(row["part"], *(float(row[name]) for name in PartRow._fields[1:]))
            for row in csv.DictReader(file)
        ]
