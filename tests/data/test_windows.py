from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqlab.data.sequences import Sessions
from seqlab.data.session_files import read_sessions
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import NUM_DELAYS, WindowIndex, distinct_pairs, distinct_rows, index_windows
from seqlab.errors import UserError

Window = tuple[tuple[int, ...], int]  # the context and the id that comes next
PAD, BOS, EOS = 0, 1, 2


def indexed(rows: list[list[int]], vocabulary: Vocabulary, window_size: int, context: str) -> WindowIndex:
    tokens = np.asarray([token for row in rows for token in row], dtype=np.uint8)
    lengths = np.asarray([len(row) for row in rows], dtype=np.int64)
    return index_windows(tokens, lengths, vocabulary, window_size, context)


def windows_of(index: WindowIndex) -> list[Window]:
    positions = index.positions()
    contexts = map(tuple, index.contexts(positions).tolist())
    return list(zip(contexts, index.stream[positions].tolist(), strict=True))


def loop_windows(row: list[int], window_size: int, context: str) -> list[Window]:
    """The windows of one session, the plain way."""
    if context == "from_start":
        before = [PAD] * (window_size - 1) + [BOS]
        first = window_size
    else:
        before = [PAD] * max(window_size - len(row), 0)
        first = window_size
    laid = [*before, *row, EOS]
    return [(tuple(laid[end - window_size : end]), laid[end]) for end in range(first, len(laid))]


def test_from_start_predicts_every_key_and_the_end(eight_keys: Vocabulary) -> None:
    index = indexed([[4, 5], [6]], eight_keys, 3, "from_start")
    assert windows_of(index) == [
        ((PAD, PAD, BOS), 4),
        ((PAD, BOS, 4), 5),
        ((BOS, 4, 5), EOS),
        ((PAD, PAD, BOS), 6),
        ((PAD, BOS, 6), EOS),
    ]
    assert index.num_targets.tolist() == [3, 2]
    assert index.first_key.tolist() == [0, 0]
    assert index.num_windows == 5


def test_from_start_forgets_what_lies_before_the_window(eight_keys: Vocabulary) -> None:
    index = indexed([[4, 5, 6, 7]], eight_keys, 2, "from_start")
    assert windows_of(index) == [((PAD, BOS), 4), ((BOS, 4), 5), ((4, 5), 6), ((5, 6), 7), ((6, 7), EOS)]


def test_full_windows_predict_after_window_size_keys(eight_keys: Vocabulary) -> None:
    index = indexed([[4, 5, 6, 7, 8]], eight_keys, 3, "full_windows")
    assert windows_of(index) == [((4, 5, 6), 7), ((5, 6, 7), 8), ((6, 7, 8), EOS)]
    assert index.first_key.tolist() == [3]


def test_full_windows_of_a_session_of_exactly_window_size_keys(eight_keys: Vocabulary) -> None:
    index = indexed([[4, 5, 6]], eight_keys, 3, "full_windows")
    assert windows_of(index) == [((4, 5, 6), EOS)]
    assert (index.num_targets.tolist(), index.first_key.tolist()) == ([1], [3])


def test_full_windows_give_a_short_session_one_left_padded_pair(eight_keys: Vocabulary) -> None:
    index = indexed([[4, 5], [6], [7, 8, 9, 10]], eight_keys, 3, "full_windows")
    assert windows_of(index) == [
        ((PAD, 4, 5), EOS),
        ((PAD, PAD, 6), EOS),
        ((7, 8, 9), 10),
        ((8, 9, 10), EOS),
    ]
    assert index.num_targets.tolist() == [1, 1, 2]
    assert index.first_key.tolist() == [2, 1, 3]


@pytest.mark.parametrize("context", ["from_start", "full_windows"])
def test_window_of_one_key(eight_keys: Vocabulary, context: str) -> None:
    windows = windows_of(indexed([[4, 5]], eight_keys, 1, context))
    assert windows == [((BOS,), 4)] * (context == "from_start") + [((4,), 5), ((5,), EOS)]


