"""What an alert says: as text for people, as one JSON object a line for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import EOS_TOKEN, UNK_TOKEN

END_OF_BLOCK = "(the block ends)"
UNSEEN = "never seen in training"
UNSEEN_KEY = "(a message or key that training does not have)"
JSON_START = '{"kind": "alert"'
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_LONGEST_TEMPLATE, LONGEST_SHOWN = 90, 240  # letters of a template and of a line
Count = tuple[str, str, int]  # key, template, how many more than in the nearest training block


@dataclass(frozen=True)
class LineRef:
    """An original line and where it stands."""

    position: int  # of its event in the block, from 1
    file: str
    offset: int  # byte where the line begins
    text: str | None  # None where it can no longer be read


@dataclass(frozen=True)
class Guess:
    """What was expected in an event's place."""

    key: str
    template: str
    probability: float


@dataclass(frozen=True)
class Surprise:
    """The most surprising event of a block."""

    position: int  # in the block, from 1; one more than its events for its end
    key: str
    template: str
    nll: float  # nats
    rank: int
    unseen: bool


@dataclass(frozen=True)
class Alert:
    """A block whose score passed the threshold."""

    id: str  # of the block and its first line: the same however often the alert is given
    block: str
    score_name: str
    score: float
    threshold: float
    status: str  # open: certain already; closed: scored to its end
    reason: str  # why now: certain, idle, end of log, limit
    events: int
    first_time: str | None
    last_time: str | None
    surprise: Surprise
    expected: tuple[Guess, ...]
    counts: tuple[Count, ...]
    lines: tuple[LineRef, ...]  # up to the most surprising event's

    def to_json(self) -> str:
        """One line."""
        content: dict[str, Any] = {"kind": "alert"} | asdict(self)
        content["counts"] = counts_as_json(self.counts)
        if not self.counts:
            del content["counts"]
        return json.dumps(content, ensure_ascii=False, allow_nan=False)

    def to_text(self, *, bold: bool = False) -> str:
        """A few lines."""
        state = "still open" if self.status == "open" else f"closed: {self.reason}"
        score = f"{self.score_name} {self.score:.4g} > {self.threshold:.4g}"
        facts = [
            score,
            f"{self.events:,} events",
            state,
            span(self.first_time, self.last_time),
            f"id {self.id}",
        ]
        head = f"ALERT {printable(self.block)}"
        worst = self.surprise
        which = "its end" if worst.key == EOS_TOKEN else f"event {worst.position}"
        how = UNSEEN if worst.unseen else f"{worst.nll:.1f} nats, {odds(worst.nll)}, rank {worst.rank}"
        rows = [
            f"{_BOLD}{head}{_PLAIN}" if bold else head,
            f"  {' · '.join(filter(None, facts))}",
            f"  most surprising: {which}, {how}",
            f"    found            {worst.key:>5}  {shortened(worst.template)}",
        ]
        for word, guess in zip(("expected", "", ""), self.expected, strict=False):
            rows.append(
                f"    {word:<8}  {guess.probability:.3f}  {guess.key:>5}  {shortened(guess.template)}"
            )
        if self.counts:
            rows.append("  counts, beside the nearest training block")
        for key, template, more in self.counts:
            amount = "more " if more > 0 else "fewer"
            rows.append(f"    {abs(more):>4,} {amount}  {key:>5}  {shortened(template)}")
        if self.lines:
            rows.append("  lines")
        for line in self.lines:
            mark = ">" if line.position == worst.position else " "
            text = "(can no longer be read)" if line.text is None else shortened(line.text, LONGEST_SHOWN)
            rows += [f"  {mark} {line.file} @{line.offset}", f"      {text}"]
        return "\n".join(row.rstrip() for row in rows) + "\n"


def counts_as_json(counts: Sequence[Count]) -> list[dict[str, Any]]:
    """Counts as objects."""
    return [{"key": key, "template": template, "more": more} for key, template, more in counts]


def odds(nll: float) -> str:
    """A probability of exp(-nll) in words."""
    one_in = math.exp(min(nll, 700))
    if one_in < 10:
        return f"probability {1 / one_in:.2f}"
    return f"1 in {float(f'{one_in:.2g}'):,.0f}" if one_in < 1e7 else f"1 in {one_in:.0e}"


def iso_time(microseconds: int, *, with_year: bool = True) -> str:
    """A log's own time, without zone.

    Args:
        with_year: whether the log's lines say the year; else ``Dec 10 06:55:46``, as they write it.
    """
    try:
        moment = datetime(1970, 1, 1) + timedelta(microseconds=microseconds)
    except OverflowError:  # the year 0 of a line, which datetime does not know
        return str(np.datetime64(microseconds, "us")).replace("T", " ").removesuffix(".000000")
    return (
        moment.isoformat(sep=" ") if with_year else f"{moment:%b} {moment.day:>2} {moment.time().isoformat()}"
    )


def span(first: str | None, last: str | None) -> str:
    """``2008-11-09 20:37:46 to 20:40:22``; empty where the times are not known."""
    if first is None or last is None:
        return ""
    (first_day, _), (last_day, last_moment) = first.rsplit(" ", 1), last.rsplit(" ", 1)
    return f"{first} to {last_moment if first_day == last_day else last}" if first != last else first


def printable(text: str) -> str:
    """A log's text for the terminal: what could control it is replaced."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def shortened(text: str, most: int = _LONGEST_TEMPLATE) -> str:
    """A log's text for the terminal, not endless."""
    plain = printable(text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def best_guesses(
    probabilities: NDArray[np.float64], names: Sequence[str], templates: dict[str, str], most: int = 3
) -> tuple[Guess, ...]:
    """The likeliest events of (V,) probabilities."""
    order = np.argsort(-probabilities, kind="stable")[:most].tolist()
    return tuple(
        Guess(names[token], template_of(names[token], templates), float(probabilities[token]))
        for token in order
    )


def template_of(key: str, templates: dict[str, str]) -> str:
    """What a key means."""
    return {EOS_TOKEN: END_OF_BLOCK, UNK_TOKEN: UNSEEN_KEY}.get(key) or templates.get(key, "")
