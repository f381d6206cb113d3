"""What a run shows on the terminal: one progress line while it trains, one table at its end."""

from __future__ import annotations

import sys
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar
from tqdm import tqdm

from seqlab.results.outcome import ResultTable


class ProgressLine(TQDMProgressBar):
    """A single bar over all steps of the run with losses beside it; on a terminal only.

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


def print_results(table: ResultTable, metrics: dict[str, float]) -> None:
    """Warnings, examples, one table of test figures of the model and its baselines, then its notes."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    validation = [f"{name} {value:.4f}" for name, value in sorted(metrics.items()) if name.startswith("val/")]
    rich_table = Table(
        title=table.title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left", title_style="bold"
    )
    rich_table.add_column("", no_wrap=True)
    for column in table.columns:
        rich_table.add_column(column, justify="right", no_wrap=True)
    for rows, style in ((table.model_rows, "bold"), (table.baseline_rows, "")):
        for place, (name, figures) in enumerate(rows):
            cells = ["–" if figure is None else f"{figure:.4f}" for figure in figures]
            rich_table.add_row(name, *cells, style=style, end_section=place == len(rows) - 1)
    console.print()
    for warning in table.warnings:
        console.print(Text.assemble(("warning", "bold yellow"), f": {warning}"), soft_wrap=True)
    if table.warnings:
        console.print()
    for line in table.examples:
        console.print(line, markup=False)
    console.print(rich_table)
    console.print("  ".join(validation))
    for name, note in table.notes:
        console.print(f"{name}: {note}", markup=False)
    units = {name: name[13:-11].replace("_", " ") for name in metrics if name.endswith("_per_second")}
    rates = [f"{metrics[name]:,.0f} {unit}/s" for name, unit in units.items()]
    console.print(f"trained {metrics['timing/fit_seconds']:.1f} s at {', '.join(rates)}")
