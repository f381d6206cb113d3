"""The log's own time: how much of it has passed, whatever single lines say."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.alert import NO_TIME
from seqlab.schemas import Moment, Number

MICROSECONDS = 1_000_000
LATE = 10 * MICROSECONDS  # lines may stand so much out of the order of their times
TIMES_KEPT = 101
_AHEAD = TIMES_KEPT // 2  # the median of the last lines is the time of the line so many before the last
_MOST_LOOKS = 128  # of one chunk
_MARKS_A_WAIT = 1024


@dataclass
class LogClock:
    """Adds up how far the median of the last TIMES_KEPT times has gone on: one wrong date moves nothing.

    Silence of a line is what has passed since that line was in the middle of those times. Where the median
    goes back by more than LATE (summer time, a reset), nothing passes and it goes on from there.

    Its fields are plain values, for the state of a watch.
    """

    wait: Number | None  # microseconds after which lines count as silent; None where nobody asks
    heard: Number = 0  # lines with a time
    passed: Number = 0  # microseconds
    median: Moment | None = None
    times: list[Moment] = field(default_factory=list)  # the last ones
    marks: list[tuple[Number, Number]] = field(default_factory=list)  # (lines heard, what had passed then)
    silent: int = -1  # lines up to this number came more than ``wait`` ago

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
            before = len(self.times)
            stream = np.concatenate((np.asarray(self.times, dtype=np.int64), new))
            step = -(-len(new) // _MOST_LOOKS)
            for end in range(len(stream), before, -step)[::-1]:  # the last line among them
                recent = stream[max(end - TIMES_KEPT, 0) : end]
                self._look(self.heard + end - before, recent, self.wait)
            self.times = stream[-TIMES_KEPT:].tolist()
        self.heard += len(new)
        return numbers

    def _look(self, heard: int, recent: NDArray[np.int64], wait: int) -> None:
        middle = len(recent) // 2
        median = int(np.partition(recent, middle)[middle])
        ahead = 0 if self.median is None else median - self.median
        self.passed += max(ahead, 0)
        if self.median is None or ahead > 0 or ahead < -LATE:
            self.median = median
        grain = max(wait // _MARKS_A_WAIT, 1)
        if self.marks and self.marks[-1][1] // grain == self.passed // grain:
            self.marks.pop()
        self.marks.append((heard, self.passed))
        while self.passed - self.marks[0][1] > wait:
            self.silent = self.marks.pop(0)[0] - _AHEAD
