"""A block's timeline as a table: a row an event, a bar for its surprise. In the terminal or as a picture."""

from __future__ import annotations

import io
import math
import re
import sys
from pathlib import Path

from rich import box
from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seqlab.alerts.alert import UNSEEN, printable, span
from seqlab.alerts.checks import check_target
from seqlab.alerts.timeline import Timeline, TimelineEvent
from seqlab.errors import UserError

SURPRISING = math.log(10)  # nats: it had a probability below 1 in 10
KEPT_AROUND = 2  # events before and after a surprising one; others are folded
MOST_DETAILED = 6  # events with what was expected, and with their lines
BAR_WIDTH = 12
PICTURE_WIDTH = 140  # letters
LEGEND = f"–: not predicted, without a whole window before it; new: {UNSEEN}, counts as 100 nats"


def kept_places(events: tuple[TimelineEvent, ...]) -> set[int]:
    """Places of the events that are shown: the most surprising ones, the first, the end, and those around."""
    last = len(events) - 1
    worst = max(range(len(events)), key=lambda place: events[place].nll or 0.0)
    centers = [0, worst, last, *(place for place, event in enumerate(events) if is_surprising(event))]
    return {place for center in centers for place in range(center - KEPT_AROUND, center + KEPT_AROUND + 1)}


def is_surprising(event: TimelineEvent) -> bool:
    return event.nll is not None and event.nll >= SURPRISING


def print_timeline(shown: Timeline, *, everything: bool = False) -> None:
    """Write the timeline to standard output; ``everything`` folds nothing."""
    width = None if sys.stdout.isatty() else PICTURE_WIDTH
    Console(highlight=False, width=width).print(_page(shown, everything=everything))


def check_picture(path: Path) -> None:
    """Raise UserError for a name that no picture can be written under."""
    if path.suffix.lower() != ".svg":
        raise UserError(f"--picture {path}: choose a file's name that ends in .svg")
    check_target("--picture", path)


def write_picture(shown: Timeline, path: Path) -> None:
    """Write the same as an SVG file.

    Raises:
        UserError: the file cannot be written.
    """
    console = Console(
        record=True, width=PICTURE_WIDTH, file=io.StringIO(), force_terminal=True, highlight=False
    )
    console.print(_page(shown, everything=False))
    text = console.export_svg(title=f"{shown.block}, event by event")
    text = re.sub(r"@font-face \{.*?\}\n", "", text, flags=re.DOTALL)  # fonts that a browser would download
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--picture {path}: cannot be written: {error.strerror}") from None


def _page(shown: Timeline, *, everything: bool) -> Group:
    """Heading, table and legend."""
    events = shown.events
    largest = max([event.nll or 0.0 for event in events if not event.unseen] + [SURPRISING])
    with_times = any(event.time is not None for event in events)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for name in ("#", "time", "key", "nats") if with_times else ("#", "key", "nats"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", width=BAR_WIDTH)
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("template, what was expected, line", overflow="fold", ratio=1)
    detailed = sorted(filter(is_surprising, events), key=lambda event: -(event.nll or 0))[:MOST_DETAILED]
    kept, hidden = kept_places(events), 0
    for place, event in enumerate(events):
        if place not in kept and not everything:
            hidden += 1
            continue
        if hidden:
            rest = [""] * (len(table.columns) - 2)
            table.add_row("…", *rest, f"{hidden:,} events without surprise", style="dim")
            hidden = 0
        nats = "–" if event.nll is None else "new" if event.unseen else f"{event.nll:.2f}"
        bar = largest if event.unseen else event.nll or 0.0
        color = "red" if is_surprising(event) else "blue"
        table.add_row(
            "end" if event.is_end else str(event.position),
            *([(event.time or "").rpartition(" ")[2][:12]] if with_times else []),
            event.key,
            nats,
            ProgressBar(largest, bar, BAR_WIDTH, complete_style=color),
            "" if event.rank is None or event.unseen else str(event.rank),
            _told(event, detailed=event in detailed),
        )
    return Group(*_heading(shown), "", table, LEGEND)


def _told(event: TimelineEvent, *, detailed: bool) -> Text:
    """The template of an event; with what was expected and its line where that is wanted."""
    name = printable(event.template) or (UNSEEN if event.unseen else "")
    text = Text(name, style="bold" if is_surprising(event) else "")
    if detailed:
        for guess in event.expected:
            row = f"\n{guess.probability:.3f}  {guess.key}  {printable(guess.template)}"
            text.append(row, "not bold cyan")
        if event.text is not None:
            text.append(f"\n@{event.offset}  {printable(event.text)}", "not bold dim")
    return text


def _heading(shown: Timeline) -> list[Text]:
    """The block, its score, its extent."""
    events = shown.events[:-1]
    sign, verdict = (">", "an alert") if shown.is_alert else ("≤", "no alert")
    files = dict.fromkeys(event.file for event in events if event.file is not None)
    extent = [f"{len(events):,} events", span(events[0].time, events[-1].time), *files]
    rows = [
        Text(printable(shown.block), "bold"),
        Text(f"  {shown.score_name} {shown.score:.4g} {sign} {shown.threshold:.4g}: {verdict}"),
        Text(f"  {', '.join(filter(None, extent))}"),
    ]
    for count in shown.counts:
        rows.append(Text(f"  {count} than the nearest training block: {printable(count.template)}"))
    return rows
