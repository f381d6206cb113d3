"""Blocks that are still open: their events so far."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.alert import NO_TIME

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

    @property
    def records(self) -> NDArray[np.void]:
        """(T,) a copy of its events."""
        return np.frombuffer(bytes(self.events), EVENT)

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
