"""What people should know of a log beside alerts: bad lines, drift, silence."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.alert import LONGEST_SHOWN, shortened
from seqlab.errors import escaped, escaped_json
from seqlab.files import let_go
from seqlab.logs.reading import SHOWN_LINES, Skipped

DRIFT_WINDOW = 10_000  # events
DRIFT_STRIDE = 1000  # the share is looked at after so many events at most
MANY_LINES = 10_000  # without an event: no accident
_SHOWN = 60  # letters of a line that was skipped


@dataclass
class Notices:
    """Writes notices: a line each, or a JSON object of its own kind a line.

    Args:
        file: the log's name.
        as_json: objects ``{"kind": ..., "text": ..., "file": ...}``.
        out: standard error without it. Where it cannot be written (any more), notices are lost: they must not
            end a watch.
    """

    file: str
    as_json: bool = False
    out: TextIO | None = field(default_factory=lambda: sys.stderr)

    def say(self, kind: str, text: str, **facts: Any) -> None:
        """Tell people ``text``, programs ``kind`` and ``facts``."""
        if self.out is None:  # closed from the start; print would take standard output instead
            return
        if self.as_json:
            said = {"kind": kind, "text": text, "file": self.file} | facts
            text = escaped_json(json.dumps(said, ensure_ascii=False))
        try:
            print(text if self.as_json else escaped(text), file=self.out, flush=True)
        except OSError:
            let_go(self.out)


class SkippedLines:
    """Counts lines without an event, names the first of each kind, and knows when nothing else comes.

    Args:
        expected: what the log's lines should look like.
        live: say so after MANY_LINES without an event, once until events come again.
    """

    def __init__(self, notices: Notices, expected: str, *, live: bool) -> None:
        self.notices = notices
        self.expected = expected
        self.live = live
        self.counts: Counter[str] = Counter()  # by reason
        self.since_event = 0  # lines
        self.first = ""  # of them, in words

    def add(self, lines: int, events: int, skipped: Skipped) -> None:
        """A chunk of the log, and the lines of it that were skipped."""
        shown = sorted((line, reason) for reason, (_, some) in skipped.items() for line in some)
        for line, reason in shown:
            text = f"{line.text[:_SHOWN]!r}{'...' if len(line.text) > _SHOWN else ''}"
            self.counts[reason] += 1
            if self.counts[reason] <= SHOWN_LINES:
                said = f"skipped: {self.notices.file}, line {line.number}: {reason}: {text}"
                self.notices.say("skipped_line", said, line=line.number, reason=reason)
            self.first = self.first or f": line {line.number} is {text} ({reason})"
        for reason, (count, some) in skipped.items():
            self.counts[reason] += count - len(some)
        if events:
            self.since_event, self.first = 0, ""
            return
        before, self.since_event = self.since_event, self.since_event + lines
        if self.live and before < MANY_LINES <= self.since_event:
            text = f"no events: {self.no_events(f'the last {self.since_event:,}')}"
            self.notices.say("no_events", text, lines=self.since_event, expected=self.expected)

    def no_events(self, which: str) -> str:
        """What is wrong with ``which`` lines."""
        return (
            f"{self.notices.file}: none of {which} lines is an event as the model's parser knows them "
            f"({self.expected}){self.first}"
        )


class Drift:
    """The share of events that training did not hold, among the last DRIFT_WINDOW ones.

    Said when it rises above ``bound``, with the last such line, and when it has come down to half of that.

    Args:
        usual: the share among validation events.
        bound: a share.
    """

    def __init__(self, notices: Notices, usual: float, bound: float) -> None:
        self.notices = notices
        self.usual = usual
        self.bound = bound
        self.high = False
        self.recent = np.zeros(0, dtype=bool)  # whether unseen
        self.example = ""  # the last line with an unseen key

    def add(self, unseen: NDArray[np.bool_], example: str = "") -> None:
        """(E,) events in the order of the log, and the last line of them with an unseen key."""
        self.example = example or self.example
        for start in range(0, len(unseen), DRIFT_STRIDE):
            part = unseen[start : start + DRIFT_STRIDE]
            self.recent = np.concatenate((self.recent, part))[-DRIFT_WINDOW:]
            if len(self.recent) >= DRIFT_STRIDE:
                self._look(float(self.recent.mean()))

    def _look(self, share: float) -> None:
        if self.high == (share > (self.bound / 2 if self.high else self.bound)):
            return
        self.high = not self.high
        text = (
            f"{'drift' if self.high else 'drift is over'}: {share:.2%} unseen keys of the last "
            f"{len(self.recent):,} events; {self.usual:.2%} in validation, bound {self.bound:.2%}"
        )
        if self.high:
            line = shortened(self.example, LONGEST_SHOWN)
            text += f": train again, or parse with newer templates; the last such line is\n        {line}"
        facts = {"share": share, "window": len(self.recent), "usual": self.usual, "bound": self.bound}
        self.notices.say("drift" if self.high else "drift_over", text, **facts, example=self.example)


class Stall:
    """Says when no line came for ``seconds``, once, and when lines come again."""

    def __init__(self, notices: Notices, seconds: float, now: float) -> None:
        self.notices = notices
        self.seconds = seconds
        self.last = now
        self.stalled = False

    def line_came(self, now: float) -> None:
        if self.stalled:
            self._say("resumed", "lines again, after", now)
        self.last, self.stalled = now, False

    def look(self, now: float) -> None:
        if not self.stalled and now - self.last > self.seconds:
            self.stalled = True
            self._say("stalled", "no line for", now)

    def _say(self, kind: str, what: str, now: float) -> None:
        silent = now - self.last
        text = f"{kind}: {self.notices.file}: {what} {silent:.0f} s"
        self.notices.say(kind, text, seconds=round(silent, 1))
