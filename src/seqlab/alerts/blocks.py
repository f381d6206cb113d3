"""Blocks: their events while they are open, their score when they are closed, their alert."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.alert import NO_TIME, Alert, LineRef, Surprise, best_guesses, iso_time
from seqlab.alerts.models import Model
from seqlab.alerts.sources import Source
from seqlab.detection.surprise import UNSEEN_NLL

CERTAIN = "certain"  # the reason of alerts of open blocks
_LINES_SHOWN = 3  # up to the most surprising one
HELD_LINES = 64  # texts of a block's last lines, where lines are held at all
EVENT = np.dtype(
    [
        ("offset", "<i8"),  # byte in the file where its line begins
        ("file", "<i4"),  # number of the file
        ("key", "<i4"),  # template id, -1 for none
        ("token", "<i4"),  # vocabulary id
    ]
)


@dataclass(slots=True)
class OpenBlock:
    """One session that may go on."""

    name: str
    id: str  # see ``block_id``
    first_time: int  # of its lines, microseconds
    last_time: int = NO_TIME
    heard: int = 0  # the number of its last line: see LogClock.hear
    alerted: bool = False
    events: bytearray = field(default_factory=bytearray)  # EVENT after EVENT
    texts: deque[str] = field(default_factory=lambda: deque(maxlen=HELD_LINES))  # of its last lines
    seen: float = 0.0  # when its last line came, in seconds of a clock that runs while someone watches

    @property
    def num_events(self) -> int:
        return len(self.events) // EVENT.itemsize

    def text(self, place: int) -> str | None:
        """The line of an event, where it is held."""
        back = self.num_events - place
        return self.texts[-back] if 1 <= back <= len(self.texts) else None


def block_id(name: str, first_line: str) -> str:
    """The same for the same session of a block wherever and however often it is read."""
    return hashlib.blake2b(f"{name}\n{first_line}".encode(), digest_size=8).hexdigest()


def session_begins(times: NDArray[np.int64], starts: NDArray[np.int64], wait: int) -> NDArray[np.int64]:
    """Places of a chunk's events, grouped by block, where a block or its next session begins.

    Args:
        times: (E,) microseconds, NO_TIME for none.
        starts: (B,) of the blocks.
        wait: microseconds between two events with a time that part sessions.
    """
    block = np.zeros(len(times), dtype=np.int64)
    block[starts[1:]] = 1
    block = np.cumsum(block)
    timed = np.flatnonzero(times != NO_TIME)
    later, before = timed[1:], timed[:-1]
    parted = (block[later] == block[before]) & (times[later] - times[before] > wait)
    return np.union1d(starts, later[parted])


class Case(NamedTuple):
    """A block that is an alert, and its most surprising event."""

    block: OpenBlock
    place: int  # of the event, from 0; the number of events for the block's end
    nll: float
    rank: int
    score: float
    last_time: int  # microseconds
    reason: str = CERTAIN


def closed_cases(model: Model, closing: Sequence[tuple[OpenBlock, str]]) -> list[Case]:
    """Score S blocks, each with why it is closed; those above the threshold that were no alert before."""
    if not closing:
        return []
    lengths = np.asarray([block.num_events for block, _ in closing], dtype=np.int64)
    records = np.frombuffer(b"".join(block.events for block, _ in closing), EVENT)
    tokens = np.ascontiguousarray(records["token"])
    events = model.scorer.surprise(tokens, lengths)
    scores = model.judge.scores(events, tokens, lengths)
    worst = events.worst_event()
    cases = []
    for number in np.flatnonzero(scores > model.judge.threshold).tolist():
        block, reason = closing[number]
        if not block.alerted:
            place = int(worst[number])
            event = int(events.offsets[number]) + place - int(events.first_key[number])
            nll, rank = float(events.nll[event]), int(events.rank[event])
            cases.append(Case(block, place, nll, rank, float(scores[number]), block.last_time, reason))
    return cases


def alerts_of(model: Model, cases: Sequence[Case], source: Source) -> list[Alert]:
    """Alerts with their lines and what was expected."""
    if not cases:
        return []
    events = [np.frombuffer(bytes(case.block.events), EVENT) for case in cases]
    sessions = [np.ascontiguousarray(records["token"]) for records in events]
    probabilities = model.scorer.probabilities(sessions, [case.place for case in cases])
    names, with_year = model.vocabulary.tokens, model.says_year
    found = []
    for case, records, tokens, expected in zip(cases, events, sessions, probabilities, strict=True):
        block, place, is_open = case.block, case.place, case.reason == CERTAIN
        shown = min(place, len(tokens) - 1)
        key = names[model.vocabulary.eos if place == len(tokens) else tokens[place]]
        if place < len(tokens) and tokens[place] == model.vocabulary.unk and records["key"][place] >= 0:
            key = str(records["key"][place])
        lines = []
        for line in range(max(shown - _LINES_SHOWN + 1, 0), shown + 1):
            offset, text = int(records["offset"][line]), block.text(line)
            if text is None:
                text = source.line(int(records["file"][line]), offset)
            lines.append(LineRef(line + 1, source.name, offset, text))
        template, unseen = model.templates.get(key, ""), case.nll == UNSEEN_NLL
        found.append(
            Alert(
                id=block.id,
                block=block.name,
                score_name=model.judge.main,
                score=case.score,
                threshold=model.judge.threshold,
                status="open" if is_open else "closed",
                reason=case.reason,
                events=place + 1 if is_open else len(tokens),
                first_time=iso_time(block.first_time, with_year=with_year),
                last_time=iso_time(case.last_time, with_year=with_year),
                surprise=Surprise(place + 1, key, template, case.nll, case.rank, unseen),
                expected=best_guesses(expected, names, model.templates),
                counts=() if is_open else model.odd_counts(tokens),
                lines=tuple(lines),
            )
        )
    return found
