"""A block's timeline as a table: a row an event, a bar for its surprise. In the terminal or as a picture."""

from __future__ import annotations

import io
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seqlab.alerts.alert import UNSEEN, printable, span
from seqlab.alerts.timeline import Timeline, TimelineEvent
from seqlab.errors import UserError

SURPRISING = math.log(10)  # nats: it had a probability below 1 in 10
FOLD_LONGER_THAN = 12  # unsurprising events in a row
KEPT_AROUND_FOLD = 2
MOST_DETAILED = 6  # events with what was expected, and with their lines
BAR_WIDTH = 12
PICTURE_WIDTH = 140  # letters


def folded(shown: Timeline, *, everything: bool) -> Iterator[TimelineEvent | tuple[int, float]]:
    """Its events; long runs without surprise as (how many, the highest NLL among them)."""
    events, worst = shown.events, shown.worst
    kept = [place == worst or event.is_end or is_surprising(event) for place, event in enumerate(events)]
    place = 0
    while place < len(events):
        end = kept.index(True, place)  # the end of the block is kept
        if end - place <= FOLD_LONGER_THAN or everything:
            yield from events[place : end + 1]
        else:
            hidden = events[place + KEPT_AROUND_FOLD : end - KEPT_AROUND_FOLD]
            yield from events[place : place + KEPT_AROUND_FOLD]
            yield len(hidden), max(event.nll or 0.0 for event in hidden)
            yield from events[end - KEPT_AROUND_FOLD : end + 1]
        place = end + 1


def is_surprising(event: TimelineEvent) -> bool:
    return event.nll is not None and event.nll >= SURPRISING


def print_timeline(shown: Timeline, *, everything: bool = False) -> None:
    """Write the timeline to standard output; ``everything`` folds nothing."""
    width = None if sys.stdout.isatty() else PICTURE_WIDTH
    Console(highlight=False, width=width).print(_page(shown, everything=everything))


def check_picture(path: Path) -> None:
    """Raise UserError for a name that no picture can be written under."""
    if path.suffix.lower() != ".svg" or path.is_dir():
        raise UserError(f"--picture {path}: choose a file's name that ends in .svg")
    if not path.absolute().parent.is_dir():
        raise UserError(f"--picture {path}: the folder {path.parent} does not exist")


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
    events = shown.events
    values = [event.nll for event in events if event.nll is not None and not event.unseen]
    largest = max([*values, shown.threshold if shown.score_name == "nll_max" else 0.0, 1.0])
    with_times = any(event.time is not None for event in events)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for name in ("#", "time", "key", "nats") if with_times else ("#", "key", "nats"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", width=BAR_WIDTH)
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("template, what was expected, line", overflow="fold", ratio=1)
    most = sorted(filter(is_surprising, events), key=lambda event: -(event.nll or 0))[:MOST_DETAILED]
    for item in folded(shown, everything=everything):
        if isinstance(item, tuple):
            cells = ["…", *[""] * (5 if with_times else 4)]
            table.add_row(*cells, f"{item[0]:,} events, none above {item[1]:.1f} nats", style="dim")
            continue
        value = largest if item.unseen else item.nll or 0.0
        table.add_row(
            "end" if item.is_end else str(item.position),
            *([(item.time or "").rpartition(" ")[2][:12]] if with_times else []),
            item.key,
            "–" if item.nll is None else ("new" if item.unseen else f"{item.nll:.2f}"),
            ProgressBar(largest, value, BAR_WIDTH, complete_style="red" if is_surprising(item) else "blue"),
            "" if item.rank is None or item.unseen else str(item.rank),
            _told(item, detailed=item in most),
        )
    return Group(*_heading(shown), "", table, *_remarks(shown))


def _told(event: TimelineEvent, *, detailed: bool) -> Text:
    """The template of an event; with what was expected and its line where that is wanted."""
    name = printable(event.template) or (UNSEEN if event.unseen else "")
    text = Text(name, style="bold" * is_surprising(event))
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
    times = [event.time for event in events if event.time is not None]
    files = dict.fromkeys(event.file for event in events if event.file is not None)
    extent = [f"{len(events):,} events", span(times[0], times[-1]) if times else "", *files]
    rows = [
        Text(printable(shown.block), "bold"),
        Text(f"  {shown.score_name} {shown.score:.4g} {sign} {shown.threshold:.4g}: {verdict}"),
        Text(f"  {', '.join(filter(None, extent))}"),
    ]
    for key, template, more in shown.counts:
        amount = f"{abs(more):,} {'more' if more > 0 else 'fewer'}"
        rows.append(Text(f"  {amount} of {key} than the nearest training block: {printable(template)}"))
    return rows


def _remarks(shown: Timeline) -> Iterator[str]:
    """What the signs of the table mean, where they stand there."""
    if any(event.nll is None for event in shown.events):
        yield "–: the model predicts only events with a whole window before them"
    if any(event.unseen for event in shown.events):
        yield f"new: {UNSEEN}; counts as 100 nats"
