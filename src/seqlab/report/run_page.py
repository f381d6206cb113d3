"""The sections that every run's report has, and the page of a run around a task's own pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from seqlab.evaluation.outcome import ResultTable
from seqlab.report.charts import line_chart
from seqlab.report.page import Section, render_page, write_page
from seqlab.report.svg import chart_grid
from seqlab.report.tables import config_block, key_value_table, metrics_table, paragraph

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from seqlab.training.history import History
    from seqlab.training.profiling import PartRow
    from seqlab.training.run_folder import RunFolder

Line = tuple[Sequence[float], Sequence[float]]


def result_section(table: ResultTable, *, emphasis: str | None = None, note: str = "") -> Section:
    """The figures of the model and its baselines; ``emphasis`` names the row in bold."""
    rows = [*table.model_rows, *table.baseline_rows]
    if not rows:
        return Section("Result", paragraph("Nothing was measured in this run."))
    body = metrics_table(table.columns, rows, emphasis=emphasis, row_title="model and baselines")
    return Section("Result", body, note)


def training_section(
    losses: Mapping[str, Line], learning_rate: Line | None = None, *, loss_label: str = "loss"
) -> Section:
    """Losses and learning rate over epochs.

    Args:
        losses: name to (epochs, losses).
        learning_rate: (epochs, rates).
        loss_label: with its unit.
    """
    if not losses and learning_rate is None:
        return Section("Training", paragraph("No losses were recorded."))
    charts = []
    if losses:
        charts.append(line_chart(losses, "epoch", loss_label, title="Loss"))
    if learning_rate is not None:
        rate = {"learning rate": learning_rate}
        charts.append(line_chart(rate, "epoch", "learning rate", title="Learning rate"))
    return Section("Training", chart_grid(charts))


def profile_section(rows: Sequence[PartRow]) -> list[Section]:
    """Where the time of training went, as one section; none for a run that was not profiled."""
    if not rows:
        return []
    figures = [(row.part, [row.seconds, 100 * row.share, row.ms_per_batch]) for row in rows]
    figures.append(("all of training", [sum(column) for column in zip(*dict(figures).values(), strict=True)]))
    table = metrics_table(
        ("seconds", "%", "ms per batch"), figures, emphasis="all of training", row_title="part of training"
    )
    note = (
        "Time counts for the innermost part: the backward pass not for the optimizer that asks for it. "
        "Checks and progress are logging and callbacks; Lightning's own loop, and what happens once, is the "
        "rest."
    )
    return [Section("Where the time went", table, note)]


def run_section(
    facts: Sequence[tuple[str, str]], environment: Sequence[tuple[str, str]], config_yaml: str
) -> Section:
    """Facts of the data, versions and hardware, the whole config."""
    parts = [
        key_value_table(facts, caption="Facts"),
        key_value_table(environment, caption="Environment"),
        config_block(config_yaml) if config_yaml.strip() else Markup(""),
    ]
    body = Markup("\n").join(part for part in parts if part)
    return Section("What was run", body or paragraph("Nothing was recorded about this run."))


def write_run_page(
    folder: RunFolder,
    config: DictConfig,
    table: ResultTable,
    metrics: Mapping[str, float],
    history: History,
    pictures: Sequence[Section],
    *,
    facts: Sequence[tuple[str, str]] = (),
    emphasis: str | None = None,
    loss_label: str = "loss",
) -> None:
    """Write report.html: result, the task's own pictures, training curves, what was run."""
    from omegaconf import OmegaConf

    from seqlab.training.profiling import read_profile

    figures = [
        (name, f"{value:,.6g}") for name, value in metrics.items() if name.startswith(("val/", "timing/"))
    ]
    sections = [
        result_section(table, emphasis=emphasis),
        *pictures,
        training_section(
            {name: history.series[name] for name in ("train/loss", "val/loss") if name in history.series},
            history.series.get("learning_rate"),
            loss_label=loss_label,
        ),
        *profile_section(read_profile(folder.path)),
        run_section(
            [*facts, *table.notes, *figures],
            environment_rows(folder),
            OmegaConf.to_yaml(config, resolve=True),
        ),
    ]
    title = f"{folder.model_name} on {folder.data_name}"
    subtitle = f"seed {config.seed}; {table.title}"
    notices = [*page_warnings(table), *folder.notices]
    write_page(folder.report, render_page(title, subtitle, notices, sections))


def page_warnings(table: ResultTable) -> list[str]:
    """The warnings of a run as notices of its page."""
    return [f"Warning: {warning}" for warning in table.warnings]


def environment_rows(folder: RunFolder) -> list[tuple[str, str]]:
    """environment.json as rows of text."""
    return [(name, _text(value)) for name, value in folder.read_environment().items()]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return str(value)
