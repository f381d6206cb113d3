"""How long after its session's previous event each event came, on a logarithmic scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NO_DELAY = 0  # the first event, one whose time or whose predecessor's is unknown, and all that is no event
NUM_DELAYS = 32
MICROSECONDS = 1000  # of the shortest delay that is told from none: 1 ms


def delay_buckets(
    times: NDArray[np.int64], known: NDArray[np.bool_], lengths: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """(N,) the bucket of each event's delay, 0 to NUM_DELAYS - 1.

    0 is no delay at all. 1 is less than 1 ms, lines out of order included. From 2 on bucket b holds
    ``2 ^ (b - 2)`` to ``2 ^ (b - 1)`` ms, up to 31: six days and more. So seconds enter a network on a
    logarithmic scale, and windows of equal keys and buckets are still equal and computed once.

    Args:
        times: (N,) microseconds, session after session.
        known: (N,) False where a line has no time.
        lengths: (S,) events of each session.
    """
    since = np.zeros(len(times), dtype=np.int64)
    since[1:] = np.diff(times)
    milliseconds = np.maximum(since, 0) / MICROSECONDS
    # frexp gives x = m * 2 ^ e with 0.5 <= m < 1, so e - 1 is the whole part of log2 x, exactly
    bucket = np.where(milliseconds < 1, 1, np.frexp(milliseconds)[1] + 1)
    follows = known.copy()
    follows[1:] &= known[:-1]
    follows[(np.cumsum(lengths) - lengths)[lengths > 0]] = False
    return np.where(follows, np.minimum(bucket, NUM_DELAYS - 1), NO_DELAY).astype(np.uint8)
