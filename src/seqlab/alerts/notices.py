"""What people should know of a log beside alerts: bad lines, unseen templates, drift, silence."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.alert import LONGEST_SHOWN, UNSEEN, shortened, template_of
from seqlab.alerts.lines import BadLine, Lines
from seqlab.files import let_go

DRIFT_WINDOW = 10_000  # events
DRIFT_STRIDE = 1000  # the share is looked at after so many events
MANY_LINES = 10_000  # without an event: no accident
_BAD_LINES_SHOWN = 5  # for each reason
_TEMPLATES_SHOWN = 200
_VARIABLE = re.compile(r"\S*\d\S*")


@dataclass
class Notices:
    """Writes notices: a line each, or a JSON object of its own kind a line.

    Args:
        as_json: objects ``{"kind": ...}``.
        out: standard error without it. Where it cannot be written (any more), notices are lost: they must not
            end a watch.
    """

    as_json: bool = False
    out: TextIO | None = field(default_factory=lambda: sys.stderr)

    def say(self, kind: str, text: str, **facts: Any) -> None:
        """Tell people ``text``, programs ``kind`` and ``facts``."""
        if self.out is None:  # closed from the start; print would take standard output instead
            return
        if self.as_json:
            text = json.dumps({"kind": kind, "text": text} | facts, ensure_ascii=False)
        try:
            print(text, file=self.out, flush=True)
        except OSError:
            let_go(self.out)


class SkippedLines:
    """Counts lines without an event and names the first of each kind."""

    def __init__(self, notices: Notices, file: str) -> None:
        self.notices = notices
        self.file = file
        self.counts: Counter[str] = Counter()

    def add(self, bad: list[BadLine]) -> None:
        for line in bad:
            self.counts[line.reason] += 1
            if self.counts[line.reason] <= _BAD_LINES_SHOWN:
                more = (
                    "; more of these are only counted" if self.counts[line.reason] == _BAD_LINES_SHOWN else ""
                )
                self.notices.say(
                    "skipped_line",
                    f"skipped: {self.file}, line {line.number}: {line.reason}: {line.shown}{more}",
                    file=self.file,
                    line=line.number,
                    reason=line.reason,
                )

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def in_words(self) -> str:
        """``3 skipped (2 not UTF-8 text, 1 ...)``."""
        if not self.total:
            return "none skipped"
        parts = ", ".join(f"{count:,} {reason}" for reason, count in self.counts.most_common())
        return f"{self.total:,} skipped ({parts})"


class WrongLog:
    """Knows when lines come and none of them is an event: this is another log than that of training.

    Args:
        log_format: of the model's parser: what its lines look like.
        live: say so after MANY_LINES, once until events come again.
    """

    def __init__(self, notices: Notices, file: str, log_format: Mapping[str, Any], *, live: bool) -> None:
        self.notices = notices
        self.file = file
        self.expected = f"format {log_format['name']}, header {log_format['header']}"
        if log_format["session"] is not None:
            self.expected += f", session {log_format['session']}"
        self.live = live
        self.lines = 0  # since the last event
        self.first: BadLine | None = None  # of them
        self.said = False

    def add(self, lines: int, events: int, bad: list[BadLine]) -> None:
        """A chunk of the log, and the lines of it that were skipped."""
        if events:
            self.lines, self.first, self.said = 0, None, False
            return
        self.lines += lines
        if self.first is None and bad:
            self.first = bad[0]
        if self.live and self.lines >= MANY_LINES and not self.said:
            self.said = True
            text = f"no events: {self.in_words(f'the last {self.lines:,}')}"
            self.notices.say("no_events", text, file=self.file, lines=self.lines, expected=self.expected)

    def in_words(self, which: str) -> str:
        """What is wrong with ``which`` lines."""
        first = self.first
        shown = "" if first is None else f": line {first.number} is {first.shown} ({first.reason})"
        return (
            f"{self.file}: none of {which} lines is an event as the model's parser knows them "
            f"({self.expected}){shown}"
        )


class UnseenTemplates:
    """Says once of each message that training did not hold, with the first line that has it."""

    def __init__(self, notices: Notices, file: str, templates: dict[str, str]) -> None:
        self.notices = notices
        self.file = file
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
            number, offset = int(lines.numbers[place]), int(lines.offsets[place])
            known = template_of(str(key), self.templates) if key >= 0 else ""
            what = f"template {key}" if key >= 0 else "a message without a template"
            last = "; no more of these are shown" if len(self.seen) == _TEMPLATES_SHOWN else ""
            self.notices.say(
                "unseen_template",
                f"unseen: {self.file}, line {number}: {what}, {UNSEEN}{last}\n"
                f"        {shortened(text, LONGEST_SHOWN)}",
                file=self.file,
                line=number,
                offset=offset,
                key=None if key < 0 else str(key),
                template=known or None,
                message=text,
            )


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
        beside = (
            f"of the last {len(self.recent):,} events; {self.usual:.2%} in validation, bound {self.bound:.2%}"
        )
        if self.high:
            text = f"drift: {share:.2%} unseen keys {beside}: train again, or parse with newer templates"
        else:
            text = f"drift is over: {share:.2%} unseen keys {beside}"
        facts = {"share": share, "window": len(self.recent), "usual": self.usual, "bound": self.bound}
        self.notices.say("drift" if self.high else "drift_over", text, **facts)


class Stall:
    """Says when no line came for ``seconds``, once, and when lines come again."""

    def __init__(self, notices: Notices, file: str, seconds: float, now: float) -> None:
        self.notices = notices
        self.file = file
        self.seconds = seconds
        self.last = now
        self.stalled = False

    def line_came(self, now: float) -> None:
        if self.stalled:
            silent = now - self.last
            self.notices.say(
                "resumed",
                f"{self.file}: lines again, after {silent:.0f} s",
                file=self.file,
                seconds=round(silent, 1),
            )
        self.last, self.stalled = now, False

    def look(self, now: float) -> None:
        if not self.stalled and now - self.last > self.seconds:
            self.stalled = True
            self.notices.say(
                "stalled",
                f"stalled: {self.file}: no line for {now - self.last:.0f} s",
                file=self.file,
                seconds=round(now - self.last, 1),
            )
