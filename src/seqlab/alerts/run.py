"""The loop of ``seqlab detect``: read, parse, score, tell, remember."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np

from seqlab.alerts.clock import LogClock
from seqlab.alerts.models import Model
from seqlab.alerts.notices import Drift, Notices, SkippedLines, Stall
from seqlab.alerts.output import AlertOutput
from seqlab.alerts.sources import open_source
from seqlab.alerts.state import StateFile
from seqlab.alerts.watcher import Totals, Watcher
from seqlab.logs.line_reader import LineParser
from seqlab.logs.reading import Chunk, Lines

if TYPE_CHECKING:
    from seqlab.alerts.labelled import LabelledSessions

STATE_SECONDS = 2.0
STATE_SHARE = 10  # a state is written at most so often that it takes one part in ten of the time
PATIENCE = 0.5  # seconds


@dataclass(frozen=True)
class Settings:
    """What the command line says; see ``seqlab detect --help``."""

    log: str
    follow: bool = False
    as_json: bool = False
    output: Path | None = None
    state: Path | None = None
    idle: float | None = None
    max_open: int = 1_000_000
    report: float = 0.0
    stall: float = 300.0
    drift_share: float = 1.0
    close: bool = False  # the log's last part: with a state too, blocks end where the log ends


class Watch:
    """One run over one log; ``labelled``: what is known of its sessions."""

    def __init__(self, model: Model, settings: Settings, labelled: LabelledSessions | None = None) -> None:
        self.settings = settings
        self.labelled = labelled
        self.closes = settings.close or settings.state is None  # with a state more of the log may come
        self.parser = LineParser.from_state(model.log_parser())
        self.model = model
        self.stopped = False
        self.started = time.monotonic()
        self._save_at = 0.0  # seconds of the monotonic clock
        self.state_file, found = None, None
        with ExitStack() as opened:
            if settings.state is not None:
                self.state_file = StateFile(
                    settings.state, settings.log, model.fingerprint, len(model.vocabulary)
                )
                opened.callback(self.state_file.close)
                found = self.state_file.read(self.started)
            self.output = AlertOutput(settings.output, as_json=settings.as_json)
            opened.callback(self.output.close)
            self.source = open_source(
                settings.log,
                follow=settings.follow,
                keep_rest=not self.closes,
                state=None if found is None else found[0]["source"],
            )
            opened.callback(self.source.close)
            self.close = opened.pop_all().close
        # files that are followed, or gone on with later, may be rotated away or truncated meanwhile
        hold_texts = settings.follow or settings.state is not None or not self.source.holds_text
        self.watcher = Watcher(
            model, self.source, settings.idle, settings.max_open, hold_texts=hold_texts, labelled=labelled
        )
        if found is not None:
            header, self.watcher.open = found
            self.watcher.totals = Totals(**header["totals"])
            self.watcher.clock = LogClock(**header["clock"] | {"wait": self.watcher.clock.wait})
        self.lines_before = self.watcher.totals.lines  # of earlier watches
        self._reported = (self.started, self.watcher.totals.events)  # when, and the events until then
        self.notices = notices = Notices(self.source.name, settings.as_json)
        log_format = self.parser.reader.format
        expected = f"format {log_format.name}: {log_format.expected}"
        self.skipped = SkippedLines(notices, expected, live=settings.follow)
        self.drift = Drift(notices, model.judge.unseen_share, settings.drift_share)
        self.stall = Stall(notices, settings.stall, self.started)

    def run(self) -> bool:
        """Until the log ends, or somebody ends it; whether it ended by itself."""
        with _stop_on_signals(self):
            self._save()  # before the first alert: else a kill would leave alerts that no state knows
            self._save_at = 0.0  # what the log holds already is remembered at once
            while not (self.source.ended or self.stopped):
                self.step()
            if self.closes:
                while self.watcher.open and not self.stopped:
                    self.output.write(self.watcher.close_some())
            self._save()
        return not self.stopped

    def step(self) -> None:
        """Wait for a chunk of the log, and do everything that is due then."""
        chunk = self.source.read(PATIENCE)
        while self.source.news:
            kind, what = self.source.news.pop(0)
            self.notices.say(kind, f"{self.source.name}: {what}")
            self._save_at = 0.0  # where another file is read now, no state of the one before leads on
        now, follow = time.monotonic(), self.settings.follow and not self.source.ended
        if chunk is not None:
            self.take(chunk, now)
            self.stall.line_came(now)
        elif follow:
            self.stall.look(now)
        if follow and (chunk is None or self.source.caught_up()):
            self.output.write(self.watcher.close_idle(now))
        if now >= self._save_at:
            self._save()
        if follow and self.settings.report and now - self._reported[0] >= self.settings.report:
            self._report(now)

    def take(self, chunk: Chunk, now: float) -> None:
        """Everything that a chunk of the log leads to."""
        lines = Lines.of(chunk)
        events = self.parser(lines.column)
        skipped = lines.skipped(events.skipped)
        self.watcher.totals.lines += lines.num_read
        self.watcher.totals.skipped += sum(count for count, _ in skipped.values())
        self.skipped.add(lines.num_read, len(events.line), skipped)
        tokens = self.model.encode(events.key)
        unseen = np.asarray(tokens == self.model.vocabulary.unk)
        self.drift.add(unseen, lines.column[int(events.line[unseen][-1])] if unseen.any() else "")
        self.output.write(self.watcher.take(lines, events, tokens, now))

    def _save(self) -> None:
        """Write the state: what was told before it is on the disk first."""
        source = self.source.state()
        if self.state_file is None or source is None:
            return
        start = time.monotonic()
        self.output.sync()
        totals, clock = asdict(self.watcher.totals), asdict(self.watcher.clock)
        self.state_file.write({"totals": totals, "clock": clock, "source": source}, self.watcher.open)
        now = time.monotonic()
        self._save_at = now + max(STATE_SECONDS, STATE_SHARE * (now - start))

    def _report(self, now: float) -> None:
        """Say how fast reading is, how far behind, and what was found."""
        totals, (then, before) = self.watcher.totals, self._reported
        self._reported = (now, totals.events)
        facts = {
            "events_per_second": round((totals.events - before) / (now - then), 1),
            "bytes_behind": self.source.unread_bytes(),
            "seconds_since_last_line": round(now - self.stall.last, 1),
            "open_blocks": len(self.watcher.open),
            "alerts": totals.alerts,
            "skipped": totals.skipped,
        }
        known = [f"{value:,} {name.replace('_', ' ')}" for name, value in facts.items() if value is not None]
        self.notices.say("report", f"{self.source.name}: {', '.join(known)}", **facts)

    def say_summary(self) -> None:
        """What was read and found, at the end."""
        seconds, new_lines = time.monotonic() - self.started, self.watcher.totals.lines - self.lines_before
        facts = asdict(self.watcher.totals) | {
            "open_blocks": len(self.watcher.open),
            "new_lines": new_lines,
            "seconds": round(seconds, 3),
            "lines_per_second": round(new_lines / max(seconds, 1e-9), 1),
        }
        rows = [f"  {name.replace('_', ' '):<16} {value:>12,}" for name, value in facts.items()]
        reasons = dict(self.skipped.counts)
        rows += [f"    {count:,} lines skipped: {reason}" for reason, count in reasons.items()]
        if self.settings.state is not None and self.watcher.open:
            rows.append("  open blocks may go on; the last time, run with --close to score them to their end")
        if self.labelled is not None:
            facts["labels"] = figures = self.labelled.figures()
            rows.append(f"  against {self.labelled.path}")
            rows += [f"    {name.replace('_', ' '):<22} {told(value):>12}" for name, value in figures.items()]
        text = "\n".join([self.source.name, *rows])
        self.notices.say("summary", text, **facts, skipped_by_reason=reasons)

    def problem(self) -> str | None:
        """What makes the whole run doubtful, once it has ended."""
        totals = self.watcher.totals
        if self.source.problem is not None:
            return f"{self.source.problem}; what came before it was scored"
        if totals.lines > self.lines_before and not totals.events and not self.settings.follow:
            return f"{self.skipped.no_events(f'{totals.lines:,}')}; nothing was judged"
        return None if self.labelled is None else self.labelled.problem(self.source.name)


def told(figure: float | None) -> str:
    """A count or a rate for people."""
    return "-" if figure is None else f"{figure:,}" if isinstance(figure, int) else f"{figure:.4f}"


@contextmanager
def _stop_on_signals(watch: Watch) -> Iterator[None]:
    """The first SIGINT or SIGTERM ends the watch after the present chunk, a second one at once."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        if watch.stopped:
            raise KeyboardInterrupt
        watch.stopped = True

    before = [(number, signal.signal(number, on_signal)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
