"""Ragged storage holds what went in, whatever is taken, joined or cut."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqlab.data.sequences import (
    Sessions,
    concatenate,
    cut_lengths,
    segment_indices,
    smallest_integer_type,
)
from tests.texts import texts

KEYS = st.one_of(st.sampled_from(["5", "22", "open", "닫다"]), texts(1, 4))
ROWS = st.lists(st.lists(KEYS, max_size=8), max_size=8)


def rows_of(sessions: Sessions) -> list[list[str]]:
    return [sessions.keys(place) for place in range(len(sessions))]


@given(ROWS, st.data())
def test_sessions_hold_their_rows_in_any_choice_of_them(rows: list[list[str]], data: st.DataObject) -> None:
    sessions = Sessions.from_lists(rows, labels=0)
    assert rows_of(sessions) == rows
    assert sessions.lengths.tolist() == [len(row) for row in rows]
    assert sessions.num_events == sum(map(len, rows))
    places = data.draw(st.lists(st.sampled_from(range(len(rows))), max_size=9) if rows else st.just([]))
    some = sessions.take(np.array(places, dtype=np.int64))
    assert rows_of(some) == [rows[place] for place in places]
    assert some.ids.tolist() == [f"session_{place + 1}" for place in places]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), dtype=bool)
    assert rows_of(sessions.take(mask)) == [row for row, kept in zip(rows, mask, strict=True) if kept]


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_parts_that_name_keys_differently_join_into_their_rows(parts: list[list[list[str]]]) -> None:
    joined = concatenate([Sessions.from_lists(rows, labels=number) for number, rows in enumerate(parts)])
    assert rows_of(joined) == [row for rows in parts for row in rows]
    assert joined.labels.tolist() == [number for number, rows in enumerate(parts) for _ in rows]
    assert len(set(joined.key_names)) == len(joined.key_names)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=12))
def test_segments_are_ranges_one_after_the_other(spans: list[tuple[int, int]]) -> None:
    starts, lengths = np.array(spans, dtype=np.int64).reshape(-1, 2).T
    expected = [start + step for start, length in spans for step in range(length)]
    assert segment_indices(starts, lengths).tolist() == expected


@given(st.lists(st.integers(1, 60), max_size=10), st.one_of(st.none(), st.integers(1, 20)))
def test_pieces_are_even_no_longer_than_asked_for_and_as_few_as_can_be(
    lengths: list[int], longest: int | None
) -> None:
    counts, pieces = cut_lengths(np.array(lengths, dtype=np.int64), longest)
    bounds = [0, *np.cumsum(counts).tolist()]
    assert bounds[-1] == len(pieces)
    for length, (first, end) in zip(lengths, pairwise(bounds), strict=True):
        part = pieces[first:end].tolist()
        assert sum(part) == length
        assert max(part) - min(part) <= 1
        assert len(part) == (1 if longest is None else -(-length // longest))


@given(st.integers(0, 2**40))
def test_the_smallest_type_holds_the_largest_number(largest: int) -> None:
    kind = smallest_integer_type(largest)
    assert int(np.array([largest]).astype(kind)[0]) == largest
