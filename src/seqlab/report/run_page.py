"""The sections that every run's report has, and the page of a run around a task's own pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from seqlab.report.charts import line_chart
from seqlab.report.page import Section, render_page, write_page
from seqlab.report.svg import chart_grid
from seqlab.report.tables import config_block, key_value_table, metrics_table, paragraph, text_table
from seqlab.results.intervals import FEW_NOTE, INTERVAL_NOTE, few_cells, is_interval, table_intervals
from seqlab.results.outcome import Curves, ResultTable


def result_section(
    table: ResultTable, next_steps: Sequence[str] = (), metrics: Mapping[str, float] = MappingProxyType({})
) -> Section:
    """The figures of the model and its baselines, the model's first row in bold; commands to go on with.

    Args:
        metrics: where the figures' intervals are.
    """
    rows = [*table.model_rows, *table.baseline_rows]
    if not rows:
        return Section("Result", paragraph("Nothing was measured in this run."))
    bounds = table_intervals(table, metrics)
    body = metrics_table(
        table.columns,
        rows,
        emphasis=rows[0][0],
        row_title="model and baselines",
        marks=few_cells(table),
        intervals=bounds,
    )
    if few_cells(table):
        body += paragraph(f"*: {FEW_NOTE}.")
    if bounds:
        body += paragraph(f"Below a figure: {INTERVAL_NOTE}.")
    if next_steps:
        commands = "\n".join(next_steps)
        body += Markup('<p class="next">What to do next:</p><pre>{}</pre>').format(commands)
    return Section("Result", body, table.measured_on)


def training_section(curves: Curves, *, loss_label: str = "loss") -> Section:
    """Losses over epochs; loss, gradient norm and learning rate over steps, where they were kept.

    Args:
        curves: of a run, by name.
        loss_label: with its unit.
    """
    charts = []
    if losses := {name: curves[name] for name in ("train/loss", "val/loss") if name in curves}:
        charts.append(line_chart(losses, "epoch", loss_label, title="Loss"))
    for name, title, label in (
        ("step/loss", "Training loss by step", loss_label),
        ("step/gradient_norm", "Gradient norm before clipping", "gradient norm"),
    ):
        if name in curves:
            charts.append(line_chart({title: curves[name]}, "step", label, title=title, smooth=True))
    rates = [("step", "step/learning_rate"), ("epoch", "learning_rate")]
    for across, name in [(across, name) for across, name in rates if name in curves][:1]:
        rate = {"learning rate": curves[name]}
        charts.append(line_chart(rate, across, "learning rate", title="Learning rate"))
    if not charts:
        return Section("Training", paragraph("No losses were recorded."))
    return Section("Training", chart_grid(charts))


def run_section(
    facts: Sequence[tuple[str, str]],
    environment: Sequence[tuple[str, str]],
    config_yaml: str,
    layers: Sequence[tuple[str, str, int]] = (),
) -> Section:
    """Facts of the data, the model's layers, versions and hardware, the whole config.

    Args:
        layers: name, class and number of parameters.
    """
    total = f"{sum(number for *_, number in layers):,} parameters"
    rows = [(name, kind, f"{number:,}") for name, kind, number in layers]
    columns = ("layer", "class", "parameters")
    parts = [
        key_value_table(facts, caption="Facts"),
        text_table(columns, rows, caption=f"Model: {total}") if rows else Markup(""),
        key_value_table(environment, caption="Environment"),
        config_block(config_yaml) if config_yaml.strip() else Markup(""),
    ]
    body = Markup("\n").join(part for part in parts if part)
    return Section("What was run", body or paragraph("Nothing was recorded about this run."))


def write_run_page(
    path: Path,
    table: ResultTable,
    *,
    title: str,
    seed: int,
    metrics: Mapping[str, float],
    curves: Curves,
    sections: Sequence[Section],
    facts: Sequence[tuple[str, str]] = (),
    environment: Mapping[str, Any] = MappingProxyType({}),
    config_yaml: str = "",
    notices: Sequence[str] = (),
    next_steps: Sequence[str] = (),
    audit: Sequence[tuple[str, str]] = (),
    layers: Sequence[tuple[str, str, int]] = (),
    about: str = "",
) -> None:
    """Write the report of a run: result, the evaluation's own sections, training curves, what was run.

    Args:
        metrics: of them val/... and timing/... stand among the facts.
        curves: figures over epochs and steps; losses, gradient norm and learning rate are drawn here.
        sections: what the evaluation shows.
        facts: of the data.
        environment: environment.json.
        next_steps: commands to go on with, where there is nothing measured to read.
        layers: of the model: name, class, number of parameters.
        audit: how far the test data is apart from what the model learned from.
        about: notes and tags of the run, in its user's words.
    """
    figures = [
        (name, f"{value:,.6g}")
        for name, value in metrics.items()
        if name.startswith(("val/", "timing/")) and not is_interval(name)
    ]
    whole = [
        result_section(table, next_steps, metrics),
        *([Section("Leak audit", key_value_table(audit))] if audit else []),
        *sections,
        training_section(
            curves,
            loss_label=f"loss ({table.loss_unit})" if table.loss_unit else "loss",
        ),
        run_section(
            [*facts, *table.notes, *figures],
            [(name, _text(value)) for name, value in environment.items()],
            config_yaml,
            layers,
        ),
    ]
    subtitle = "; ".join(filter(None, (f"seed {seed}", table.title, about)))
    page = render_page(title, subtitle, notices, whole, warnings=table.warnings)
    write_page(path, page)


def curve_sections(curves: Curves, names: Sequence[str], label: str, title: str) -> list[Section]:
    """Validation figures over epochs, as one section; none where none was logged."""
    lines = {name: curves[name] for name in names if name in curves}
    chart = line_chart(lines, "epoch", label, title=title) if lines else None
    return [] if chart is None else [Section("Validation", chart_grid([chart]))]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return str(value)
