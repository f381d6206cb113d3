"""The loop of ``seqlab detect``: read, parse, score, tell, remember."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from seqlab.alerts.health import Health
from seqlab.alerts.models import Model, encode_keys
from seqlab.alerts.notices import Notices
from seqlab.alerts.output import AlertOutput
from seqlab.alerts.sources import open_source
from seqlab.alerts.state import StateFile
from seqlab.alerts.watcher import Limits, Totals, Watcher
from seqlab.logs.line_reader import LineParser
from seqlab.logs.reading import Chunk, Lines

STATE_SECONDS = 2.0
STATE_SHARE = 10  # a state is written at most so often that it takes one part in ten of the time
PATIENCE = 0.5  # seconds
IDLE_SECONDS = 0.25  # between two looks for idle blocks while lines come


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

    @property
    def closes(self) -> bool:
        """Whether the end of the log ends its blocks: with a state more of the log may come."""
        return self.close or self.state is None


class Watch:
    """One run over one log."""

    def __init__(self, model: Model, settings: Settings) -> None:
        self.settings = settings
        self.parser = LineParser.from_state(model.log_parser())
        self.table = model.token_table()
        self.unk = model.vocabulary.unk
        self.stopped = False
        self._due = dict.fromkeys(("state", "idle"), 0.0)  # seconds of the monotonic clock
        self.state_file, found = None, None
        with ExitStack() as opened:
            if settings.state is not None:
                self.state_file = StateFile(settings.state, settings.log, model.fingerprint)
                opened.callback(self.state_file.close)
                found = self.state_file.read(time.monotonic())
            self.output = AlertOutput(settings.output, as_json=settings.as_json)
            opened.callback(self.output.close)
            self.source = open_source(
                settings.log,
                follow=settings.follow,
                keep_rest=not settings.closes,
                state=None if found is None else found[0]["source"],
            )
            opened.callback(self.source.close)
            self.close = opened.pop_all().close
        self.watcher = Watcher(
            model,
            Limits(settings.idle, settings.max_open, live=settings.follow),
            read_line=self.source.line,
            file_name=self.source.name,
            # files that are followed, or gone on with later, may be rotated away or truncated meanwhile
            hold_texts=settings.follow or settings.state is not None or not self.source.holds_text,
        )
        self.notices = Notices(self.source.name, settings.as_json)
        self.health = Health(
            self.notices,
            model,
            self.parser.reader.format,
            settings.stall,
            settings.drift_share,
            live=settings.follow,
        )
        self.resumed = found is not None
        if found is not None:
            header, self.watcher.open = found
            self.watcher.totals = Totals(**header["totals"])
            self.watcher.clock.restore(header["clock"])
            self.health.restore(header["health"], self.watcher.totals.events)
        self.lines_before = self.watcher.totals.lines

    def run(self) -> bool:
        """Until the log ends, or somebody ends it.

        Returns:
            Whether it ended by itself.
        """
        with _stop_on_signals(self):
            self._save()  # before the first alert: else a kill would leave alerts that no state knows
            self._due["state"] = 0.0  # what the log holds already is remembered at once
            while not (self.source.ended or self.stopped):
                self.step()
            if self.settings.closes:
                while self.watcher.open and not self.stopped:
                    self.output.write(self.watcher.close_some())
            self._save()
        return not self.stopped

    def step(self) -> None:
        """Wait for a chunk of the log, and do everything that is due then."""
        chunk = self.source.read(PATIENCE)
        for kind, what in self.source.news():
            self.notices.say(kind, f"{self.source.name}: {what}")
            self._due["state"] = 0.0  # where another file is read now, no state of the one before leads on
        now = time.monotonic()
        if chunk is not None:
            self.take(chunk, now)
            self.health.stall.line_came(now)
        elif self.settings.follow and not self.source.ended:
            self.health.stall.look(now)
        if now >= self._due["idle"] and (chunk is None or self.source.caught_up()) and not self.source.ended:
            self.output.write(self.watcher.close_idle(now))
            self._due["idle"] = now + IDLE_SECONDS
        if now >= self._due["state"]:
            self._save()
        if self.settings.follow:
            self.health.report(self.watcher, self.source, self.settings.report, now)

    def take(self, chunk: Chunk, now: float) -> None:
        """Everything that a chunk of the log leads to."""
        lines = Lines.of(chunk)
        events = self.parser(lines.column)
        skipped = lines.skipped(events.skipped)
        self.watcher.totals.lines += lines.num_read
        self.watcher.totals.skipped += sum(count for count, _ in skipped.values())
        tokens = encode_keys(events.key, self.table)
        self.health.take(lines, events, np.asarray(tokens == self.unk), skipped)
        self.output.write(self.watcher.take(lines, events, tokens, now))

    def _save(self) -> None:
        """Write the state: what was told before it is on the disk first."""
        source = self.source.state()
        if self.state_file is None or source is None:
            return
        start = time.monotonic()
        self.output.sync()
        header: dict[str, Any] = {
            "totals": vars(self.watcher.totals),
            "clock": self.watcher.clock.state(),
            "health": self.health.state(),
            "source": source,
        }
        self.state_file.write(header, self.watcher.open, start)
        now = time.monotonic()
        self._due["state"] = now + max(STATE_SECONDS, STATE_SHARE * (now - start))

    def problem(self) -> str | None:
        """What makes the whole run doubtful, once it has ended."""
        totals = self.watcher.totals
        if self.source.problem is not None:
            return f"{self.source.problem}; what came before it was scored"
        if totals.lines > self.lines_before and not totals.events and not self.settings.follow:
            return f"{self.health.skipped.no_events(f'{totals.lines:,}')}; nothing was judged"
        return None


@contextmanager
def _stop_on_signals(watch: Watch) -> Iterator[None]:
    """The first SIGINT or SIGTERM ends the watch after the present chunk, a second one at once."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        watch.stopped = True
        for each, handler in before.items():
            signal.signal(each, handler)

    before: dict[int, Any] = {
        each: signal.signal(each, on_signal) for each in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
