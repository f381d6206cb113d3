"""compare.html: tables that sort and filter, charts, the settings of two runs, an index of all; offline."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seqlab.comparing.comparison import Comparison, Ranking
from seqlab.comparing.curves import curve_records
from seqlab.comparing.groups import ALWAYS_SHOWN, UNKNOWN, Group, setting, settings_apart
from seqlab.comparing.runs import Run
from seqlab.comparing.table import Column, columns_of, setting_text
from seqlab.report.page import Section, render_page
from seqlab.report.tables import format_number, short_names

_FOLDER = Path(__file__).parent
_MOST_AXES = 7  # that are chosen at first
_MOST_LINKS = 6  # in a cell
_FIRST_SETTINGS = 4  # before the figures


@cache
def _parts() -> Any:
    """The macros of compare.html.j2."""
    loader = FileSystemLoader(_FOLDER, encoding="utf-8")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("compare.html.j2").module


def render_comparison(comparison: Comparison, paired: Sequence[str] = (), folder: Path = Path()) -> str:
    """The page as HTML text, with its data, style and script in it.

    Args:
        paired: lines of the paired test; empty for none.
        folder: where the page will lie: links to reports begin there.
    """
    parts, rankings = _parts(), comparison.rankings
    tables = [_ordered(ranking) for ranking in rankings]
    curves, notices = curve_records([(row - 1, run) for row, run in comparison.runs])
    note = "Click a row to color it, a heading to sort."
    sections = [
        Section(
            ranking.title,
            (parts.filter() if number == 0 else Markup(""))
            + parts.table(
                number,
                ranking.title,
                columns,
                [_links(group, folder) for group in ranking.groups],
                ranking.first_row,
                ranking.monitor or ("", ""),
            ),
            f"{ranking.summary[0].upper()}{ranking.summary[1:]}. {note}",
        )
        for number, (ranking, columns) in enumerate(zip(rankings, tables, strict=True))
    ]
    if paired:
        sections.append(Section("Paired comparison", parts.paired(paired)))
    several = any(len(each.groups) > 1 for each in rankings)
    charts = [parts.picker([each.title for each in rankings]), parts.curves(), parts.others(several)]
    sections.append(Section("Charts", Markup("").join(charts)))
    if len(comparison.runs) > 1:
        names = [f"{row}: {run.label or run.name}" for row, run in comparison.runs]
        sections.append(Section("Settings of two runs", parts.difference(names)))
    sections.append(
        Section("All runs", parts.index([_entry(row, run, folder) for row, run in comparison.runs]))
    )
    reading = [
        f"{part[0].upper()}{part[1:]}." for part in (*comparison.reading(), *comparison.notices, *notices)
    ]
    record = _embedded(_record(comparison, tables, curves))
    notes = parts.notes(reading) if reading else Markup("<p>None.</p>")
    sections.append(Section("Notes", notes + record))
    rows, runs = len(comparison.groups), len(comparison.runs)
    return render_page(
        "Comparison of runs",
        f"{runs:,} run{'s' * (runs > 1)}" + (f" in {rows:,} row{'s' * (rows > 1)}" if rows < runs else ""),
        [],
        sections,
        style=(_FOLDER / "compare.css").read_text(encoding="utf-8"),
        script=(_FOLDER / "compare.js").read_text(encoding="utf-8"),
    )


def _address(run: Run, folder: Path) -> str:
    """Of its report as a link of a page in ``folder``; empty where it has none."""
    return quote(os.path.relpath(run.report, folder)) if run.report else ""


def _links(group: Group, folder: Path) -> list[tuple[str, str]]:
    """The reports of a row's runs: text and address, which is empty where there is none."""
    alone = len(group.runs) == 1
    found = []
    for run in group.runs[:_MOST_LINKS]:
        address = _address(run, folder)
        name = f"seed {setting_text(run.seed)}" if not alone else "report" if address else ""
        state = "" if run.metrics is not None else run.state
        found.append((" ".join(filter(None, (run.label if alone else "", name, state))), address))
    more = len(group.runs) - _MOST_LINKS
    return [*found, *([(f"{more} more below", "")] if more > 0 else [])]


