"""Blocks that are still open: their events so far."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice, takewhile

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.clock import NO_TIME

HELD_LINES = 64  # texts of a block's last lines, where lines are held at all
LONGEST_HELD = 2000  # letters
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
    seen: float = 0.0  # when its last line came, in seconds of a clock that runs while someone watches
    heard: int = 0  # the number of its last line: see LogClock.hear
    alerted: bool = False
    events: bytearray = field(default_factory=bytearray)  # EVENT after EVENT
    texts: deque[str] = field(default_factory=lambda: deque(maxlen=HELD_LINES))  # of its last lines

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


OpenBlocks = dict[str, OpenBlock]  # by name; the one whose last line is oldest comes first


def block_id(name: str, first_line: str) -> str:
    """The same for the same session of a block wherever and however often it is read."""
    return hashlib.blake2b(f"{name}\n{first_line}".encode(), digest_size=8).hexdigest()


def pop_first(blocks: OpenBlocks, most: int) -> list[OpenBlock]:
    """Take out the oldest ones, at most so many."""
    return _pop(blocks, islice(blocks, max(most, 0)))


def pop_while(blocks: OpenBlocks, is_due: Callable[[OpenBlock], bool]) -> list[OpenBlock]:
    """Take out the oldest ones, up to the first that is not due."""
    return _pop(blocks, (block.name for block in takewhile(is_due, blocks.values())))


def _pop(blocks: OpenBlocks, names: Iterable[str]) -> list[OpenBlock]:
    # names first: looking for the first of a dict again and again passes all that was taken out of it
    return [blocks.pop(name) for name in list(names)]


def session_begins(
    times: NDArray[np.int64], starts: NDArray[np.int64], wait: int | None
) -> NDArray[np.int64]:
    """Places of a chunk's events, grouped by block, where a block or its next session begins.

    Args:
        times: (E,) microseconds, NO_TIME for none.
        starts: (B,) of the blocks.
        wait: microseconds between two events with a time that part sessions.
    """
    begins = np.zeros(len(times), dtype=bool)
    begins[starts] = True
    if wait is not None:
        places = np.arange(len(times))
        last_known = np.maximum.accumulate(np.where(times != NO_TIME, places, 0))
        in_block = last_known >= np.maximum.accumulate(np.where(begins, places, 0))
        timed = in_block[:-1] & (times[1:] != NO_TIME) & (times[last_known[:-1]] != NO_TIME)
        begins[1:] |= timed & (np.where(timed, times[1:] - times[last_known[:-1]], 0) > wait)
    return np.flatnonzero(begins)
