"""Blocks that are still open: their events so far, bounded in number, the least recent ones first."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import segment_indices

NO_TIME = int(np.iinfo(np.int64).min)  # NaT as an integer
HELD_LINES = 64  # texts of a block's last lines, where lines are held at all
LONGEST_HELD = 2000  # letters
EVENT = np.dtype(
    [
        ("offset", "<i8"),  # byte in the file where its line begins
        ("key", "<i4"),  # template id, -1 for none
        ("token", "<i4"),  # vocabulary id
        ("rank", "<i4"),  # 0 where nothing predicted it
        ("nll", "<f4"),  # nats, NaN where nothing predicted it
        ("file", "<i4"),
    ]
)


@dataclass(slots=True)
class OpenBlock:
    """One session that may go on."""

    id: str
    slot: int  # its row of OpenBlocks.contexts
    seen: float  # when its last line came, by the watcher's clock, in seconds
    heard: int = 0  # the number of its last line: see LogClock.hear
    first_time: int = NO_TIME  # of its lines, microseconds
    last_time: int = NO_TIME
    alerted: bool = False
    events: bytearray = field(default_factory=bytearray)  # EVENT after EVENT
    texts: deque[str] | None = None  # of its last lines

    @property
    def num_events(self) -> int:
        return len(self.events) // EVENT.itemsize

    @property
    def records(self) -> NDArray[np.void]:
        """(T,) a copy of its events."""
        return np.frombuffer(bytes(self.events), EVENT)

    @property
    def tokens(self) -> NDArray[np.int32]:
        return np.ascontiguousarray(self.records["token"])

    def text(self, place: int) -> str | None:
        """The line of an event, where it is held."""
        back = self.num_events - place
        if self.texts is None or not 1 <= back <= len(self.texts):
            return None
        return self.texts[-back]


class OpenBlocks:
    """The open blocks by id, the one whose last line is oldest first.

    Args:
        blank: (W,) the window before a session's first key; (0,) where nothing reads windows.
        hold_texts: keep the last lines of every block.
    """

    def __init__(self, blank: NDArray[np.int32], *, hold_texts: bool) -> None:
        self.blank = blank
        self.hold_texts = hold_texts
        self.by_id: dict[str, OpenBlock] = {}
        self.contexts = np.tile(blank, (256, 1))  # (slots, W) the last keys of each block
        self._free = list(range(255, -1, -1))

    def __len__(self) -> int:
        return len(self.by_id)

    def __iter__(self) -> Iterator[OpenBlock]:
        return iter(self.by_id.values())

    def begin(self, name: str, now: float) -> OpenBlock:
        """A new block, not yet among those that ``by_id`` finds."""
        if not self._free:
            count = len(self.contexts)
            self.contexts = np.concatenate((self.contexts, np.tile(self.blank, (count, 1))))
            self._free = list(range(2 * count - 1, count - 1, -1))
        slot = self._free.pop()
        self.contexts[slot] = self.blank
        texts = deque[str](maxlen=HELD_LINES) if self.hold_texts else None
        return OpenBlock(name, slot, now, texts=texts)

    def release(self, blocks: Iterable[OpenBlock]) -> None:
        """Give back the slots of closed blocks."""
        self._free += [block.slot for block in blocks]

    def pop_first(self, most: int) -> list[OpenBlock]:
        """Take out the oldest ones, at most so many."""
        return self._pop([*itertools.islice(self.by_id, max(most, 0))])

    def pop_while(self, is_due: Callable[[OpenBlock], bool]) -> list[OpenBlock]:
        """Take out the oldest ones, up to the first that is not due."""
        return self._pop([block.id for block in itertools.takewhile(is_due, self)])

    def _pop(self, ids: list[str]) -> list[OpenBlock]:
        # found in one go: looking for the first of a dict again and again passes all that was taken out of it
        return [self.by_id.pop(name) for name in ids]

    def restore(self, block: OpenBlock) -> None:
        """Put back a block of a state file; call in the order of ``__iter__``."""
        self.by_id[block.id] = block
        width = len(self.blank)
        if width:
            last = np.frombuffer(bytes(block.events[-width * EVENT.itemsize :]), EVENT)["token"]
            self.contexts[block.slot, width - len(last) :] = last
            self.contexts[block.slot, : width - len(last)] = self.blank[len(last) :]


@dataclass(frozen=True)
class Segments:
    """The E new events of a chunk, block after block: S runs of events, each of one session."""

    order: NDArray[np.int64]  # (E,) which event of the chunk
    lengths: NDArray[np.int64]  # (S,) at least 1
    blocks: list[OpenBlock]  # (S,) the session of each run
    before: NDArray[np.int64]  # (S,) events that it held already

    @property
    def starts(self) -> NDArray[np.int64]:
        return np.cumsum(self.lengths) - self.lengths


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


def window_stream(
    contexts: NDArray[np.int32], tokens: NDArray[np.integer], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Each run of tokens after its own context.

    Args:
        contexts: (S, W)
        tokens: (E,) run after run.
        lengths: (S,) of the runs.

    Returns:
        The (S W + E,) stream, and (S,) where each run's tokens begin in it.
    """
    width = contexts.shape[1]
    ends = np.cumsum(lengths + width)
    first = ends - lengths
    stream = np.empty(len(tokens) + contexts.size, dtype=np.int32)
    stream[(first - width)[:, None] + np.arange(width)] = contexts
    stream[segment_indices(first, lengths)] = tokens
    return stream, first
