"""tune.html: the loss over the learning rate, the speed over the batch size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqlab.report.charts import line_chart
from seqlab.report.page import Section, render_page, write_page
from seqlab.report.tables import config_block, metrics_table, paragraph

if TYPE_CHECKING:
    from seqlab.training.tuning import BatchRow, RateTest

RATE_NOTE = (
    "The rate grows with each step. Suggested is a tenth of the rate at which the smoothed loss is lowest: "
    "the loss still falls there, and training is not yet unstable."
)
SIZE_NOTE = (
    "Suggested is the smallest size within 10 % of the highest speed. A larger batch means fewer steps in as "
    "many epochs, and often wants a higher rate."
)


def rate_section(test: RateTest) -> Section:
    """Loss of each step and its running mean over log10 of the rate."""
    exponents = np.log10(test.rates)
    lines = {"smoothed loss": (exponents, test.smoothed), "loss": (exponents, test.losses)}
    label = "log10 of the learning rate"
    chart = line_chart(lines, label, "loss", note=f"Suggested rate: {test.suggestion:.2g}.")
    return Section("Learning rate", chart, RATE_NOTE)


def size_section(rows: Sequence[BatchRow], unit: str, suggested: int) -> Section:
    """One row per batch size."""
    columns = ["steps an epoch", f"{unit} per second", "MiB of the GPU"]
    shown = len(columns) if rows[0].megabytes is not None else 2
    table = metrics_table(
        columns[:shown],
        [(f"{row.size}", [float(row[1]), row[2], row[3]][:shown]) for row in rows],
        emphasis=str(suggested),
        row_title="batch size",
    )
    return Section("Batch size", table, SIZE_NOTE)


def write_tune_page(path: Path, title: str, command: str, sections: Sequence[Section], config: str) -> None:
    """Write tune.html: the command to go on with, what led to it, the config it was measured under."""
    first = Section("Go on with", paragraph(command))
    last = Section("What was run", config_block(config))
    subtitle = "short trainings on the training split; validation and test were not read"
    write_page(path, render_page(title, subtitle, [], [first, *sections, last]))
