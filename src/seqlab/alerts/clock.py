"""The log's own time: how much of it has passed, whatever single lines say."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_TIME = int(np.iinfo(np.int64).min)  # NaT as an integer
MICROSECONDS = 1_000_000
LATE_SECONDS = 10  # lines may stand so much out of the order of their times
TIMES_KEPT = 101
_AHEAD = TIMES_KEPT // 2  # the median of the last lines is the time of the line so many before the last
_MOST_LOOKS = 128  # of one chunk
_MARKS_A_WAIT = 1024


class LogClock:
    """Adds up how far the median of the last TIMES_KEPT times has gone on: one wrong date moves nothing.

    Silence of a line is what has passed since that line was in the middle of those times. Where the median
    goes back by more than LATE_SECONDS (summer time, a reset), nothing passes and it goes on from there.

    Args:
        wait: microseconds after which lines count as silent; None where nobody asks.
    """

    def __init__(self, wait: int | None) -> None:
        self.wait = wait
        self.heard = 0  # lines with a time
        self.passed = 0  # microseconds
        self._latest = NO_TIME  # the median
        self._times = np.zeros(0, dtype=np.int64)  # the last ones
        self._marks: deque[tuple[int, int]] = deque()  # (lines heard, what had passed then)
        self._silent = -1

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
            step = -(-len(new) // _MOST_LOOKS)
            for end in range(len(stream), before, -step)[::-1]:  # the last line among them
                recent = stream[max(end - TIMES_KEPT, 0) : end]
                self._look(
                    self.heard + end - before, int(np.partition(recent, len(recent) // 2)[len(recent) // 2])
                )
            self._times = stream[-TIMES_KEPT:]
        self.heard += len(new)
        return numbers

    def silent_until(self) -> int:
        """Lines up to this number (see ``hear``) came more than ``wait`` ago."""
        while self.wait is not None and self._marks and self.passed - self._marks[0][1] > self.wait:
            self._silent = self._marks.popleft()[0] - _AHEAD
        return self._silent

    def _look(self, heard: int, median: int) -> None:
        assert self.wait is not None
        if self._latest == NO_TIME or median < self._latest - LATE_SECONDS * MICROSECONDS:
            self._latest = median
        elif median > self._latest:
            self.passed += median - self._latest
            self._latest = median
        grain = max(self.wait // _MARKS_A_WAIT, 1)
        if self._marks and self._marks[-1][1] // grain == self.passed // grain:
            self._marks.pop()
        self._marks.append((heard, self.passed))

    def state(self) -> dict[str, Any]:
        """Everything it knows, for JSON."""
        return {
            "heard": self.heard,
            "passed": self.passed,
            "latest": self._latest,
            "times": self._times.tolist(),
            "marks": list(self._marks),
            "silent": self._silent,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        self.heard, self.passed = state["heard"], state["passed"]
        self._latest, self._silent = state["latest"], state["silent"]
        self._times = np.asarray(state["times"], dtype=np.int64)
        self._marks = deque((heard, passed) for heard, passed in state["marks"])
