"""What a parse leaves: sessions.parquet, templates.csv and, written last, parse.json."""

from __future__ import annotations

import csv
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import polars as pl

from seqlab.errors import UserError
from seqlab.files import sync, whole_file
from seqlab.logs.counting import Parsed
from seqlab.logs.known_templates import PARAMETERS, SESSIONS, SUMMARY, TEMPLATES
from seqlab.logs.masking import MASK, SHOWN
from seqlab.logs.parse_settings import ParseSettings

LABELS = ("Normal", "Anomaly")  # as loghub's label files have them
PACKAGES = ("seqlab", "polars", "numpy")


def check_output(settings: ParseSettings) -> None:
    """Raise UserError for a folder that holds a parse, unless it is to be replaced."""
    if (settings.output / SUMMARY).exists() and not settings.overwrite:
        raise UserError(f"{settings.output} holds a parse already: give another --output, or --overwrite")


def finish_rows(rows: pl.DataFrame, labels: Mapping[str, int] | None, found: dict[str, int]) -> pl.DataFrame:
    """Rows of sessions.parquet, with labels where there are some; ``found`` counts them.

    Args:
        labels: {session: 0 normal, 1 abnormal}; else those of the lines, where a header has some.
    """
    if labels is not None:
        known = [labels.get(session) for session in rows["session"].to_list()]
    elif "abnormal" in rows.columns:
        known = rows["abnormal"].cast(pl.Int8).to_list()
    else:
        known = [None] * len(rows)
    label = pl.Series("label", [None if value is None else LABELS[value] for value in known], pl.String)
    for name, count in label.value_counts().iter_rows():
        found[name or "unknown"] = found.get(name or "unknown", 0) + count
    return rows.with_columns(label).select(
        "session", "keys", "label", "first_time", "last_time", "line_offsets", "times"
    )


def shown_template(words: list[str]) -> str:
    """A template as people write it."""
    return " ".join(words).replace(MASK, SHOWN)


def write_output(
    settings: ParseSettings,
    parsed: Parsed,
    parser: dict[str, Any],
    made: Path,
    logs: list[dict[str, Any]],
) -> None:
    """Put the files in place; ``parse.json`` comes last, so that where it is all is.

    Args:
        parser: what reads other logs the same way: see LineParser.
        made: the folder where SESSIONS and, where asked for, PARAMETERS were written.
        logs: where the offsets of each log begin.
    """
    output, counts = settings.output, parsed.counts
    (output / SUMMARY).unlink(missing_ok=True)
    (output / PARAMETERS).unlink(missing_ok=True)  # of an earlier parse
    for name in (SESSIONS, PARAMETERS) if settings.parameters else (SESSIONS,):
        sync(made / name)
        (made / name).replace(output / name)
    shown = {number: shown_template(words) for number, words in sorted(parsed.templates.items())}
    with (
        whole_file(output / TEMPLATES, on_disk=True) as part,
        part.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file)
        table.writerow(["EventId", "EventTemplate", "Count", "Example"])
        for number, text in shown.items():
            table.writerow([number, text, counts.templates.get(number, 0), counts.examples.get(number, "")])
    sync(output)
    summary = {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "settings": settings.state(),
        "logs": logs,
        "lines": counts.lines,
        "events": counts.events,
        "sessions": parsed.num_sessions,
        "labels": parsed.labels,
        "templates": len(parsed.templates),
        "messages_fed_to_drain": parsed.fed,
        "skipped": dict(counts.skipped),
        "skipped_lines": counts.skipped_lines,
        "parser": parser
        | {"templates": [{"id": number, "template": text} for number, text in shown.items()]},
    }
    with whole_file(output / SUMMARY, on_disk=True) as part, part.open("w", encoding="utf-8") as file:
        json.dump(summary, file, ensure_ascii=False)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def report(settings: ParseSettings, parsed: Parsed) -> str:
    """What was read and found, for the terminal."""
    counts, seconds = parsed.counts, parsed.seconds
    speed = f"{counts.lines / max(seconds, 1e-9):,.0f} lines/s"
    labels = ", ".join(f"{count:,} {name}" for name, count in sorted(parsed.labels.items()))
    rows = [
        ("lines", f"{counts.lines:,} in {seconds:.1f} s, {speed}"),
        ("events", f"{counts.events:,} of {len(parsed.templates):,} templates"),
        (
            "sessions",
            f"{parsed.num_sessions:,}{', no labels' if {*parsed.labels} <= {'unknown'} else f': {labels}'}",
        ),
    ]
    for reason, count in counts.skipped.items():
        first = next(iter(counts.skipped_lines[reason]), None)
        where = first and f", the first is {first['log']}, line {first['line']}: {first['text'][:60]!r}"
        rows.append(("skipped", f"{count:,} lines, {reason}{where or ''}"))
    kept = f"{PARAMETERS}, " if settings.parameters else ""
    rows.append(("written", f"{settings.output}: {SESSIONS}, {TEMPLATES}, {kept}{SUMMARY}"))
    rows.append(("train", f"python train.py model=gru data.sessions={settings.output}"))
    return "\n".join(f"{name:10}{text}" for name, text in rows)
