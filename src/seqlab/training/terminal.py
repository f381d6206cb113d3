"""What a run shows on the terminal: one progress line while it trains; with verbose=true one table."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar
from tqdm import tqdm

from seqlab.errors import escaped
from seqlab.results.intervals import FEW_NOTE, INTERVAL_NOTE, few_cells, is_interval, table_intervals
from seqlab.results.outcome import ResultTable


class ProgressLine(TQDMProgressBar):
    """A single bar over all steps of the run with losses beside it; on a terminal only.

    Args:
        refresh_rate: steps between redraws.
    """

    def init_validation_tqdm(self) -> tqdm:
        return tqdm(disable=True)  # each distinct window of the split runs once, which takes a blink

    def init_train_tqdm(self) -> tqdm:
        return tqdm(desc="training", unit=" steps", dynamic_ncols=True, disable=not sys.stderr.isatty())

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


def print_results(
    table: ResultTable,
    metrics: dict[str, float],
    audit: Sequence[tuple[str, str]] = (),
) -> None:
    """Examples, one table of test figures of the model and its baselines with intervals, notes, the audit."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)  # what [red] means in a label is the label
    shown = Table(title=escaped(f"{table.title}\n"), box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    shown.title_justify, shown.title_style = "left", "bold"
    shown.add_column("", overflow="fold")  # it gives way, so that no figure is cut
    for column in table.columns:
        shown.add_column(escaped(column).replace(" @", "\n@"), justify="right", no_wrap=True)
    few, bounds = few_cells(table), table_intervals(table, metrics)
    for rows, style in ((table.model_rows, "bold"), (table.baseline_rows, "")):
        for row, figures in rows:
            cells = ["–" if figure is None else f"{figure:.4f}" for figure in figures]
            for its_row, place in few:
                cells[place] += "*" * (its_row == row)
            for (its_row, place), (low, high) in bounds.items():
                cells[place] += f"\n{low:.4f}\n{high:.4f}" * (its_row == row)
            shown.add_row(escaped(row), *cells, style=style)
        shown.add_section()
    console.print()
    for line in table.examples:
        console.print(escaped(line))
    console.print(shown)
    console.print()
    validation = [
        f"{name} {metrics[name]:.4f}"
        for name in sorted(metrics)
        if name.startswith("val/") and not is_interval(name)
    ]
    console.print(escaped("  ".join(validation)))
    marked = [("*", FEW_NOTE)] if few else []
    below = [("below a figure", INTERVAL_NOTE)] if bounds else []
    for what, note in [*marked, *below, *table.notes]:
        console.print(escaped(f"{what}: {note}"))
    for what, note in audit:
        console.print("\n".join(folded(escaped(f"{what}: {note}"), console.width)))
    console.print()


def folded(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters that end at semicolons where they can; all but one set in."""
    lines: list[str] = []
    for part in text.replace("; ", ";\n").split("\n"):
        if lines and len(lines[-1]) + 1 + len(part) <= width:
            lines[-1] += f" {part}"
        else:
            first = "  " if lines else ""
            lines += textwrap.wrap(
                part, width, initial_indent=first, subsequent_indent="  ", break_on_hyphens=False
            )
    return lines
