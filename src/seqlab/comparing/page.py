"""compare.html: a table that sorts and filters, curves, parallel coordinates, a scatter plot; offline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seqlab.comparing.comparison import Comparison
from seqlab.comparing.curves import curve_records
from seqlab.comparing.settings import ALWAYS_SHOWN
from seqlab.comparing.table import Column, columns_of
from seqlab.report.page import Section, render_page
from seqlab.report.tables import short_names

_FOLDER = Path(__file__).parent
_MOST_AXES = 7  # that are chosen at first


@cache
def _parts() -> Any:
    """The macros of compare.html.j2."""
    loader = FileSystemLoader(_FOLDER, encoding="utf-8")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("compare.html.j2").module


def render_comparison(comparison: Comparison, paired: Sequence[str] = ()) -> str:
    """The page as HTML text, with its data, style and script in it.

    Args:
        paired: lines of the paired test; empty for none.
    """
    parts, groups = _parts(), comparison.groups
    columns = _ordered(comparison)
    curves, more_notices = curve_records(
        [(row, run) for row, group in enumerate(groups) for run in group.runs]
    )
    runs = [", ".join(run.name for run in group.runs) for group in groups]
    monitor = next((group.monitor for group in groups if group.monitor), ("", ""))
    table = parts.table(columns, runs, monitor, _example(comparison, columns))
    sentences = [part[0].upper() + part[1:] for part in comparison.reading]
    note = ". ".join([*sentences, "Click a row to color it, a heading to sort."])
    embedded = _embedded(_record(comparison, columns, curves))
    sections = [
        Section("Runs", table, note),
        *([Section("Paired comparison", parts.paired(paired))] if paired else []),
        Section("Learning curves", _curves(comparison, curves)),
        Section("Parallel coordinates", _parallel(comparison, columns)),
        Section("Scatter", _scatter(columns) + embedded),
    ]
    number = sum(len(group.runs) for group in groups)
    subtitle = f"{number:,} runs in {len(groups):,} rows"
    return render_page(
        "Comparison of runs",
        "; ".join(filter(None, [subtitle, ", ".join(comparison.constant)])),
        [*comparison.notices, *more_notices],
        sections,
        style=(_FOLDER / "compare.css").read_text(encoding="utf-8"),
        script=(_FOLDER / "compare.js").read_text(encoding="utf-8"),
    )


def _ordered(comparison: Comparison) -> list[Column]:
    """Settings that tell the rows apart, seeds, figures, the other settings, where the runs lie."""

    def rank(column: Column) -> int:
        if column.kind == "setting":
            return 0 if column.name in comparison.needed else 3
        return {"seeds": 1, "figure": 2, "runs": 4}[column.kind]

    return sorted((column for column in columns_of(comparison) if column.kind != "row"), key=rank)


def _record(comparison: Comparison, columns: Sequence[Column], curves: dict[str, Any]) -> dict[str, Any]:
    """What the script reads: a raw value per row and column, None where there is none."""
    best = dict(group.monitor for group in comparison.groups if group.monitor)
    labels = _labels(columns)
    return {
        "columns": [
            {"name": column.name, "label": labels[column.name], "best": best.get(column.name, "")}
            for column in columns
        ],
        "rows": [
            {"name": name, "values": [column.values[row] for column in columns]}
            for row, name in enumerate(_row_names(comparison, columns))
        ],
        "curves": curves,
    }


def _labels(columns: Sequence[Column]) -> dict[str, str]:
    return short_names([column.name for column in columns])


def _row_names(comparison: Comparison, columns: Sequence[Column]) -> list[str]:
    """A row as its settings: ``lr=0.02 hidden_size=64``; without any the name of its first run."""
    names = []
    for row, group in enumerate(comparison.groups):
        parts = [
            column.cells[row] if column.name in ALWAYS_SHOWN else f"{column.heading}={column.cells[row]}"
            for column in columns
            if column.kind == "setting" and column.name in comparison.needed
        ]
        names.append(" ".join(parts) or group.runs[0].name)
    return names


def _embedded(record: dict[str, Any]) -> Markup:
    """Data for the script. ``<`` is written as an escape, so that no text in it can end the element."""
    content = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup('<script type="application/json" id="compare-data">{}</script>').format(
        Markup(content.replace("<", "\\u003c"))
    )


def _example(comparison: Comparison, columns: Sequence[Column]) -> str:
    """A filter that works on this page."""
    found = []
    if comparison.varying:
        column = next(column for column in columns if column.name == comparison.varying[0])
        value = column.values[0]
        is_float = isinstance(value, float)
        found.append(f"{column.heading}>={value:.2g}" if is_float else f"{column.heading}={value}")
    figure = next((column for column in columns if column.kind == "figure"), None)
    if figure is not None and figure.values[0] is not None:
        found.append(f"{figure.name}<{figure.values[0] * 1.1:.3g}")
    return "such as " + " ".join(found) if found else "any word"


def _curves(comparison: Comparison, curves: dict[str, Any]) -> Markup:
    monitored = [group.monitor[0] for group in comparison.groups if group.monitor]
    first = next((metric for metric in (*monitored, *curves) if metric in curves), None)
    names = sorted(curves, key=lambda name: (not name.startswith("val/"), name))
    return _parts().curves([(name, name) for name in names], first)


def _parallel(comparison: Comparison, columns: Sequence[Column]) -> Markup:
    """Settings that tell rows apart and the first figures are chosen; a reader chooses others."""
    labels = _labels(columns)
    settings = [place for place, column in enumerate(columns) if column.kind == "setting"]
    figures = [place for place, column in enumerate(columns) if column.kind == "figure"]
    chosen = {*settings[: _MOST_AXES - 2], *figures[: max(2, _MOST_AXES - len(settings) - 2)]}
    axes = [(place, labels[columns[place].name], place in chosen) for place in (*settings, *figures)]
    return _parts().parallel(axes)


def _scatter(columns: Sequence[Column]) -> Markup:
    """The first figure over the first setting that is a number."""
    settings = [place for place, column in enumerate(columns) if column.kind == "setting"]
    figures = [place for place, column in enumerate(columns) if column.kind == "figure"]
    numeric = [place for place in settings if columns[place].is_number]
    across = (numeric or figures[1:] or settings or [0])[0]
    options = [(place, column.name) for place, column in enumerate(columns) if column.kind != "runs"]
    return _parts().scatter(options, across, (figures or [0])[0])
