"""What a run shows on the terminal: a bar while it trains, then a screen that a newcomer understands."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar
from tqdm.auto import tqdm

from seqlab import progress
from seqlab.errors import escaped
from seqlab.results.outcome import Outcome

MOST_WARNINGS = 2
COMMANDS = ("report", "next")  # what is copied is not folded


class ProgressLine(TQDMProgressBar):
    """A single bar over all steps of the run with losses beside it; on a terminal only.

    Args:
        refresh_rate: steps between redraws.
    """

    def init_validation_tqdm(self) -> tqdm:
        return tqdm(disable=True)  # each distinct window of the split runs once, which takes a blink

    def init_train_tqdm(self) -> tqdm:
        return progress.bar("training", unit=" steps", delay=0, leave=True)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.train_progress_bar = self.init_train_tqdm()
        total = trainer.estimated_stepping_batches
        self.train_progress_bar.total = int(total) if total != float("inf") else None

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        epochs = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
        self.train_progress_bar.set_description(f"epoch {trainer.current_epoch + 1}{epochs}")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step % self.refresh_rate == 0:
            self.train_progress_bar.update(trainer.global_step - self.train_progress_bar.n)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        losses = {name: f"{float(value):.4f}" for name, value in trainer.progress_bar_metrics.items()}
        self.train_progress_bar.set_postfix(losses, refresh=False)
        self.train_progress_bar.update(trainer.global_step - self.train_progress_bar.n)

    def on_train_end(self, *_: Any) -> None:
        self.train_progress_bar.close()


def first_screen(
    outcome: Outcome,
    metrics: Mapping[str, float],
    learned_from: str,
    ways_on: Sequence[tuple[str, str]],
    most_warnings: int = MOST_WARNINGS,
) -> str:
    """What was learned, how well, how good the best method without a network is, times, what comes next.

    Args:
        learned_from: what training read, in words.
        ways_on: where the report lies, and what to type.
    """
    warnings = outcome.table_once.warnings
    hidden = len(warnings) - most_warnings
    lines = [
        *([("learned", f"from {learned_from}")] if learned_from else []),
        *(outcome.in_words() or _validation(metrics)),
        *(("warning", warning) for warning in warnings[:most_warnings]),
        *([("warning", f"{hidden} more, with verbose=true and in the report")] if hidden > 0 else []),
        ("time", _times(metrics)),
        *ways_on,
    ]
    room = max(len(what) for what, _ in lines) + 2
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    return "\n".join(_line(what, escaped(said), room, width) for what, said in lines)


def _line(what: str, said: str, room: int, width: int) -> str:
    heading = f"{what}:".ljust(room)
    if what in COMMANDS or width <= 2 * room:
        return f"{heading}{said}"
    blanks = " " * room
    folded = textwrap.wrap(
        said, width, initial_indent=heading, subsequent_indent=blanks, break_on_hyphens=False
    )
    return "\n".join(folded)


def _validation(metrics: Mapping[str, float]) -> list[tuple[str, str]]:
    """What is known of a run that was not tested."""
    figures = [f"{name} {value:.4g}" for name, value in metrics.items() if name.startswith("val/")]
    return [("validation", f"{', '.join(figures)}; nothing was tested")]


def _times(metrics: Mapping[str, float]) -> str:
    names = {"setup": "setup", "fit": "training", "judge": "judging"}
    times = [f"{said} {metrics[f'timing/{name}_seconds']:.1f} s" for name, said in names.items()]
    rate, speed = next((name, value) for name, value in metrics.items() if name.endswith("_per_second"))
    unit = rate.removeprefix("timing/train_").removesuffix("_per_second").replace("_", " ")
    return f"{', '.join(times)} ({speed:,.0f} {unit} a second in training)"
