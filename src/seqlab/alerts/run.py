"""The loop of ``seqlab detect``: read, parse, score, tell, remember."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from seqlab.alerts.lines import NO_EVENT, NO_WINDOW, BadLine, Lines, Piece, shown, split_lines
from seqlab.alerts.models import Model, encode_keys
from seqlab.alerts.notices import Drift, Notices, SkippedLines, Stall, UnseenTemplates, WrongLog
from seqlab.alerts.output import AlertOutput
from seqlab.alerts.parts import LogPart, NamedPipe
from seqlab.alerts.source import STDIN, GzipSource, PipeSource, Source
from seqlab.alerts.state import StateFile, model_fingerprint, pack, unpack
from seqlab.alerts.summary import say_report, say_summary
from seqlab.alerts.tail import FileSource
from seqlab.alerts.watcher import Limits, Watcher
from seqlab.errors import UserError

STATE_SECONDS = 2.0
STATE_SHARE = 10  # a state is written at most so often that it takes one part in ten of the time
PATIENCE = 0.5  # seconds
IDLE_SECONDS = 0.25  # between two looks for idle blocks while lines come


@dataclass(frozen=True)
class Settings:
    """What the command line says; see ``seqlab detect --help``."""

    log: str
    follow: bool
    as_json: bool
    output: Path | None
    state: Path | None
    idle: float | None
    max_open: int
    report: float
    stall: float
    drift_share: float
    close: bool = False  # the log's last part: with a state too, blocks end where the log ends


class Watch:
    """One run over one log."""

    def __init__(self, model: Model, parser_state: dict[str, Any], settings: Settings) -> None:
        from seqlab.logs.line_parser import LineParser

        self.settings = settings
        self.parser = LineParser.from_state(parser_state)
        self.table = model.token_table(parser_state)
        self.unk = model.vocabulary.unk
        self.notices = Notices(settings.as_json)
        self.state_file: StateFile | None = None
        if settings.state is not None:
            self.state_file = StateFile(settings.state, settings.log, model_fingerprint(model))
        try:
            self._begin(model, parser_state)
        except BaseException:
            if self.state_file is not None:
                self.state_file.close()
            raise

    def _begin(self, model: Model, parser_state: dict[str, Any]) -> None:
        """Open log and output, where the state left them if there is one."""
        settings = self.settings
        found = None if self.state_file is None else self.state_file.read()
        with nullcontext() if found is None or self.state_file is None else self.state_file.whole():
            self.output = AlertOutput(
                settings.output,
                as_json=settings.as_json,
                state=None if found is None else found["header"]["output"],
            )
            self.source = _open(settings, None if found is None else found["header"]["source"])
        self.watcher = Watcher(
            model,
            Limits(settings.idle, settings.max_open, live=settings.follow),
            read_line=self.source.line,
            file_name=self.source.name,
            # files that are followed, or gone on with later, may be rotated away or truncated meanwhile
            hold_texts=settings.follow or settings.state is not None or not self.source.holds_text,
        )
        now = time.monotonic()
        self.skipped = SkippedLines(self.notices, self.source.name)
        self.wrong_log = WrongLog(
            self.notices, self.source.name, parser_state["log_format"], live=settings.follow
        )
        self.unseen = UnseenTemplates(self.notices, self.source.name, model.templates)
        self.drift = Drift(self.notices, model.judge.unseen_share, settings.drift_share)
        self.stall = Stall(self.notices, self.source.name, settings.stall, now)
        if found is not None and self.state_file is not None:
            with self.state_file.whole():
                unpack(found, self.watcher, self.skipped, self.unseen, self.drift, now)
        self.started = now
        self.resumed = found is not None
        self._lines_before = self.watcher.totals.lines
        self._stop = False
        self._state_due = self._idle_due = now
        self._report_due = now + settings.report
        self._reported = (now, self.watcher.totals.events)

    def run(self) -> bool:
        """Until the log ends, or somebody ends it.

        Returns:
            Whether it ended by itself.
        """
        with _stop_on_signals(self):
            self._save()  # before the first alert: else a kill would leave alerts that no state knows
            self._state_due = time.monotonic()  # and what the log holds already is remembered at once
            if self.output.changed is not None:
                self.notices.say("output_changed", self.output.changed, file=str(self.settings.output))
            while not (self.source.ended or self._stop):
                self._step()
            if not self._stop and self.closes:
                while len(self.watcher.open) and not self._stop:
                    self.output.write(self.watcher.close_some())
        self._save()
        return not self._stop

    @property
    def closes(self) -> bool:
        """Whether the end of the log ends its blocks: with a state more of the log may come."""
        return self.settings.close or self.state_file is None

    @property
    def new_lines(self) -> int:
        """Lines of this run."""
        return self.watcher.totals.lines - self._lines_before

    def stop(self) -> None:
        """End after the present chunk: nothing is left half-done."""
        self._stop = True

    def _step(self) -> None:
        piece = self.source.read(PATIENCE)
        for kind, what in self.source.news():
            self.notices.say(kind, f"{self.source.name}: {what}", file=self.source.name)
        now = time.monotonic()
        if piece is not None:
            self.take(piece, now)
            self.stall.line_came(now)
            if now >= self._idle_due and self.source.caught_up():
                self.output.write(self.watcher.close_idle(now))
                self._idle_due = now + IDLE_SECONDS
        elif not self.source.ended:
            self.output.write(self.watcher.close_idle(now))
            if self.settings.follow:
                self.stall.look(now)
        if now >= self._state_due:
            self._save()
        if self.settings.follow and self.settings.report and now >= self._report_due:
            self._report(now)

    def take(self, piece: Piece, now: float) -> None:
        """Everything that a piece of the log leads to."""
        lines = split_lines(piece)
        events = self.parser(lines.column)
        reason = NO_EVENT if self.parser.windows is None else NO_WINDOW
        bad = list(lines.bad)
        bad += [
            BadLine(int(lines.numbers[place]), reason, shown(lines.texts[place]))
            for place in events.skipped.tolist()
        ]
        bad.sort(key=lambda line: line.number)
        self.skipped.add(bad)
        self.wrong_log.add(lines.num_read, len(events.line), bad)
        totals = self.watcher.totals
        totals.lines += lines.num_read
        totals.skipped += len(bad)
        tokens = encode_keys(events.key, self.table)
        self._look_for_unseen(lines, events, tokens)
        self.output.write(self.watcher.take(lines, events, tokens, now))

    def _look_for_unseen(self, lines: Lines, events: Any, tokens: Any) -> None:
        unseen = tokens == self.unk
        if unseen.any():
            self.unseen.add(lines, events.line[unseen].tolist(), events.key[unseen].tolist())
        self.drift.add(unseen)

    def _save(self) -> None:
        """Write the state: what was told before it is on the disk first."""
        if self.state_file is None or not isinstance(self.source, FileSource):
            return
        start = time.monotonic()
        output = self.output.state()
        header, arrays = pack(self.watcher, self.skipped, self.unseen, self.drift, start)
        header |= {"output": output, "source": self.source.state()}
        self.state_file.write(header, arrays)
        now = time.monotonic()
        self._state_due = now + max(STATE_SECONDS, STATE_SHARE * (now - start))

    def _report(self, now: float) -> None:
        then, before = self._reported
        events = self.watcher.totals.events
        say_report(self, (events - before) / max(now - then, 1e-9), now)
        self._reported = (now, events)
        self._report_due = now + self.settings.report

    def summary(self) -> None:
        """Say what was read and found."""
        say_summary(self)

    def problem(self) -> str | None:
        """What makes the whole run doubtful, once it has ended."""
        if self.source.problem is not None:
            return f"{self.source.name}: {self.source.problem}; what came before it was scored"
        if self.new_lines and not self.watcher.totals.events and not self.settings.follow:
            return f"{self.wrong_log.in_words(f'{self.watcher.totals.lines:,}')}; nothing was judged"
        return None

    def close(self) -> None:
        self.source.close()
        self.output.close()
        if self.state_file is not None:
            self.state_file.close()


def _open(settings: Settings, state: dict[str, Any] | None) -> Source:
    if settings.log == STDIN:
        if sys.stdin is None:
            raise UserError("-: standard input is closed; give a file, or send the log through a pipe")
        return PipeSource()
    if Path(settings.log).exists() and not Path(settings.log).is_file():
        return NamedPipe(settings.log)
    if settings.log.lower().endswith(".gz"):
        return GzipSource(settings.log)
    if settings.state is not None and not (settings.follow or settings.close):
        return LogPart(settings.log, state=state)
    return FileSource(settings.log, follow=settings.follow, state=state)


@contextmanager
def _stop_on_signals(watch: Watch) -> Iterator[None]:
    """The first SIGINT or SIGTERM ends the watch after the present chunk, a second one at once."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        watch.stop()
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
