"""Times of events to buckets of delays, worked out by hand."""

import numpy as np

from seqlab.data.parsed_sessions import delay_buckets

SECOND = 1_000_000


def test_buckets_by_hand() -> None:
    first = [0, 0, 999, 1999, 3999]  # since the one before: 0, 0.999 ms, 1 ms, 2 ms
    second = [5 * SECOND, 6 * SECOND, 106 * SECOND, 105 * SECOND]  # 1 s, 100 s, one second back
    third = [0, 10**9 * SECOND]  # 32 years
    times = np.asarray([*first, *second, *third])
    found = delay_buckets(times, np.ones(11, dtype=bool), np.asarray([5, 4, 2]))
    # 1000 ms lie between 2 ^ 9 and 2 ^ 10, so in bucket 9 + 2; 100,000 ms between 2 ^ 16 and 2 ^ 17
    assert found.tolist() == [0, 1, 1, 2, 3, 0, 11, 18, 1, 0, 31]


def test_a_time_that_is_unknown_gives_no_delay_before_it_nor_after() -> None:
    known = np.asarray([True, False, True, True])
    found = delay_buckets(np.asarray([0, 0, SECOND, 2 * SECOND]), known, np.asarray([4]))
    assert found.tolist() == [0, 0, 0, 11]


def test_no_event_at_all_and_sessions_of_one() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert delay_buckets(nothing, nothing.astype(bool), nothing).tolist() == []
    assert delay_buckets(np.arange(2), np.ones(2, dtype=bool), np.asarray([1, 1])).tolist() == [0, 0]
