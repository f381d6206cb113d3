"""Sessions of a log that names none: fixed or sliding windows of time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.errors import UserError

MICROSECONDS = 1_000_000
SHORTEST, LONGEST = 0.001, 1e9  # seconds
MOST_WINDOWS = 100  # that a line is in


@dataclass(frozen=True)
class TimeWindows:
    """Windows of ``seconds``, one beginning every ``step`` seconds; a line is in each that holds it."""

    seconds: float
    step: float

    def __post_init__(self) -> None:
        if not SHORTEST <= self.seconds <= LONGEST:
            raise UserError(f"--window {self.seconds:g}: give seconds, {SHORTEST:g} to {LONGEST:g}")
        if not SHORTEST <= self.step <= self.seconds:
            raise UserError(
                f"--step {self.step:g}: give seconds, {SHORTEST:g} to the window's {self.seconds:g}: "
                "a larger step would leave lines out"
            )
        if self.seconds / self.step > MOST_WINDOWS:
            raise UserError(
                f"--window {self.seconds:g} --step {self.step:g}: each line would be in "
                f"{self.seconds / self.step:,.0f} windows; at most {MOST_WINDOWS} are accepted"
            )

    def events(self, time: pl.Series) -> tuple[NDArray[np.int64], pl.Series]:
        """The message and the session, named by the window's begin, of each event.

        Args:
            time: (M,) Datetime("us"); messages without one are in no window.
        """
        step, size = round(self.step * MICROSECONDS), round(self.seconds * MICROSECONDS)
        when = time.to_physical().to_numpy()
        known = np.flatnonzero(time.is_not_null().to_numpy())
        at = when[known].astype(np.int64)
        newest = at // step * step
        begins = newest[:, None] - step * np.arange(math.ceil(size / step))[::-1]  # (M, K) oldest first
        inside = at[:, None] < begins + size
        message = np.repeat(known, inside.sum(axis=1))
        begin = pl.Series(begins[inside]).cast(pl.Datetime("us"))
        names = begin.dt.strftime(
            "%Y-%m-%dT%H:%M:%S" if step % MICROSECONDS == 0 else "%Y-%m-%dT%H:%M:%S%.6f"
        )
        return message, names
