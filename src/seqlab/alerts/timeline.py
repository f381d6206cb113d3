"""One block's events in their order, how surprising each was, and what was expected in its place.

The events come from a log, from a parse of it, or from a file of sessions; they are shown as one table.
"""

from __future__ import annotations

import io
import json
import math
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seqlab.alerts.alert import UNSEEN, Count, Guess, best_guesses, iso_time, printable, span
from seqlab.alerts.checks import check_target
from seqlab.alerts.models import Model
from seqlab.data.line_counts import LineCounts
from seqlab.data.parsed_sessions import check_templates, read_parsed_sessions
from seqlab.data.session_files import read_sessions
from seqlab.data.vocabulary import EOS_TOKEN, UNK_TOKEN
from seqlab.detection.surprise import UNSEEN_NLL
from seqlab.errors import UserError, escaped_json, shown
from seqlab.logs.formats import says_year
from seqlab.logs.line_reader import LineParser
from seqlab.logs.reading import LONGEST_LINE, Lines, find_logs, read_chunks

SURPRISING = math.log(10)  # nats: it had a probability below 1 in 10
KEPT_AROUND = 2  # events before and after a surprising one; others are folded
MOST_DETAILED = 6  # events with what was expected, and with their lines
BAR_WIDTH = 12
PICTURE_WIDTH = 140  # letters
LEGEND = f"–: not predicted, without a whole window before it; new: {UNSEEN}, counts as 100 nats"
_PACKED = ".gz"  # no line is found at its offset there


@dataclass(frozen=True)
class BlockEvent:
    """An event as it was found, before anything scored it."""

    key: str
    time: str | None = None
    file: str | None = None
    offset: int | None = None  # byte where its line begins
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class TimelineEvent(BlockEvent):
    """An event, or the block's end, and how surprising it was."""

    position: int  # from 1; for the end, one more than there are events
    template: str
    nll: float | None  # nats; None where the model predicts nothing: see data.context
    rank: int | None
    unseen: bool  # a key that training never showed
    expected: tuple[Guess, ...]


@dataclass(frozen=True)
class Timeline:
    """A block, event by event."""

    block: str
    score_name: str
    score: float
    threshold: float
    counts: tuple[Count, ...]
    events: tuple[TimelineEvent, ...]  # its end is the last

    @property
    def is_alert(self) -> bool:
        return self.score > self.threshold

    def to_json(self) -> str:
        """One object."""
        content: dict[str, Any] = {"kind": "timeline", "alert": self.is_alert} | asdict(self)
        return escaped_json(json.dumps(content, ensure_ascii=False, allow_nan=False))


def timeline(model: Model, block: str, found: Sequence[BlockEvent]) -> Timeline:
    """Score the events of one block, which are one or more."""
    vocabulary, judge = model.vocabulary, model.judge
    tokens = np.asarray(vocabulary.ids(event.key for event in found), dtype=np.int32)
    lengths = np.array([len(tokens)], dtype=np.int64)
    events = model.scorer.surprise(tokens, lengths)
    blind = [None] * int(events.first_key[0])
    nll: list[float | None] = [*blind, *events.nll.tolist()]
    rank: list[int | None] = [*blind, *events.rank.tolist()]
    places = range(len(tokens) + 1)
    probabilities = model.scorer.probabilities([tokens] * len(places), places)
    rows = tuple(
        TimelineEvent(
            **vars(event),
            position=place + 1,
            template=model.templates.get(event.key, ""),
            nll=nll[place],
            rank=rank[place],
            unseen=nll[place] == UNSEEN_NLL,
            expected=best_guesses(probabilities[place], vocabulary.tokens, model.templates),
        )
        for place, event in enumerate([*found, BlockEvent(EOS_TOKEN)])
    )
    score = float(judge.scores(events, tokens, lengths)[0])
    return Timeline(block, judge.main, score, judge.threshold, model.odd_counts(tokens), rows)


