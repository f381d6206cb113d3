from __future__ import annotations

import numpy as np
import pytest

from seqlab.data.sequences import (
    LABEL_ABNORMAL,
    LABEL_NORMAL,
    LABEL_UNKNOWN,
    Sessions,
    concatenate,
    cut_lengths,
    segment_indices,
    smallest_integer_type,
)


@pytest.fixture
def three() -> Sessions:
    return Sessions.from_lists([[5, 5, 22], ["E1"], [22, 9]], ids=["a", "b", "c"], labels=[0, 1, -1])


def test_lists_become_flat_codes_numbered_as_met(three: Sessions) -> None:
    assert three.codes.tolist() == [0, 0, 1, 2, 1, 3]
    assert three.offsets.tolist() == [0, 3, 4, 6]
    assert three.key_names == ("5", "22", "E1", "9")
    assert three.ids.tolist() == ["a", "b", "c"]
    assert three.labels.tolist() == [LABEL_NORMAL, LABEL_ABNORMAL, LABEL_UNKNOWN]
    assert (len(three), three.num_events, three.lengths.tolist()) == (3, 6, [3, 1, 2])
    assert [three.keys(session) for session in range(3)] == [["5", "5", "22"], ["E1"], ["22", "9"]]


def test_lists_without_ids_are_named_in_order_and_unlabelled() -> None:
    sessions = Sessions.from_lists([[1], [2]])
    assert sessions.ids.tolist() == ["session_1", "session_2"]
    assert sessions.labels.tolist() == [LABEL_UNKNOWN, LABEL_UNKNOWN]


def test_take_by_index_keeps_the_order_given(three: Sessions) -> None:
    taken = three.take(np.array([2, 0]))
    assert taken.codes.tolist() == [1, 3, 0, 0, 1]
    assert taken.offsets.tolist() == [0, 2, 5]
    assert taken.ids.tolist() == ["c", "a"]
    assert taken.labels.tolist() == [-1, 0]
    assert [taken.keys(0), taken.keys(1)] == [["22", "9"], ["5", "5", "22"]]


def test_take_by_mask_and_of_nothing(three: Sessions) -> None:
    taken = three.take(np.array([True, False, True]))
    assert taken.ids.tolist() == ["a", "c"]
    assert taken.keys(1) == ["22", "9"]
    nothing = three.take(np.zeros(3, dtype=bool))
    assert (len(nothing), nothing.num_events, nothing.offsets.tolist()) == (0, 0, [0])


def test_take_leaves_the_original_alone(three: Sessions) -> None:
    taken = three.take(np.arange(3))
    taken.codes[:] = 0
    taken.labels[:] = 1
    assert three.codes.tolist() == [0, 0, 1, 2, 1, 3]
    assert three.labels.tolist() == [0, 1, -1]


def test_one_label_for_all_or_one_each(three: Sessions) -> None:
    assert three.with_labels(LABEL_ABNORMAL).labels.tolist() == [1, 1, 1]
    each = three.with_labels(np.array([1, 0, 1], dtype=np.int8))
    assert each.labels.tolist() == [1, 0, 1]
    assert each.labels.dtype == np.int8
    assert three.labels.tolist() == [0, 1, -1]


def test_concatenate_renumbers_keys_that_the_parts_named_differently() -> None:
    first = Sessions.from_lists([["7", "8"], ["8"]], ids=["a", "b"], labels=0)
    second = Sessions.from_lists([["8", "9", "7"]], ids=["c"], labels=1)
    both = concatenate([first, second])
    assert second.codes.tolist() == [0, 1, 2]
    assert both.key_names == ("7", "8", "9")
    assert both.codes.tolist() == [0, 1, 1, 1, 2, 0]
    assert both.offsets.tolist() == [0, 2, 3, 6]
    assert both.ids.tolist() == ["a", "b", "c"]
    assert both.labels.tolist() == [0, 0, 1]
    assert both.keys(2) == ["8", "9", "7"]