@pytest.mark.parametrize("context", ["from_start", "full_windows"])
@pytest.mark.parametrize("window_size", [1, 2, 5, 14, 20])
def test_windows_equal_a_plain_loop(
    eight_keys: Vocabulary, random_rows: list[list[int]], window_size: int, context: str
) -> None:
    index = indexed(random_rows, eight_keys, window_size, context)
    expected = [loop_windows(row, window_size, context) for row in random_rows]
    assert windows_of(index) == [window for windows in expected for window in windows]
    assert index.num_targets.tolist() == [len(windows) for windows in expected]
    assert index.num_windows == sum(map(len, expected))
    last_keys = index.first_key + index.num_targets - 1
    assert last_keys.tolist() == [len(row) for row in random_rows]  # the last thing predicted is the end


def test_stream_keeps_the_small_type_of_the_tokens(eight_keys: Vocabulary) -> None:
    assert indexed([[4, 5]], eight_keys, 3, "from_start").stream.dtype == np.uint8


def test_unknown_context_and_empty_window_are_refused(eight_keys: Vocabulary) -> None:
    with pytest.raises(UserError, match=r"^data.context=full: choose from_start or full_windows$"):
        indexed([[4]], eight_keys, 3, "full")
    for size in (0, -1):
        with pytest.raises(UserError, match=rf"^data.window_size={size}: a window holds at least 1 key$"):
            indexed([[4]], eight_keys, size, "from_start")


# -- distinct pairs ------------------------------------------------------------------------------------


def check_pairs(index: WindowIndex, vocab_size: int) -> None:
    """Compare with sets: every pair and every context once, and the way back to each window."""
    pairs = distinct_pairs(index, vocab_size)
    windows = windows_of(index)
    contexts = [tuple(row) for row in pairs.contexts.tolist()]
    named = [
        (contexts[row], target)
        for row, target in zip(pairs.pair_context.tolist(), pairs.pair_target.tolist(), strict=True)
    ]
    assert named == sorted(set(windows))
    assert contexts == sorted({context for context, _ in windows})
    assert [named[pair] for pair in pairs.pair_of_window.tolist()] == windows
    assert pairs.num_pairs == len(set(windows))
    assert (np.diff(pairs.pair_context) >= 0).all()


def test_distinct_pairs_by_hand(eight_keys: Vocabulary) -> None:
    index = indexed([[4, 5], [4, 5], [4, 4]], eight_keys, 2, "from_start")
    pairs = distinct_pairs(index, len(eight_keys))
    assert pairs.contexts.tolist() == [[PAD, BOS], [BOS, 4], [4, 4], [4, 5]]
    assert pairs.pair_context.tolist() == [0, 1, 1, 2, 3]
    assert pairs.pair_target.tolist() == [4, 4, 5, EOS, EOS]
    assert pairs.pair_of_window.tolist() == [0, 2, 4, 0, 2, 4, 0, 1, 3]
    assert np.bincount(pairs.pair_of_window).tolist() == [3, 1, 2, 1, 2]


@pytest.mark.parametrize("context", ["from_start", "full_windows"])
@pytest.mark.parametrize("window_size", [1, 3, 20])
def test_distinct_pairs_equal_sets(
    eight_keys: Vocabulary, random_rows: list[list[int]], window_size: int, context: str
) -> None:
    check_pairs(indexed(random_rows, eight_keys, window_size, context), len(eight_keys))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("num_keys", "window_size"), [(3000, 5), (3000, 12), (60_000, 9), (2, 80)])
def test_distinct_pairs_where_a_window_does_not_fit_64_bits(
    num_keys: int, window_size: int, seed: int
) -> None:
    vocabulary = Vocabulary.from_sessions(Sessions.from_lists([list(range(num_keys))]))
    assert len(vocabulary) ** (window_size + 1) > 2**63
    rng = np.random.default_rng(seed)
    chosen = rng.integers(4, len(vocabulary), size=4)
    chosen[0] = len(vocabulary) - 1
    rows = [rng.choice(chosen, size=length).tolist() for length in [1, *rng.integers(1, 40, size=60)]]
    lengths = np.asarray([len(row) for row in rows])
    tokens = np.asarray([token for row in rows for token in row], dtype=vocabulary.id_type)
    check_pairs(index_windows(tokens, lengths, vocabulary, window_size), len(vocabulary))


