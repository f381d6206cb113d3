"""A block's timeline for the terminal: a row an event, a bar for its surprise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from seqlab.alerts.alert import UNSEEN, printable, span
from seqlab.alerts.timeline import Timeline, TimelineEvent
from seqlab.data.vocabulary import EOS_TOKEN

SURPRISING = math.log(10)  # nats: it had a probability below 1 in 10
FOLD_LONGER_THAN = 12  # unsurprising events in a row
KEPT_AROUND_FOLD = 2
MOST_DETAILED = 6  # events with what was expected, and with their lines
BAR_WIDTH = 12
_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(value: float, largest: float, width: int = BAR_WIDTH) -> str:
    """A bar of eighths of a letter; anything above 0 shows."""
    if largest <= 0 or value <= 0:
        return ""
    eighths = max(round(min(value / largest, 1.0) * width * 8), 1)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def is_surprising(event: TimelineEvent) -> bool:
    return event.nll is not None and event.nll >= SURPRISING


def folded(shown: Timeline, everything: bool) -> Iterator[TimelineEvent | tuple[int, float]]:
    """Its events; runs without surprise as (how many, the highest NLL among them)."""
    run: list[TimelineEvent] = []

    def flush(*, last: bool) -> Iterator[TimelineEvent | tuple[int, float]]:
        tail = 0 if last else KEPT_AROUND_FOLD
        if everything or len(run) <= FOLD_LONGER_THAN:
            yield from run
        else:
            hidden = run[KEPT_AROUND_FOLD : len(run) - tail]
            yield from run[:KEPT_AROUND_FOLD]
            yield len(hidden), max(event.nll or 0.0 for event in hidden)
            yield from run[len(run) - tail :] if tail else ()
        run.clear()

    for place, event in enumerate(shown.events):
        if is_surprising(event) or place == shown.worst or event.key == EOS_TOKEN:
            yield from flush(last=False)
            yield event
        else:
            run.append(event)
    yield from flush(last=True)


def heading(shown: Timeline) -> list[str]:
    """The block, its score, its extent."""
    events = shown.events[:-1]
    sign, verdict = (">", "an alert") if shown.is_alert else ("≤", "no alert")
    rows = [
        printable(shown.block),
        f"  {shown.score_name} {shown.score:.4g} {sign} {shown.threshold:.4g}: {verdict}",
    ]
    times = [event.time for event in events if event.time is not None]
    extent = f"  {len(events):,} event{'s' if len(events) != 1 else ''}"
    if times:
        extent += f", {span(times[0], times[-1])}"
    files = list(dict.fromkeys(event.file for event in events if event.file is not None))
    rows.append(f"{extent}, {', '.join(files)}" if files else extent)
    for key, template, more in shown.counts:
        amount = f"{abs(more):,} {'more' if more > 0 else 'fewer'}"
        rows.append(f"  {amount} of {key} than the nearest training block: {printable(template)}")
    return rows


def timeline_text(shown: Timeline, *, everything: bool = False, width: int = 110) -> str:
    """The whole timeline.

    Args:
        everything: show runs of events without surprise too, instead of their number.
        width: letters a row; a line of the log takes a row of its own and as much as it needs.
    """
    events = shown.events
    values = [event.nll for event in events if event.nll is not None]
    largest = max([value for value in values if value < 100] or [1.0])
    if shown.score_name == "nll_max":
        largest = max(largest, shown.threshold)
    time_width = max(len(_clock(event.time)) for event in events)
    key_width = max(3, *(len(event.key) for event in events))
    number_width = max(3, len(str(len(events))))
    time_room = time_width + 2 if time_width else 0  # no column where nothing has a time
    before = number_width + time_room + key_width + BAR_WIDTH + 20
    room = max(width - before, 24)

    def row(number: str, time: str, key: str, nll: str, drawn: str, rank: str, text: str) -> str:
        return (
            f"{number:>{number_width}}  {time:<{time_room}}{key:>{key_width}}  {nll:>6}  "
            f"{drawn:<{BAR_WIDTH}}  {rank:>4}  {text}"
        ).rstrip()

    surprising = sorted(
        (event for event in events if is_surprising(event)), key=lambda event: -(event.nll or 0)
    )
    detailed = {event.position for event in surprising[:MOST_DETAILED]}
    rows = [
        *heading(shown),
        "",
        row("#", "time" if time_width else "", "key", "nats", "", "rank", "template"),
    ]
    for item in folded(shown, everything):
        if isinstance(item, tuple):
            count, highest = item
            rows.append(row("…", "", "", "", "", "", f"{count:,} events, none above {highest:.1f} nats"))
            continue
        number = "end" if item.key == EOS_TOKEN else str(item.position)
        nll = "–" if item.nll is None else ("new" if item.unseen else f"{item.nll:.2f}")
        drawn = bar(largest if item.unseen else item.nll or 0.0, largest)
        rank = "" if item.rank is None or item.unseen else str(item.rank)
        text = item.template or (UNSEEN if item.unseen else "")
        rows.append(row(number, _clock(item.time), item.key, nll, drawn, rank, _cut(text, room)))
        if item.position in detailed:
            rows += _details(item, number_width + time_room + 2, width)
    if any(event.nll is None for event in events):
        rows.append("–: the model predicts only events with a whole window before them")
    if any(event.unseen for event in events):
        rows.append(f"new: {UNSEEN}; counts as 100 nats")
    return "\n".join(rows) + "\n"


def _details(item: TimelineEvent, before: int, room: int) -> Sequence[str]:
    """What was expected, and the original line."""
    indent = " " * before
    room -= before
    width = max(len(guess.key) for guess in item.expected)
    rows = [
        f"{indent}{'expected' if place == 0 else '':<8} {guess.probability:.3f}  {guess.key:>{width}}  "
        f"{_cut(guess.template, max(room - width - 18, 20))}".rstrip()
        for place, guess in enumerate(item.expected)
    ]
    if item.text is not None:
        rows.append(f"{indent}line @{item.offset}  {printable(item.text)}")
    return rows


def _cut(text: str, most: int) -> str:
    plain = printable(text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def _clock(time: str | None) -> str:
    return "" if time is None else time.rsplit(" ", 1)[1][:12]
