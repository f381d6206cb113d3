"""What an alert says: as text for people, as one JSON object a line for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import EOS_TOKEN
from seqlab.errors import escaped_json

NO_TIME = int(np.iinfo(np.int64).min)  # NaT as an integer
UNSEEN = "never seen in training"
JSON_START = '{"kind": "alert"'
LONGEST_SHOWN = 240  # letters of a line
_LONGEST_TEMPLATE = 90  # letters


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
class Count:
    """How often a key comes, beside the nearest training block."""

    key: str
    template: str
    more: int  # below 0: fewer

    def __str__(self) -> str:
        return f"{abs(self.more):,} {'more' if self.more > 0 else 'fewer'} of {self.key}"


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
        return escaped_json(json.dumps({"kind": "alert"} | asdict(self), ensure_ascii=False, allow_nan=False))

    def to_text(self) -> str:
        """A few lines."""
        worst = self.surprise
        state = "still open" if self.status == "open" else f"closed: {self.reason}"
        facts = [
            f"{self.score_name} {self.score:.4g} > {self.threshold:.4g}",
            f"{self.events:,} events",
            state,
            span(self.first_time, self.last_time),
            f"id {self.id}",
        ]
        which = "its end" if worst.key == EOS_TOKEN else f"event {worst.position}"
        how = f"{worst.nll:.1f} nats, probability {math.exp(-worst.nll):.2g}, rank {worst.rank}"
        rows = [
            f"ALERT {self.block}",
            f"  {' · '.join(filter(None, facts))}",
            f"  most surprising: {which}, {UNSEEN if worst.unseen else how}",
            f"    found            {worst.key:>5}  {shortened(worst.template)}",
        ]
        for guess in self.expected:
            template = shortened(guess.template)
            rows.append(f"    expected  {guess.probability:.3f}  {guess.key:>5}  {template}")
        for count in self.counts:
            rows.append(f"  {count} than the nearest training block: {shortened(count.template)}")
        for line in self.lines:
            mark = ">" if line.position == worst.position else " "
            text = "(can no longer be read)" if line.text is None else shortened(line.text, LONGEST_SHOWN)
            rows += [f"  {mark} {line.file} @{line.offset}", f"      {text}"]
        return "\n".join(printable(row.rstrip()) for row in rows) + "\n"


def iso_time(microseconds: int, *, with_year: bool = True) -> str | None:
    """A log's own time, without zone; None for NO_TIME.

    Args:
        with_year: whether the log's lines say the year; else ``Dec 10 06:55:46``, as they write it.
    """
    if microseconds == NO_TIME:
        return None
    moment = np.datetime64(microseconds, "us")
    text = str(moment).replace("T", " ").removesuffix(".000000")
    return text if with_year else f"{moment.item():%b %e} {text.rpartition(' ')[2]}"


def span(first: str | None, last: str | None) -> str:
    """From when to when, as far as that is known."""
    return " to ".join(dict.fromkeys(time for time in (first, last) if time is not None))


def printable(text: str) -> str:
    """A log's text for the terminal: what could control it is replaced."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def shortened(text: str, most: int = _LONGEST_TEMPLATE) -> str:
    """A log's text for the terminal, not endless."""
    plain = printable(text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def best_guesses(
    probabilities: NDArray[np.float64], names: Sequence[str], templates: dict[str, str]
) -> tuple[Guess, ...]:
    """The three likeliest events of (V,) probabilities."""
    order = np.argsort(-probabilities, kind="stable")[:3].tolist()
    found = [(names[token], float(probabilities[token])) for token in order]
    return tuple(Guess(key, templates.get(key, ""), probability) for key, probability in found)
