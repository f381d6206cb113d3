"""What people should know of a log beside alerts: bad lines, unseen templates, drift, silence."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.alert import LONGEST_SHOWN, UNSEEN, shortened
from seqlab.files import let_go
from seqlab.logs.reading import SHOWN_LINES, Lines, Skipped

DRIFT_WINDOW = 10_000  # events
DRIFT_STRIDE = 1000  # the share is looked at after so many events
MANY_LINES = 10_000  # without an event: no accident
_SHOWN = 60  # letters of a line that was skipped
_TEMPLATES_SHOWN = 200
_VARIABLE = re.compile(r"\S*\d\S*")


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
            text = json.dumps({"kind": kind, "text": text, "file": self.file} | facts, ensure_ascii=False)
        try:
            print(text, file=self.out, flush=True)
        except OSError:
            let_go(self.out)


def _shown(text: str) -> str:
    """The beginning of a line, on one line, quoted."""
    return f"{text[:_SHOWN]!r}{'...' if len(text) > _SHOWN else ''}"


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
        self.counts: Counter[str] = Counter()
        self.since_event = 0  # lines
        self._first = ""  # of them
        self._said = False

    def add(self, lines: int, events: int, skipped: Skipped) -> None:
        """A chunk of the log, and the lines of it that were skipped."""
        first = sorted((line, reason) for reason, (_, shown) in skipped.items() for line in shown)
        for line, reason in first:
            self.counts[reason] += 1
            if self.counts[reason] <= SHOWN_LINES:
                text = f"skipped: {self.notices.file}, line {line.number}: {reason}: {_shown(line.text)}"
                self.notices.say("skipped_line", text, line=line.number, reason=reason)
        for reason, (count, shown) in skipped.items():
            self.counts[reason] += count - len(shown)
        if events:
            self.since_event, self._first, self._said = 0, "", False
            return
        if first and not self._first:
            line, reason = first[0]
            self._first = f": line {line.number} is {_shown(line.text)} ({reason})"
        self.since_event += lines
        if self.live and self.since_event >= MANY_LINES and not self._said:
            self._said = True
            text = f"no events: {self.no_events(f'the last {self.since_event:,}')}"
            self.notices.say("no_events", text, lines=self.since_event, expected=self.expected)

    def no_events(self, which: str) -> str:
        """What is wrong with ``which`` lines."""
        return (
            f"{self.notices.file}: none of {which} lines is an event as the model's parser knows them "
            f"({self.expected}){self._first}"
        )

    def in_words(self) -> str:
        """``3 skipped (2 not UTF-8 text, 1 ...)``."""
        parts = ", ".join(f"{count:,} {reason}" for reason, count in self.counts.most_common())
        return f"{self.counts.total():,} skipped ({parts})" if parts else "none skipped"


class UnseenTemplates:
    """Says once of each message that training did not hold, with the first line that has it."""

    def __init__(self, notices: Notices, templates: dict[str, str]) -> None:
        self.notices = notices
        self.templates = templates
        self.seen: set[str] = set()

    def add(self, lines: Lines, places: list[int], keys: list[int]) -> None:
        """Events that are UNK: the place of each one's line, and its template id, -1 for none."""
        for place, key in zip(places, keys, strict=True):
            if len(self.seen) == _TEMPLATES_SHOWN:
                return
            text = lines.texts[place]
            name = f"template {key}" if key >= 0 else _VARIABLE.sub("<*>", text)
            if name in self.seen:
                continue
            self.seen.add(name)
            what = name if key >= 0 else "a message without a template"
            number, own = lines.number(place), None if key < 0 else str(key)
            facts = {"line": number, "offset": int(lines.offsets[place]), "message": text, "key": own}
            said = f"unseen: {self.notices.file}, line {number}: {what}, {UNSEEN}"
            text = f"{said}\n        {shortened(text, LONGEST_SHOWN)}"
            template = self.templates.get(own or "")
            self.notices.say("unseen_template", text, template=template, **facts)


class Drift:
    """The share of events that training did not hold, among the last DRIFT_WINDOW ones.

    Said when it rises above ``bound``, and when it has come down to half of that.

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
        self.until_look = DRIFT_STRIDE

    def add(self, unseen: NDArray[np.bool_]) -> None:
        """(E,) events in the order of the log; cut anyhow into calls, they give the same notices."""
        while len(unseen) >= self.until_look:
            self._keep(unseen[: self.until_look])
            unseen = unseen[self.until_look :]
            self.until_look = DRIFT_STRIDE
            self._look()
        self._keep(unseen)
        self.until_look -= len(unseen)

    def _keep(self, unseen: NDArray[np.bool_]) -> None:
        self.recent = np.concatenate((self.recent, unseen))[-DRIFT_WINDOW:]

    def _look(self) -> None:
        share = float(self.recent.mean())
        if self.high == (share > (self.bound / 2 if self.high else self.bound)):
            return
        self.high = not self.high
        text = (
            f"{'drift' if self.high else 'drift is over'}: {share:.2%} unseen keys of the last "
            f"{len(self.recent):,} events; {self.usual:.2%} in validation, bound {self.bound:.2%}"
            f"{': train again, or parse with newer templates' if self.high else ''}"
        )
        facts = {"share": share, "window": len(self.recent), "usual": self.usual, "bound": self.bound}
        self.notices.say("drift" if self.high else "drift_over", text, **facts)


class Stall:
    """Says when no line came for ``seconds``, once, and when lines come again."""

    def __init__(self, notices: Notices, seconds: float, now: float) -> None:
        self.notices = notices
        self.seconds = seconds
        self.last = now
        self.stalled = False

    def line_came(self, now: float) -> None:
        if self.stalled:
            silent = now - self.last
            self.notices.say(
                "resumed", f"{self.notices.file}: lines again, after {silent:.0f} s", seconds=round(silent, 1)
            )
        self.last, self.stalled = now, False

    def look(self, now: float) -> None:
        silent = now - self.last
        if not self.stalled and silent > self.seconds:
            self.stalled = True
            text = f"stalled: {self.notices.file}: no line for {silent:.0f} s"
            self.notices.say("stalled", text, seconds=round(silent, 1))
