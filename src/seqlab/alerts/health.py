"""Whether a watch goes well: its notices together, reports while it follows a log, a summary at its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.models import Model
from seqlab.alerts.notices import Drift, Notices, SkippedLines, Stall, UnseenTemplates
from seqlab.alerts.sources import Source
from seqlab.alerts.watcher import Watcher
from seqlab.logs.formats import LogFormat
from seqlab.logs.reading import Lines, Skipped

if TYPE_CHECKING:
    from seqlab.alerts.run import Watch
    from seqlab.logs.line_reader import LineEvents


class Health:
    """All that is said of a log beside alerts.

    Args:
        stall: seconds without a line that are said.
        drift_share: of unseen keys, above which it is said.
        live: whether the log is followed.
    """

    def __init__(
        self,
        notices: Notices,
        model: Model,
        log_format: LogFormat,
        stall: float,
        drift_share: float,
        *,
        live: bool,
    ) -> None:
        self.notices = notices
        self.started = time.monotonic()
        self.skipped = SkippedLines(notices, f"format {log_format.name}: {log_format.expected}", live=live)
        self.unseen = UnseenTemplates(notices, model.templates)
        self.drift = Drift(notices, model.judge.unseen_share, drift_share)
        self.stall = Stall(notices, stall, self.started)
        self._reported = (self.started, 0)  # when, and the events until then

    def take(self, lines: Lines, events: LineEvents, unseen: NDArray[np.bool_], skipped: Skipped) -> None:
        """A chunk of the log.

        Args:
            unseen: (E,) events that training did not hold.
            skipped: lines without an event.
        """
        self.skipped.add(lines.num_read, len(events.line), skipped)
        if unseen.any():
            self.unseen.add(lines, events.line[unseen].tolist(), events.key[unseen].tolist())
        self.drift.add(unseen)

    def state(self) -> dict[str, Any]:
        """What goes on after a restart, for JSON."""
        return {"skipped": dict(self.skipped.counts), "unseen": sorted(self.unseen.seen)}

    def restore(self, state: dict[str, Any], events: int) -> None:
        """Go on from what ``state`` gave, after so many events."""
        self._reported = (self.started, events)
        self.skipped.counts.update(state["skipped"])
        self.unseen.seen.update(state["unseen"])

    def report(self, watcher: Watcher, source: Source, every: float, now: float) -> None:
        """Say every so many seconds how fast reading is, how far behind, and what was found; never for 0."""
        then, before = self._reported
        if not every or now - then < every:
            return
        totals, behind, silent = watcher.totals, source.unread_bytes, now - self.stall.last
        rate, blocks = (totals.events - before) / (now - then), len(watcher.open)
        self.notices.say(
            "report",
            f"{source.name}: {rate:,.0f} events/s, {'' if behind is None else f'{behind:,} bytes behind, '}"
            f"last line {silent:.0f} s ago, {blocks:,} blocks open, {totals.alerts:,} alerts, "
            f"{totals.skipped:,} lines skipped",
            events_per_second=round(rate, 1),
            bytes_behind=behind,
            seconds_since_last_line=round(silent, 1),
            open_blocks=blocks,
            alerts=totals.alerts,
            skipped=totals.skipped,
        )
        self._reported = (now, totals.events)


def say_summary(watch: Watch) -> None:
    """What was read and found, at the end."""
    totals, settings = watch.watcher.totals, watch.settings
    seconds, new_lines = time.monotonic() - watch.health.started, totals.lines - watch.lines_before
    open_blocks, left = len(watch.watcher.open), watch.source.unfinished_bytes
    rate = new_lines / max(seconds, 1e-9)
    rows = [
        ("lines", totals.lines, watch.health.skipped.in_words()),
        ("events", totals.events, ""),
        ("blocks", totals.blocks, ""),
        ("alerts", totals.alerts, "" if settings.output is None else str(settings.output)),
        ("speed", round(rate), f"lines/s, {seconds:.1f} s"),
    ]
    if watch.resumed:
        rows.insert(1, ("new", new_lines, "lines since the state was written"))
    if open_blocks:
        again = "without --follow, with --close" if settings.follow else "with --close"
        how = f"may go on; the last time, run {again} to score them to their end"
        rows.append(("open", open_blocks, f"blocks {how if settings.state else ', not scored to their end'}"))
    if left:
        rows.append(("left", left, "bytes of a last line without its end: read when the rest is there"))
    if totals.limited:
        rows.append(("closed", totals.limited, "blocks by --max-open: their scores are of a part"))
    text = "\n".join(f"  {name:<7} {count:>12,}   {what}".rstrip() for name, count, what in rows)
    if settings.state is not None:
        text += f"\n  state   {settings.state}"
    watch.notices.say(
        "summary",
        f"{watch.source.name}\n{text}",
        **vars(totals),
        new_lines=new_lines,
        skipped_by_reason=dict(watch.health.skipped.counts),
        open_blocks=open_blocks,
        unfinished_bytes=left,
        seconds=round(seconds, 3),
        lines_per_second=round(rate, 1),
    )
