"""What a parse counts and refuses, what it leaves (parse.json is written last), and what it says."""

from __future__ import annotations

import csv
import json
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import reduce
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.errors import UserError
from seqlab.files import sync
from seqlab.logs.formats import ALL_FORMATS, MASK, SHOWN
from seqlab.logs.known_templates import PARAMETERS, SESSIONS, SUMMARY, TEMPLATES
from seqlab.logs.reading import NO_TIME, SHOWN_LINES, text_bytes
from seqlab.logs.sessions import MappedChunk
from seqlab.logs.settings import ParseSettings
from seqlab.progress import bar

ENOUGH_LINES = 10_000  # to see that a format is another
LABELS = ("Normal", "Anomaly")  # as loghub's label files have them
PACKAGES = ("seqlab", "polars", "numpy")
ROWS_AT_ONCE = 65_536  # sessions in a group of rows
Labels = Mapping[str, int]  # {session: 0 normal, 1 abnormal}


@dataclass
class ParseCounts:
    """Totals over the chunks so far."""

    events: int = 0
    timed: int = 0  # messages whose time could be read
    skipped: Counter[str] = field(default_factory=Counter)
    skipped_lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # the first of each reason
    templates: Counter[int] = field(default_factory=Counter)  # messages of each
    examples: dict[int, str] = field(default_factory=dict)  # the first line of each
    log_lines: Counter[str] = field(default_factory=Counter)  # lines of each log

    @property
    def lines(self) -> int:
        return self.log_lines.total()

    def add(self, mapped: MappedChunk, ids: NDArray[np.int32], log: str) -> None:
        """Count a chunk in; chunks come in the order of their lines.

        Args:
            ids: (M,) the template of each message.
        """
        for reason, (count, lines) in mapped.skipped.items():
            self.skipped[reason] += count
            first = self.skipped_lines.setdefault(reason, [])
            for line in lines[: SHOWN_LINES - len(first)]:
                first.append({"log": log, "line": line.number, "offset": line.offset, "text": line.text})
        self.log_lines[log] += mapped.num_lines
        self.events += len(mapped.events)
        self.timed += mapped.timed
        numbers, places, counts = np.unique(ids, return_index=True, return_counts=True)
        for number, place, count in zip(numbers.tolist(), places.tolist(), counts.tolist(), strict=True):
            self.templates[number] += count
            self.examples.setdefault(number, mapped.examples[int(mapped.code[place])])


@dataclass(frozen=True)
class Parsed:
    """What a parse found."""

    counts: ParseCounts
    templates: dict[int, list[str]]
    labels: dict[str, int]  # sessions by label: Normal, Anomaly, unknown
    fed: int  # messages that Drain itself saw
    seconds: float

    @property
    def num_sessions(self) -> int:
        return sum(self.labels.values())


def check_lines(settings: ParseSettings, counts: ParseCounts) -> None:
    """Refuse the lines so far, where no event came of them or none of their times could be read.

    Raises:
        UserError: with the first of the lines and what was expected.
    """
    form = settings.log_format
    is_timeless = form.syntax == "header" and form.has_times and not counts.timed
    if counts.events and not is_timeless:
        return
    if not counts.lines:
        raise UserError(f"{', '.join(settings.logs)}: no line in it")
    reason, first = NO_TIME, next(iter(counts.examples.values()), "")
    if not counts.events:
        reason = counts.skipped.most_common(1)[0][0]
        first = next((line["text"] for line in counts.skipped_lines[reason] if line["text"].strip()), "")
    raise UserError(
        f"none of the first {counts.lines:,} lines could be used ({reason}); the first: {first[:80]!r}; "
        f"--format {form.name} expects {form.expected}. Choose {ALL_FORMATS}; --try shows what a format sees"
    )


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
        is_abnormal = pl.when("abnormal").then(pl.lit(LABELS[1])).otherwise(pl.lit(LABELS[0]))
        rows = rows.with_columns(label=is_abnormal)
    else:
        rows = rows.with_columns(label=pl.lit(None, pl.String))
    columns = ("session", "keys", "label", "first_time", "last_time", "line_offsets", "times")
    rows.select(columns).sink_parquet(target, compression_level=1, row_group_size=ROWS_AT_ONCE)
    counts = pl.scan_parquet(target).group_by(pl.col("label").fill_null("unknown")).len().collect()
    return dict(counts.iter_rows())


def write_output(
    settings: ParseSettings, parsed: Parsed, parser: dict[str, Any], made: Path, logs: list[dict[str, Any]]
) -> None:
    """Write all files, then put them in place: a full disk leaves an earlier parse as it was. ``parse.json``
    comes last, so that where it is all is.

    Args:
        parser: what reads other logs the same way: see LineParser.
        made: the folder where SESSIONS and, where asked for, PARAMETERS were written.
        logs: where the offsets of each log begin.
    """
    output, counts = settings.output, parsed.counts
    shown = {
        number: " ".join(words).replace(MASK, SHOWN) for number, words in sorted(parsed.templates.items())
    }
    with (made / TEMPLATES).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["EventId", "EventTemplate", "Count", "Example"])
        for number, text in shown.items():
            table.writerow([number, text, counts.templates.get(number, 0), counts.examples.get(number, "")])
    summary = {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "settings": asdict(settings),
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
    with (made / SUMMARY).open("w", encoding="utf-8") as file:
        json.dump(summary, file, ensure_ascii=False, default=str)  # paths are texts
    names = [SESSIONS, TEMPLATES, *([PARAMETERS] if settings.parameters else []), SUMMARY]
    for name in names:
        sync(made / name)
    for earlier in (SUMMARY, PARAMETERS):
        (output / earlier).unlink(missing_ok=True)
    for name in names[:-1]:
        (made / name).replace(output / name)
    sync(output)
    (made / SUMMARY).replace(output / SUMMARY)


def report(settings: ParseSettings, parsed: Parsed) -> str:
    """What was read and found, for the terminal."""
    counts, seconds = parsed.counts, parsed.seconds
    speed = f"{counts.lines / max(seconds, 1e-9):,.0f} lines/s"
    labels = ", ".join(f"{count:,} {name}" for name, count in sorted(parsed.labels.items()))
    labels = ", no labels" if {*parsed.labels} <= {"unknown"} else f": {labels}"
    rows = [
        ("lines", f"{counts.lines:,} in {seconds:.1f} s, {speed}"),
        ("events", f"{counts.events:,} of {len(parsed.templates):,} templates"),
        ("sessions", f"{parsed.num_sessions:,}{labels}"),
    ]
    for reason, count in counts.skipped.items():
        first = counts.skipped_lines[reason][0]
        where = f"the first is {first['log']}, line {first['line']}: {first['text'][:60]!r}"
        rows.append(("skipped", f"{count:,} lines, {reason}, {where}"))
    kept = f"{PARAMETERS}, " if settings.parameters else ""
    rows.append(("written", f"{settings.output}: {SESSIONS}, {TEMPLATES}, {kept}{SUMMARY}"))
    rows.append(("train", f"python train.py model=gru data.sessions={settings.output}"))
    return "\n".join(f"{name:10}{text}" for name, text in rows)


@contextmanager
def line_progress(logs: Sequence[str]) -> Iterator[Callable[[int, int], None]]:
    """A bar; takes lines and bytes so far."""
    sizes = [text_bytes(log) for log in logs]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    with bar("parsing", total, "B", unit_scale=True, unit_divisor=1000) as shown:

        def update(lines: int, position: int) -> None:
            shown.set_postfix_str(f"{lines:,} lines", refresh=False)
            shown.update(position - shown.n)

        yield update
