"""``trainer.profile=true``: where the time of training went, from what Lightning's SimpleProfiler records."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from pytorch_lightning.profilers import SimpleProfiler

from seqlab.report.page import Section
from seqlab.report.tables import metrics_table
from seqlab.training.run_folder import is_writer

# part: how the names of Lightning's actions end
_ENDINGS = {
    "data": (".train_dataloader_next",),
    "transfer": (".batch_to_device",),
    "forward": (".training_step",),
    "backward": (".backward",),
    "optimizer": (".optimizer_step", ".lr_scheduler_step"),
    "validation": (".val_next", ".validation_step"),
    "checkpoints": ("save_checkpoint",),
}
FILE = "profile.csv"


class PartRow(NamedTuple):
    """A part of training: its seconds, its share of them all, milliseconds per training batch."""

    part: str
    seconds: float
    share: float
    ms_per_batch: float


class FitProfiler(SimpleProfiler):
    """Lightning's, which at the end of training writes profile.csv, and prints its largest parts.

    Args:
        folder: of profile.csv.
        synchronize: wait for the GPU at the end of each action, so that its work counts where it was asked
            for. This slows training.
    """

    def __init__(self, folder: Path, *, synchronize: bool = False) -> None:
        super().__init__()
        self.folder = folder
        self.synchronize = synchronize

    def setup(self, stage: str, local_rank: int | None = None, log_dir: str | None = None) -> None:
        super().setup(stage, local_rank, log_dir)
        self.start_time = time.perf_counter()

    def stop(self, action_name: str) -> None:
        if self.synchronize:
            torch.cuda.synchronize()
        super().stop(action_name)

    def describe(self) -> None:
        """Lightning's word that training has ended."""
        if not is_writer():
            return
        rows = part_rows(self.recorded_durations, time.perf_counter() - self.start_time)
        with (self.folder / FILE).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([PartRow._fields, *rows])
        largest = sorted(rows, key=lambda row: -row.seconds)[:5]
        print("time: " + ", ".join(f"{row.part} {row.share:.0%}" for row in largest))


def part_rows(durations: Mapping[str, Sequence[float]], fit_seconds: float) -> list[PartRow]:
    """Parts of training that add up to all of it; the last is what Lightning records under no name of ours.

    Args:
        durations: seconds of each time that an action ran, by its name.
        fit_seconds: of the whole training.
    """
    own = {name: each for name, each in durations.items() if not name.startswith("[Callback]")}
    seconds = {
        part: sum(sum(each) for name, each in own.items() if name.endswith(endings))
        for part, endings in _ENDINGS.items()
    }
    seconds["optimizer"] -= seconds["forward"] + seconds["backward"]  # which its step asks for
    seconds["rest"] = fit_seconds - sum(seconds.values())
    steps = next((len(each) for name, each in own.items() if name.endswith(".training_step")), 1)
    return [PartRow(part, each, each / fit_seconds, 1000 * each / steps) for part, each in seconds.items()]


def read_profile(folder: Path) -> list[PartRow]:
    """The rows of a run folder's profile.csv."""
    with (folder / FILE).open(newline="", encoding="utf-8") as file:
        return [PartRow(part, float(a), float(b), float(c)) for part, a, b, c in list(csv.reader(file))[1:]]


def profile_section(rows: Sequence[PartRow]) -> Section:
    """Where the time of training went."""
    figures = [(row.part, [row.seconds, 100 * row.share, row.ms_per_batch]) for row in rows]
    figures.append(("all of training", [sum(column) for column in zip(*dict(figures).values(), strict=True)]))
    table = metrics_table(
        ("seconds", "%", "ms per batch"), figures, emphasis="all of training", row_title="part of training"
    )
    note = (
        "The backward pass does not count for the optimizer, whose step asks for it. Callbacks, loggers, "
        "Lightning's own loop, and what happens once, are the rest."
    )
    return Section("Where the time went", table, note)