def test_concatenate_widens_codes_where_the_keys_together_need_it() -> None:
    first = Sessions.from_lists([list(range(200))], ids=["a"])
    second = Sessions.from_lists([list(range(100, 400))], ids=["b"])
    assert first.codes.dtype == np.uint8
    both = concatenate([first, second])
    assert both.codes.dtype == np.int16
    assert len(both.key_names) == 400
    assert both.keys(1) == [str(key) for key in range(100, 400)]


@pytest.mark.parametrize(
    ("largest", "expected"),
    [
        (0, np.uint8),
        (255, np.uint8),
        (256, np.int16),
        (32_767, np.int16),
        (32_768, np.int32),
        (2**31 - 1, np.int32),
        (2**31, np.int64),
    ],
)
def test_smallest_integer_type_at_its_borders(largest: int, expected: type) -> None:
    kind = smallest_integer_type(largest)
    assert kind == expected
    assert np.asarray([largest]).astype(kind).tolist() == [largest]


@pytest.mark.parametrize(("num_keys", "expected"), [(1, np.uint8), (256, np.uint8), (257, np.int16)])
def test_codes_take_the_smallest_type_for_their_keys(num_keys: int, expected: type) -> None:
    sessions = Sessions.from_lists([list(range(num_keys))])
    assert sessions.codes.dtype == expected
    assert sessions.keys(0) == [str(key) for key in range(num_keys)]


def test_segment_indices_by_hand() -> None:
    segments = segment_indices(np.array([10, 0, 7]), np.array([3, 0, 2]))
    assert segments.tolist() == [10, 11, 12, 7, 8]
    assert segment_indices(np.array([], dtype=np.int64), np.array([], dtype=np.int64)).tolist() == []


def test_sequences_are_cut_into_even_pieces() -> None:
    lengths = np.array([7, 3, 4, 100_000, 1])
    num_pieces, pieces = cut_lengths(lengths, 3)
    assert num_pieces.tolist() == [3, 1, 2, 33_334, 1]
    assert pieces[:6].tolist() == [3, 2, 2, 3, 2, 2]
    assert np.add.reduceat(pieces, np.cumsum(num_pieces) - num_pieces).tolist() == lengths.tolist()
    assert set(pieces[6:-1].tolist()) == {2, 3}
    assert [part.tolist() for part in cut_lengths(lengths, None)] == [[1] * 5, lengths.tolist()]


@pytest.mark.parametrize("seed", range(5))
def test_take_equals_picking_lists(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [rng.integers(0, 9, size=rng.integers(1, 9)).astype(str).tolist() for _ in range(40)]
    sessions = Sessions.from_lists(rows)
    picks = rng.integers(0, 40, size=25)
    taken = sessions.take(picks)
    assert [taken.keys(place) for place in range(25)] == [rows[pick] for pick in picks]
    assert taken.ids.tolist() == [f"session_{pick + 1}" for pick in picks]


def test_all_of_hdfs_stays_under_100_megabytes() -> None:
    num_sessions, num_events = 575_000, 11_000_000
    lengths = np.full(num_sessions, num_events // num_sessions)
    lengths[: num_events - int(lengths.sum())] += 1
    ids = np.strings.add("blk_-", np.arange(10**18, 10**18 + num_sessions).astype(str))
    sessions = Sessions.from_arrays(
        np.arange(num_events) % 29, lengths, ids, tuple(str(key) for key in range(1, 30))
    )
    assert (len(sessions), sessions.num_events) == (num_sessions, num_events)
    assert set(np.strings.str_len(sessions.ids).tolist()) == {24}
    held = sum(array.nbytes for array in (sessions.codes, sessions.offsets, sessions.ids, sessions.labels))
    assert held + 24 * num_sessions < 100e6  # 24 letters an id
    assert sessions.keys(num_sessions - 1)[-1] == str((num_events - 1) % 29 + 1)
