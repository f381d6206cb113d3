"""compare.html: a table that sorts and filters, curves, parallel coordinates, a scatter plot; offline."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seqlab.comparing.comparison import Comparison
from seqlab.comparing.groups import ALWAYS_SHOWN
from seqlab.comparing.runs import Run
from seqlab.comparing.table import Column, columns_of
from seqlab.report.page import Section, render_page
from seqlab.report.tables import short_names

_FOLDER = Path(__file__).parent
_MOST_AXES = 7  # that are chosen at first
_MOST_POINTS = 100  # of one curve on the page
_BUDGET = 120_000  # points of all curves on a page: some 3 MB
_CURVES = ("train/", "val/", "learning_rate", "lr-")
Pairs = list[tuple[int, str]]


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
    labels = short_names([column.name for column in columns])
    curves, more_notices = curve_records(
        [(row, run) for row, group in enumerate(groups) for run in group.runs]
    )
    monitors = [group.monitor for group in groups if group.monitor]
    names = [", ".join(run.name for run in group.runs) for group in groups]
    settings = _numbered(columns, "setting")
    figures = _numbered(columns, "figure")
    axes = [*settings[: _MOST_AXES - 2], *figures][:_MOST_AXES]
    numeric = [number for number, _ in settings if columns[number].is_number]
    across = (numeric or [number for number, _ in (*figures[1:], *settings)] or [0])[0]
    sentences = [part[0].upper() + part[1:] for part in comparison.reading]
    note = ". ".join([*sentences, "Click a row to color it, a heading to sort."])
    scatter = parts.scatter(
        [(number, column.name) for number, column in enumerate(columns) if column.kind != "runs"],
        across,
        figures[0][0] if figures else 0,
    )
    sections = [
        Section("Runs", parts.table(columns, names, monitors[0] if monitors else ("", "")), note),
        *([Section("Paired comparison", parts.paired(paired))] if paired else []),
        Section(
            "Learning curves",
            parts.curves(
                [(name, name) for name in sorted(curves, key=lambda key: (not key.startswith("val/"), key))],
                next((metric for metric in (*dict(monitors), *curves) if metric in curves), None),
            ),
        ),
        Section(
            "Parallel coordinates",
            parts.parallel([(n, labels[name], (n, name) in axes) for n, name in (*settings, *figures)]),
        ),
        Section("Scatter", scatter + _embedded(_record(comparison, columns, labels, curves))),
    ]
    subtitle = f"{sum(len(group.runs) for group in groups):,} runs in {len(groups):,} rows"
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


def _numbered(columns: Sequence[Column], kind: str) -> Pairs:
    """Number and name of the columns of a kind."""
    return [(number, column.name) for number, column in enumerate(columns) if column.kind == kind]


def _record(
    comparison: Comparison, columns: Sequence[Column], labels: Mapping[str, str], curves: dict[str, Any]
) -> dict[str, Any]:
    """What the script reads: a raw value per row and column, None where there is none."""
    best = dict(group.monitor for group in comparison.groups if group.monitor)
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


class Point(NamedTuple):
    """``epoch`` counts from 1; without a record of epochs it is the step."""

    epoch: float
    step: float
    value: float


def read_curves(run: Run) -> dict[str, list[Point]]:
    """Each training and validation metric over the run; empty where the run logged nowhere that can be read.

    Raises:
        ValueError: metrics.csv is broken.
    """
    if run.folder is None:
        return collect(run.rows)
    try:
        with (run.folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
            return collect(csv.DictReader(file))
    except FileNotFoundError:
        return {}
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"metrics.csv cannot be read: {error}") from None


def collect(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Point]]:
    """Records with an ``epoch`` from 0 and a ``step``, most of their cells empty, as one curve per metric.

    Where epochs are recorded, a record without one is not of the training: it repeats the final figures.
    """
    found: dict[str, list[Point]] = {}
    records = list(rows)
    has_epochs = any(_number(row.get("epoch")) is not None for row in records)
    for row in records:
        step = _number(row.get("step", row.get("trainer/global_step", row.get("_step"))))
        epoch = _number(row.get("epoch"))
        if step is None or (has_epochs and epoch is None):
            continue
        for name, cell in row.items():
            value = _number(cell)
            if value is not None and isinstance(name, str) and name.startswith(_CURVES):
                at = step if epoch is None else epoch + 1
                found.setdefault(name, []).append(Point(at, step, value))
    return found


def _number(cell: Any) -> float | None:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def curve_records(runs: Sequence[tuple[int, Run]]) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Metric to the curves of (row, run) pairs as the page draws them, thinned; and notices."""
    from seqlab.report.charts import thin

    notices, read = [], []
    for row, run in runs:
        try:
            read.append((row, run, read_curves(run)))
        except ValueError as error:
            notices.append(f"{run.name}: {error}")
    total = sum(len(curves) for _, _, curves in read)
    most = max(10, min(_MOST_POINTS, _BUDGET // max(1, total)))
    found: dict[str, list[dict[str, Any]]] = {}
    for row, run, curves in read:
        for name, points in curves.items():
            _, steps, values = np.asarray(points).T
            kept = [points[n] for n in thin(steps, values, most).tolist()]
            epochs, at, figures = ([_short(value) for value in axis] for axis in zip(*kept, strict=True))
            record = {"row": row, "run": run.name, "epoch": epochs, "step": at, "y": figures}
            found.setdefault(name, []).append(record)
    if silent := sum(not curves for _, _, curves in read):
        notices.append(f"{silent} of {len(runs)} runs have no learning curve: they ran without logger=csv")
    return found, notices


def _short(value: float) -> float | int:
    return int(value) if value == int(value) else float(f"{value:.5g}")
