"""What a watch says of itself: reports while it follows a log, and a summary at its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from seqlab.alerts.parts import LogPart

if TYPE_CHECKING:
    from seqlab.alerts.run import Watch


def say_report(watch: Watch, rate: float, now: float) -> None:
    """How fast reading is, how far behind, and what was found.

    Args:
        rate: events/s since the report before.
        now: seconds of the watch's clock.
    """
    totals, skipped = watch.watcher.totals, watch.skipped.total
    lag = watch.source.lag().bytes
    silent = now - watch.stall.last
    behind = "" if lag is None else f"{lag:,} bytes behind, "
    watch.notices.say(
        "report",
        f"{watch.source.name}: {rate:,.0f} events/s, {behind}last line {silent:.0f} s ago, "
        f"{len(watch.watcher.open):,} blocks open, {totals.alerts:,} alerts, {skipped:,} lines skipped",
        file=watch.source.name,
        events_per_second=round(rate, 1),
        bytes_behind=lag,
        seconds_since_last_line=round(silent, 1),
        open_blocks=len(watch.watcher.open),
        alerts=totals.alerts,
        skipped=skipped,
    )


def say_summary(watch: Watch) -> None:
    """What was read and found."""
    totals, seconds = watch.watcher.totals, time.monotonic() - watch.started
    open_blocks, left = len(watch.watcher.open), _left_bytes(watch)
    rate = watch.new_lines / max(seconds, 1e-9)
    rows = [
        f"{watch.source.name}",
        f"  lines   {totals.lines:>12,}   {watch.skipped.in_words()}",
        f"  events  {totals.events:>12,}",
        f"  blocks  {totals.blocks:>12,}",
        _row("alerts", totals.alerts, _where(watch)),
        f"  speed   {rate:>12,.0f}   lines/s, {seconds:.1f} s",
    ]
    if watch.resumed:
        nothing = "" if watch.new_lines else "nothing was added to the log since the state was written"
        rows.insert(2, _row("new", watch.new_lines, nothing or "lines since the state was written"))
    if open_blocks:
        rows.append(_row("open", open_blocks, _how_to_close(watch)))
    if left:
        rows.append(_row("left", left, "bytes of a last line without its end: read when the rest is there"))
    if totals.limited:
        rows.append(f"  closed  {totals.limited:>12,}   blocks by --max-open: their scores are of a part")
    if watch.state_file is not None:
        rows.append(f"  state   {watch.state_file.path}")
    facts: dict[str, Any] = vars(totals) | {
        "new_lines": watch.new_lines,
        "skipped_by_reason": dict(watch.skipped.counts),
        "open_blocks": open_blocks,
        "unfinished_bytes": left,
        "seconds": round(seconds, 3),
        "lines_per_second": round(rate, 1),
    }
    watch.notices.say("summary", "\n".join(rows), file=watch.source.name, **facts)


def _row(name: str, count: int, what: str) -> str:
    return f"  {name:<7} {count:>12,}   {what}".rstrip()


def _left_bytes(watch: Watch) -> int:
    return watch.source.left_bytes if isinstance(watch.source, LogPart) else 0


def _where(watch: Watch) -> str:
    """Where alerts went, if that needs to be said."""
    if watch.settings.output is not None:
        return str(watch.settings.output)
    return "standard output" if watch.settings.as_json else ""


def _how_to_close(watch: Watch) -> str:
    if watch.state_file is None:
        return "blocks, not scored to their end"
    again = "without --follow, with --close" if watch.settings.follow else "with --close"
    return f"blocks may go on; the last time, run {again} to score them to their end"