def _entry(row: int, run: Run, folder: Path) -> dict[str, Any]:
    """A run as the index shows it."""
    metric = run.monitor[0] if run.monitor else ""
    value = (run.metrics or {}).get(metric)
    return {
        "row": row,
        "name": f"{run.label} ({run.name})" if run.label else run.name,
        "address": _address(run, folder),
        **{choice: run.choices.get(choice, UNKNOWN) for choice in ALWAYS_SHOWN},
        "seed": setting_text(run.seed),
        "state": run.state,
        "figure": f"{metric} {format_number(value)}" if value is not None else "–",
        "begun": f"{datetime.fromtimestamp(run.started_at):%Y-%m-%d %H:%M}" if run.started_at else "–",
        "tags": ", ".join(run.tags),
        "notes": str(run.config.get("notes") or ""),
    }


def _ordered(ranking: Ranking) -> list[Column]:
    """The runs' reports, some settings that tell the rows apart, figures, seeds, the other settings."""
    columns = [column for column in columns_of(ranking) if column.kind != "row"]
    settings = [column for column in columns if column.name in ranking.needed]
    first = sorted(settings, key=Column.preference)[:_FIRST_SETTINGS]
    kinds = {"runs": 0, "figure": 2, "seeds": 3, "setting": 4}
    return sorted(columns, key=lambda column: 1 if column in first else kinds[column.kind])


def _record(
    comparison: Comparison, tables: Sequence[Sequence[Column]], curves: Mapping[str, Any]
) -> dict[str, Any]:
    """What the script reads: of each table a raw value per row and column, None where there is none."""
    found = []
    for ranking, columns in zip(comparison.rankings, tables, strict=True):
        labels = short_names([column.name for column in columns])
        best = dict([ranking.monitor] if ranking.monitor else [])
        settings = [n for n, column in enumerate(columns) if column.kind == "setting"]
        figures = [n for n, column in enumerate(columns) if column.kind == "figure"]
        numeric = [n for n in settings if columns[n].is_number]
        found.append(
            {
                "columns": [
                    {"name": column.name, "label": labels[column.name], "best": best.get(column.name, "")}
                    for column in columns
                ],
                "rows": [
                    {"name": name, "values": [column.values[row] for column in columns]}
                    for row, name in enumerate(_row_names(ranking, columns))
                ],
                "judge": ranking.monitor[0] if ranking.monitor else "",
                "axes": [*settings[: _MOST_AXES - 2], *figures][:_MOST_AXES],
                "scatter": [(*numeric, *figures[1:], *settings, 0)[0], figures[0] if figures else 0],
            }
        )
    return {"tables": found, "curves": curves, "settings": _settings([run for _, run in comparison.runs])}


def _settings(runs: Sequence[Run]) -> dict[str, Any]:
    """The settings that are not alike in all runs: their values, and which of them each run has."""
    keys = dict.fromkeys(key for run in runs[1:] for key, _, _ in settings_apart(runs[0], run))
    found = {}
    for key in keys:
        texts = [setting_text(setting(run, key)) for run in runs]
        values = list(dict.fromkeys(texts))
        place = {value: number for number, value in enumerate(values)}
        found[key] = {"values": values, "of": [place[text] for text in texts]}
    return found


def _row_names(ranking: Ranking, columns: Sequence[Column]) -> list[str]:
    """A row as its first settings: ``lr=0.02 hidden_size=64``; without any the name of its first run."""
    settings = [column for column in columns if column.name in ranking.needed][:_FIRST_SETTINGS]
    return [
        " ".join(
            column.cells[row] if column.name in ALWAYS_SHOWN else f"{column.heading}={column.cells[row]}"
            for column in settings
        )
        or group.runs[0].label
        or group.runs[0].name
        for row, group in enumerate(ranking.groups)
    ]


def _embedded(record: dict[str, Any]) -> Markup:
    """Data for the script. ``<`` is written as an escape, so that no text in it can end the element."""
    content = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup('<script type="application/json" id="compare-data">{}</script>').format(
        Markup(content.replace("<", "\\u003c"))
    )
