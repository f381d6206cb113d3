"""compare.html: a table that sorts and filters, curves, parallel coordinates, a scatter plot; offline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from seqlab.comparing.cells import (
    Column,
    metric_column,
    runs_column,
    seeds_column,
    setting_columns,
    short_names,
)
from seqlab.comparing.comparison import Comparison, plain, text
from seqlab.comparing.curves import curve_records
from seqlab.comparing.differences import ALWAYS_SHOWN
from seqlab.report.page import Section, render_page

_FOLDER = Path(__file__).parent
_TALL_FROM = 15  # rows; more scroll in their own frame, so that the charts stay in reach
_MOST_AXES = 7  # that are chosen at first


def render_comparison(comparison: Comparison, paired: Sequence[str] = ()) -> str:
    """The page as HTML text, with its data, style and script in it."""
    settings = setting_columns(comparison)
    columns = [
        *(column for column in settings if column.name in comparison.needed),
        seeds_column(comparison),
        *(metric_column(comparison, metric) for metric in comparison.metrics),
        *(column for column in settings if column.name not in comparison.needed),
        runs_column(comparison),
    ]
    runs = [(row, run) for row, group in enumerate(comparison.groups) for run in group.runs]
    curves, more_notices = curve_records(runs)
    record = _record(comparison, columns, curves)
    sections = [
        Section("Runs", _table(comparison, columns), _sentence(comparison)),
        Section("Learning curves", _curve_chart(comparison, curves)),
        Section("Parallel coordinates", _parallel_chart(comparison, columns)),
        Section("Scatter", _scatter_chart(comparison, columns)),
    ]
    if paired:
        body = Markup('<pre class="paired">{}</pre>').format("\n".join(paired))
        sections.insert(1, Section("Paired comparison", body))
    sections[-1] = Section(sections[-1].title, sections[-1].body + _embedded(record))
    number = sum(len(group.runs) for group in comparison.groups)
    constant = ", ".join(f"{key}={value}" for key, value in comparison.constant.items())
    subtitle = f"{number:,} runs in {len(comparison.groups):,} rows" + (f"; {constant}" if constant else "")
    return render_page(
        "Comparison of runs",
        subtitle,
        [*comparison.notices, *more_notices],
        sections,
        style=(_FOLDER / "compare.css").read_text(encoding="utf-8"),
        script=(_FOLDER / "compare.js").read_text(encoding="utf-8"),
    )


def _sentence(comparison: Comparison) -> str:
    parts = [comparison.order, comparison.reading]
    return (
        ". ".join(part[0].upper() + part[1:] for part in parts if part)
        + ". Click a row to color it, a heading to sort."
    )


def _record(comparison: Comparison, columns: Sequence[Column], curves: dict[str, Any]) -> dict[str, Any]:
    """What the script reads: a raw value per row and column, None where there is none."""
    best = {group.monitor[0]: group.monitor[1] for group in comparison.groups if group.monitor}
    labels = _labels(columns)
    rows = []
    for group, name in zip(comparison.groups, _row_names(comparison), strict=True):
        values: dict[str, Any] = {key: plain(group.settings[key]) for key in comparison.varying}
        values |= {"seeds": len(group.finished), "runs": ", ".join(run.name for run in group.runs)}
        figures = {metric: group.figure(metric) for metric in comparison.metrics}
        values |= {metric: figure.mean if figure else None for metric, figure in figures.items()}
        rows.append({"name": name, "values": [values[column.name] for column in columns]})
    return {
        "columns": [
            {"name": column.name, "label": labels[column.name], "best": best.get(column.name, "")}
            for column in columns
        ],
        "rows": rows,
        "curves": curves,
    }


def _labels(columns: Sequence[Column]) -> dict[str, str]:
    return short_names([column.name for column in columns])


def _row_names(comparison: Comparison) -> list[str]:
    """A row as its settings: ``lr=0.02 hidden_size=64``; without any the name of its first run."""
    columns = [column for column in setting_columns(comparison) if column.name in comparison.needed]
    names = []
    for row, group in enumerate(comparison.groups):
        parts = [
            column.cells[row] if column.name in ALWAYS_SHOWN else f"{column.heading}={column.cells[row]}"
            for column in columns
        ]
        names.append(" ".join(parts) or group.runs[0].name)
    return names


def _embedded(record: dict[str, Any]) -> Markup:
    """Data for the script. ``<`` is written as an escape, so that no text in it can end the element."""
    content = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup('<script type="application/json" id="compare-data">{}</script>').format(
        Markup(content.replace("<", "\\u003c"))
    )


def _table(comparison: Comparison, columns: Sequence[Column]) -> Markup:
    monitored = next((group.monitor for group in comparison.groups if group.monitor), None)
    heads = [Markup('<th scope="col">#</th>')]
    for place, column in enumerate(columns):
        order = "none"
        if monitored and column.name == monitored[0]:
            order = "ascending" if monitored[1] == "min" else "descending"
        heads.append(
            Markup(
                '<th scope="col" class="{}" data-column="{}" aria-sort="{}" title="{}">'
                '<button type="button">{}</button></th>'
            ).format("" if column.is_number else "words", place, order, column.name, column.heading)
        )
    lines = []
    for row, group in enumerate(comparison.groups):
        cells = Markup("").join(_cell(column, row) for column in columns)
        names = ", ".join(run.name for run in group.runs)
        lines.append(
            Markup(
                '<tr data-row="{}" title="{}"><th scope="row"><span class="mark"></span>{}</th>{}</tr>'
            ).format(row, names, row + 1, cells)
        )
    tall = " tall" if len(lines) > _TALL_FROM else ""
    filter_box = Markup(
        '<div class="controls" data-scripted hidden><label class="wide">filter '
        '<input id="filter" type="search" placeholder="{}" autocomplete="off" spellcheck="false"></label>'
        '<output id="shown" for="filter"></output></div>'
    ).format(_example(comparison))
    return filter_box + Markup(
        '<div class="scroll{}" role="region" tabindex="0" aria-label="runs">'
        '<table class="figures runs" id="runs"><thead><tr>{}</tr></thead>'
        '<tbody id="runs-body">{}</tbody></table></div>'
    ).format(tall, Markup("").join(heads), Markup("\n").join(lines))


def _example(comparison: Comparison) -> str:
    """A filter that works on this page."""
    first = comparison.groups[0]
    found = []
    for column in setting_columns(comparison)[:1]:
        value = first.settings[column.name]
        found.append(
            f"{column.heading}>={value:.2g}"
            if isinstance(value, float)
            else f"{column.heading}={text(value)}"
        )
    figure = first.figure(comparison.metrics[0]) if comparison.metrics else None
    if figure is not None:
        found.append(f"{comparison.metrics[0]}<{figure.mean * 1.1:.3g}")
    return "such as " + " ".join(found) if found else "any word"


def _cell(column: Column, row: int) -> Markup:
    main, _, interval = column.cells[row].partition("\n")
    mean, sign, std = main.partition(" ± ")
    shown = Markup("{}<i> ± {}</i>").format(mean, std) if sign else Markup("{}").format(mean)
    below = Markup("<small>{}</small>").format(interval) if interval else Markup("")
    kind = Markup("") if column.is_number else Markup(' class="words"')
    return Markup("<td{}>{}{}</td>").format(kind, shown, below)


def _options(values: Sequence[tuple[Any, str]], selected: Any) -> Markup:
    return Markup("").join(
        Markup('<option value="{}"{}>{}</option>').format(
            value, Markup(" selected") if value == selected else Markup(""), label
        )
        for value, label in values
    )


def _plot(name: str, controls: Markup, *, scrolls: bool = False) -> Markup:
    drawing = Markup('<div class="plot" id="{}"></div>').format(name)
    if scrolls:
        drawing = Markup('<div class="scroll" tabindex="0" role="region" aria-label="{}">{}</div>').format(
            name, drawing
        )
    return Markup('<div data-scripted hidden>{}{}<ul class="key" id="{}-key"></ul></div>').format(
        controls, drawing, name
    )


def _curve_chart(comparison: Comparison, curves: dict[str, Any]) -> Markup:
    if not curves:
        return Markup("<p>No run has a metrics.csv to draw; logger=csv writes it.</p>")
    monitored = [group.monitor[0] for group in comparison.groups if group.monitor]
    first = next((metric for metric in monitored if metric in curves), next(iter(curves)))
    names = sorted(curves, key=lambda name: (not name.startswith("val/"), name))
    controls = Markup(
        '<div class="controls"><label>curve <select id="curve-metric">{}</select></label>'
        '<label>over <select id="curve-x">{}</select></label>'
        '<label class="check"><input type="checkbox" id="curve-log"> logarithmic</label></div>'
    ).format(
        _options([(name, name) for name in names], first),
        _options([("epoch", "epoch"), ("step", "step")], "epoch"),
    )
    return _plot("curves", controls)


def _parallel_chart(comparison: Comparison, columns: Sequence[Column]) -> Markup:
    labels = _labels(columns)
    settings = [place for place, column in enumerate(columns) if column.name in comparison.varying]
    settings.sort(key=lambda place: columns[place].name not in comparison.needed)
    figures = [place for place, column in enumerate(columns) if column.name in comparison.metrics]
    chosen = {*settings[: _MOST_AXES - 2], *figures[: max(2, _MOST_AXES - len(settings) - 2)]}
    boxes = [
        Markup('<label class="check"><input type="checkbox" value="{}"{}> {}</label>').format(
            place, Markup(" checked") if place in chosen else Markup(""), labels[columns[place].name]
        )
        for place in (*settings, *figures)
    ]
    controls = Markup(
        '<details class="axes"><summary>Choose axes</summary>'
        '<div class="controls" id="parallel-axes">{}</div></details>'
    ).format(Markup("").join(boxes))
    return _plot("parallel", controls, scrolls=True)


def _scatter_chart(comparison: Comparison, columns: Sequence[Column]) -> Markup:
    figures = [place for place, column in enumerate(columns) if column.name in comparison.metrics]
    settings = [place for place, column in enumerate(columns) if column.name in comparison.varying]
    up = figures[0] if figures else 0
    numeric = [place for place in settings if columns[place].is_number]
    across = (numeric or figures[1:] or settings or [0])[0]
    options = [(place, column.name) for place, column in enumerate(columns) if column.name != "runs"]
    controls = Markup(
        '<div class="controls"><label>across <select id="scatter-x">{}</select></label>'
        '<label>up <select id="scatter-y">{}</select></label></div>'
    ).format(_options(options, across), _options(options, up))
    return _plot("scatter", controls)
