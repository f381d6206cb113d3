"""The log's own time: where it has got to, and since when who is silent, whatever single lines say."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.blocks import NO_TIME

MICROSECONDS = 1_000_000
LATE_SECONDS = 10  # lines may stand so much out of the order of their times
TIMES_KEPT = 101
_AHEAD = TIMES_KEPT // 2  # the median of the last lines is the time of the line so many before the last
_MOST_MARKS = 128  # of one chunk
_MARKS_A_WAIT = 1024


class LogClock:
    """Shows the median of the last TIMES_KEPT times: one wrong date moves nothing.

    A line came at what the clock shows when that line is in the middle of those times: in a log in order that
    is its own time, and a wrong or missing date does not matter. Silence is the clock now minus that.

    A clock that goes back by more than LATE_SECONDS is followed: what was silent for some time before stays
    silent for as long. One that soon returns to where it was (two hosts of different times in one log) has
    shown no silence either.

    Args:
        wait: microseconds after which lines count as silent; None where nobody asks.
    """

    def __init__(self, wait: int | None) -> None:
        self.wait = wait
        self.latest = NO_TIME  # what the clock shows, microseconds
        self.heard = 0  # lines with a time
        self._times = np.zeros(0, dtype=np.int64)  # the last of them
        # (lines heard, what the clock showed then); each is later than the one before
        self._marks: deque[tuple[int, int]] = deque()
        self._silent = -1
        self._back, self._since = 0, NO_TIME  # how far it went back, and where to

    def hear(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Let E lines come.

        Args:
            times: (E,) microseconds, NO_TIME for none.

        Returns:
            (E,) the number of each among all lines with a time; what came without has that of the one before.
        """
        known = times != NO_TIME
        numbers = self.heard + np.cumsum(known)
        new = times[known]
        if len(new) and self.wait is not None:
            before = len(self._times)
            stream = np.concatenate((self._times, new))
            step = -(-len(new) // _MOST_MARKS)
            ends = np.arange(len(stream), before, -step)[::-1]  # the last line among them
            for end, median in zip(ends.tolist(), _medians(stream, ends), strict=True):
                self._show(self.heard + end - before, median)
            self._times = stream[-TIMES_KEPT:]
        self.heard += len(new)
        return numbers

    def silent_until(self) -> int:
        """Lines up to this number (see ``hear``) came more than ``wait`` ago."""
        if self.wait is not None:
            while self._marks and self.latest - self._marks[0][1] > self.wait:
                self._silent = self._marks.popleft()[0] - _AHEAD
        return self._silent

    def _show(self, heard: int, median: int) -> None:
        assert self.wait is not None
        late = LATE_SECONDS * MICROSECONDS
        if self.latest == NO_TIME:
            self.latest = median
        elif median < self.latest - late:
            self._move_marks(median - self.latest)
            self._back, self._since = self.latest - median, median
            self.latest = median
        elif median > self.latest:
            if self._back and self.latest - self._since > self.wait:
                self._back = 0
            if median - self.latest > late and self._back:
                returned = min(median - self.latest, self._back)
                self._move_marks(returned)
                self._back -= returned
            self.latest = median
        grain = max(self.wait // _MARKS_A_WAIT, 1)
        if self._marks and self._marks[-1][1] // grain == self.latest // grain:
            self._marks.pop()
        self._marks.append((heard, self.latest))

    def _move_marks(self, by: int) -> None:
        self._marks = deque((heard, shown + by) for heard, shown in self._marks)

    def state(self) -> dict[str, Any]:
        """Everything it knows, for JSON."""
        return {
            "latest": self.latest,
            "heard": self.heard,
            "times": self._times.tolist(),
            "marks": list(self._marks),
            "silent": self._silent,
            "back": [self._back, self._since],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        self.latest, self.heard, self._silent = state["latest"], state["heard"], state["silent"]
        self._times = np.asarray(state["times"], dtype=np.int64)
        self._marks = deque((heard, shown) for heard, shown in state["marks"])
        self._back, self._since = state["back"]


def _medians(stream: NDArray[np.int64], ends: NDArray[np.int64]) -> list[int]:
    """The median of the TIMES_KEPT times before each end, or of all where there are fewer."""
    full = ends >= TIMES_KEPT
    found = [int(np.sort(stream[:end])[end // 2]) for end in ends[~full].tolist()]
    if full.any():
        windows = np.lib.stride_tricks.sliding_window_view(stream, TIMES_KEPT)[ends[full] - TIMES_KEPT]
        found += np.partition(windows, _AHEAD, axis=1)[:, _AHEAD].tolist()
    return found