def events_of_sessions(path: Path, block: str, parser: dict[str, Any] | None) -> list[BlockEvent]:
    """From a file of sessions, or from the output folder of ``seqlab parse`` with the lines of its logs.

    Args:
        parser: state of the log parser of training; None after bare keys.

    Raises:
        UserError: no such block, or a folder whose template ids mean something else than those of training.
    """
    parsed = read_parsed_sessions(path) if path.is_dir() else None
    counts = LineCounts(path)
    sessions = read_sessions(path, counts) if parsed is None else parsed.sessions
    counts.tell()
    if parsed is not None:
        check_templates(str(parsed.folder), parsed.parser, parser)
    places = np.flatnonzero(sessions.ids == block)
    if not len(places):
        raise UserError(f"{path}: no block {shown(block)} among its {len(sessions.ids):,} sessions")
    place = int(places[0])
    keys = sessions.keys(place)
    if parsed is None:
        return [BlockEvent(key) for key in keys]
    offsets = parsed.line_offsets[sessions.offsets[place] : sessions.offsets[place + 1]].tolist()
    logs = parsed.summary["logs"]
    return [_with_line(key, offset, logs) for key, offset in zip(keys, offsets, strict=True)]


def _with_line(key: str, offset: int, logs: list[dict[str, Any]]) -> BlockEvent:
    """An event with its line, where that is still there.

    Args:
        offset: of the line in all logs, one after the other.
    """
    log = next(log for log in reversed(logs) if offset >= log["first_offset"])
    own, text = offset - log["first_offset"], None
    if not log["log"].lower().endswith(_PACKED):
        with suppress(OSError, UnicodeDecodeError), open(log["log"], "rb") as file:
            file.seek(own)
            text = file.readline(LONGEST_LINE).rstrip(b"\r\n").decode()
    return BlockEvent(key, None, log["log"], own, text)


def events_of_log(path: str, block: str, parser_state: dict[str, Any]) -> list[BlockEvent]:
    """All lines of a log that belong to a block.

    Raises:
        UserError: no line names it, or a log that cannot be read to its end.
    """
    parser = LineParser.from_state(parser_state)
    log_format = parser.reader.format
    with_year = says_year(log_format.time_format)
    found: list[BlockEvent] = []
    for chunk in read_chunks(find_logs([path])):
        if log_format.session is not None and block.encode() not in chunk.content:
            continue
        lines = Lines.of(chunk)
        events = parser(lines.column)
        times = events.time.astype("datetime64[us]").astype(np.int64)
        for event in np.flatnonzero((events.session == block).to_numpy()).tolist():
            place, key = int(events.line[event]), int(events.key[event])
            time = iso_time(int(times[event]), with_year=with_year)
            name = UNK_TOKEN if key < 0 else str(key)
            found.append(BlockEvent(name, time, path, int(lines.offsets[place]), lines.column[place]))
    if not found:
        raise UserError(f"{path}: no line of block {block}")
    return found


def kept_places(events: tuple[TimelineEvent, ...]) -> set[int]:
    """Places of the events that are shown: the most surprising ones, the first, the end, and those around."""
    last = len(events) - 1
    worst = max(range(len(events)), key=lambda place: events[place].nll or 0.0)
    centers = [0, worst, last, *(place for place, event in enumerate(events) if is_surprising(event))]
    kept = {place for center in centers for place in range(center - KEPT_AROUND, center + KEPT_AROUND + 1)}
    return kept | {place for place in range(last) if {place - 1, place + 1} <= kept}  # one is not folded


def is_surprising(event: TimelineEvent) -> bool:
    return event.nll is not None and event.nll >= SURPRISING


def print_timeline(shown: Timeline, *, everything: bool = False) -> None:
    """Write the timeline to standard output; ``everything`` folds nothing."""
    width = None if sys.stdout.isatty() else PICTURE_WIDTH
    Console(highlight=False, markup=False, width=width).print(_page(shown, everything=everything))


def check_picture(path: Path) -> None:
    """Raise UserError for a name that no picture can be written under."""
    if path.suffix.lower() != ".svg":
        raise UserError(f"--picture {path}: choose a file's name that ends in .svg")
    check_target("--picture", path)


def write_picture(shown: Timeline, path: Path) -> None:
    """Write the same as an SVG file; UserError where it cannot be written."""
    console = Console(
        record=True,
        width=PICTURE_WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        highlight=False,
        markup=False,
    )
    console.print(_page(shown, everything=False))
    text = console.export_svg(title=f"{printable(shown.block)}, event by event")
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
            "end" if event is events[-1] else str(event.position),
            *([(event.time or "").rpartition(" ")[2][:12]] if with_times else []),
            printable(event.key),
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
            row = printable(f"{guess.probability:.3f}  {guess.key}  {guess.template}")
            text.append(f"\n{row}", "not bold cyan")
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
        Text(printable(f"  {', '.join(filter(None, extent))}")),
    ]
    for count in shown.counts:
        rows.append(Text(printable(f"  {count} than the nearest training block: {count.template}")))
    return rows
