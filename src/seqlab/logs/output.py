"""What a parse leaves: sessions.parquet, templates.csv and, written last, parse.json; and what it says."""

from __future__ import annotations

import csv
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from seqlab.errors import UserError
from seqlab.files import sync, whole_file
from seqlab.logs.counting import Labels, Parsed
from seqlab.logs.known_templates import PARAMETERS, SESSIONS, SUMMARY, TEMPLATES
from seqlab.logs.masking import MASK, SHOWN
from seqlab.logs.reading import Source
from seqlab.logs.settings import ParseSettings

LABELS = ("Normal", "Anomaly")  # as loghub's label files have them
PACKAGES = ("seqlab", "polars", "numpy")
ROWS_AT_ONCE = 65_536  # sessions in a group of rows


def check_output(settings: ParseSettings) -> None:
    """Raise UserError for a folder that holds a parse, unless it is to be replaced."""
    if (settings.output / SUMMARY).exists() and not settings.overwrite:
        raise UserError(f"{settings.output} holds a parse already: give another --output, or --overwrite")


def write_sessions(buckets: Sequence[pl.LazyFrame], labels: Labels | None, target: Path) -> dict[str, int]:
    """Write sessions.parquet in the order of first lines; returns the number of sessions by label.

    Args:
        buckets: each sorted by ``order``.
        labels: those of sessions; else those of the lines, where a header has some.
    """
    rows = reduce(lambda one, other: one.merge_sorted(other, "order"), buckets)
    if labels is not None:
        known = {"session": list(labels), "label": [LABELS[value] for value in labels.values()]}
        table = pl.LazyFrame(known, schema={"session": pl.String, "label": pl.String})
        rows = rows.join(table, "session", how="left", maintain_order="left")
    elif "abnormal" in rows.collect_schema():
        label = (
            pl.when("abnormal")
            .then(pl.lit(LABELS[1]))
            .when(pl.col("abnormal").not_())
            .then(pl.lit(LABELS[0]))
        )
        rows = rows.with_columns(label.alias("label"))
    else:
        rows = rows.with_columns(label=pl.lit(None, pl.String))
    columns = ("session", "keys", "label", "first_time", "last_time", "line_offsets", "times")
    rows.select(columns).sink_parquet(target, compression_level=1, row_group_size=ROWS_AT_ONCE)
    counts = pl.scan_parquet(target).group_by(pl.col("label").fill_null("unknown")).len().collect()
    return dict(counts.iter_rows())


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
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
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


@contextmanager
def line_progress(sources: Sequence[Source]) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error where that is a terminal; nothing elsewhere. Takes lines and bytes so far."""
    sizes = [source.plain_bytes for source in sources]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    texts = ("parsing", "{task.fields[lines]:,} lines", "{task.fields[rate]:,.0f} lines/s")
    columns = (BarColumn(), *map(TextColumn, texts), TimeRemainingColumn())
    begin = time.perf_counter()
    quiet = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("", total=total, lines=0, rate=0.0)

        def show(lines: int, position: int) -> None:
            rate = lines / max(time.perf_counter() - begin, 1e-9)
            bar.update(task, completed=position, lines=lines, rate=rate)

        yield show
