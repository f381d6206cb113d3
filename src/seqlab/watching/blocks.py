"""Blocks that are still open: their events so far, bounded in number, the least recent ones first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
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

    def oldest(self) -> OpenBlock | None:
        return next(iter(self.by_id.values()), None)

    def pop_oldest(self) -> OpenBlock:
        return self.by_id.pop(next(iter(self.by_id)))

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