def test_distinct_rows_at_the_border_of_64_bits() -> None:
    # 2**31 * 2**32 = 2**63 is one more than fits: rows that would overflow to equal numbers stay apart
    big = np.array([0, 2**31 - 1, 2**31 - 1, 0, 1], dtype=np.int64)
    small = np.array([0, 2**32 - 1, 0, 0, 2**32 - 1], dtype=np.int64)
    assert distinct_rows([big, small], [2**31, 2**32]).tolist() == [0, 3, 2, 0, 1]
    columns = [np.array([1, 0, 1, 1])] * 3 + [np.array([0, 1, 0, 2**40 - 1])] * 2
    assert distinct_rows(columns, [2**40] * 5).tolist() == [1, 0, 1, 2]


@pytest.mark.parametrize("seed", range(3))
def test_distinct_rows_equal_a_dictionary(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = [2, 300, 2**20, 2**31, 7, 2**40]
    values = [rng.integers(0, size, size=3) for size in sizes]
    columns = [rng.choice(some, size=500) for some in values]
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    places = {row: place for place, row in enumerate(sorted(set(rows)))}
    assert distinct_rows(columns, sizes).tolist() == [places[row] for row in rows]


@pytest.mark.parametrize("context", ["from_start", "full_windows"])
def test_no_session_has_no_pair(eight_keys: Vocabulary, context: str) -> None:
    pairs = distinct_pairs(indexed([], eight_keys, 3, context), len(eight_keys))
    assert (pairs.num_pairs, len(pairs.contexts), len(pairs.pair_of_window)) == (0, 0, 0)


# -- the published file: 5,583 normal HDFS sessions ----------------------------------------------------


def test_published_windows_of_eight_keys(hdfs_folder: Path) -> None:
    sessions = read_sessions(hdfs_folder / "loghub_sequences" / "normal.txt")
    vocabulary = Vocabulary.from_sessions(sessions)
    tokens = vocabulary.encode(sessions)
    index = index_windows(tokens, sessions.lengths, vocabulary, 8, "full_windows")
    pairs = distinct_pairs(index, len(vocabulary))
    assert index.num_windows == len(pairs.pair_of_window) == 69_229
    assert pairs.num_pairs == 3_308
    assert len(pairs.contexts) == 2_611
    rows = np.split(tokens, sessions.offsets[1:-1])
    expected = [window for row in rows for window in loop_windows(row.tolist(), 8, "full_windows")]
    assert windows_of(index) == expected


def test_published_windows_from_the_start(hdfs_folder: Path) -> None:
    sessions = read_sessions(hdfs_folder / "loghub_sequences" / "normal.txt")
    vocabulary = Vocabulary.from_sessions(sessions)
    index = index_windows(vocabulary.encode(sessions), sessions.lengths, vocabulary, 10)
    assert index.num_windows == sessions.num_events + len(sessions)
    check_pairs(index, len(vocabulary))


def test_windows_with_delays_are_equal_where_keys_and_delays_are(eight_keys: Vocabulary) -> None:
    tokens, lengths = np.asarray([4, 5, 4, 5, 4, 5], dtype=np.uint8), np.asarray([2, 2, 2])
    delays = np.asarray([0, 7, 0, 7, 0, 9], dtype=np.uint8)
    index = index_windows(tokens, lengths, eight_keys, 2, delays=delays)
    pairs = distinct_pairs(index, len(eight_keys))
    begin, four = BOS * NUM_DELAYS, 4 * NUM_DELAYS
    late, later = 5 * NUM_DELAYS + 7, 5 * NUM_DELAYS + 9
    assert pairs.contexts.tolist() == [[PAD, begin], [begin, four], [four, late], [four, later]]
    assert pairs.pair_target.tolist() == [4, 5, 5, EOS, EOS]
    assert pairs.pair_context.tolist() == [0, 1, 1, 2, 3]
    assert pairs.pair_delay is not None
    assert pairs.pair_delay.tolist() == [0, 7, 9, 0, 0]
    assert pairs.pair_of_window.tolist() == [0, 1, 3, 0, 1, 3, 0, 2, 4]
