"""Windows and distinct pieces against plain lists, for any sessions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqlab.data.sequences import Sessions
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import (
    CONTEXTS,
    NUM_DELAYS,
    distinct_pairs,
    distinct_rows,
    distinct_sessions,
    index_windows,
)

ROWS = st.lists(st.lists(st.sampled_from("abc"), max_size=9), min_size=1, max_size=7)


def encoded(rows: list[list[str]]) -> tuple[Vocabulary, np.ndarray, np.ndarray]:
    sessions = Sessions.from_lists(rows)
    vocabulary = Vocabulary.from_sessions(sessions)
    return vocabulary, vocabulary.encode(sessions), sessions.lengths


def plain_windows(
    row: list[int], vocabulary: Vocabulary, size: int, context: str
) -> list[tuple[list[int], int]]:
    """Each window of one session and the key that it predicts."""
    ended = [*row, vocabulary.eos]
    if context == "from_start":
        whole = [vocabulary.pad] * (size - 1) + [vocabulary.bos] + ended
    else:
        whole = [vocabulary.pad] * (size + 1 - len(ended)) + ended
    return [(whole[end - size : end], whole[end]) for end in range(size, len(whole))]


@given(ROWS, st.integers(1, 6), st.sampled_from(CONTEXTS))
def test_every_key_is_predicted_from_the_keys_before_it(
    rows: list[list[str]], size: int, context: str
) -> None:
    vocabulary, tokens, lengths = encoded(rows)
    index = index_windows(tokens, lengths, vocabulary, size, context)
    expected = [plain_windows(vocabulary.ids(row), vocabulary, size, context) for row in rows]
    assert index.num_targets.tolist() == [len(windows) for windows in expected]
    flat = [window for windows in expected for window in windows]
    positions = index.positions()
    assert index.contexts(positions).tolist() == [window for window, _ in flat]
    assert index.stream[positions].tolist() == [target for _, target in flat]
    pairs = distinct_pairs(index, len(vocabulary))
    rebuilt = zip(
        pairs.contexts[pairs.pair_context[pairs.pair_of_window]].tolist(),
        pairs.pair_target[pairs.pair_of_window].tolist(),
        strict=True,
    )
    assert list(rebuilt) == flat
    assert pairs.num_pairs == len({(*window, target) for window, target in flat})
    assert len(pairs.contexts) == len({tuple(window) for window, _ in flat})


@given(ROWS, st.integers(1, 4), st.data())
def test_windows_with_delays_hold_each_keys_own(
    rows: list[list[str]], size: int, data: st.DataObject
) -> None:
    vocabulary, tokens, lengths = encoded(rows)
    count = len(tokens)
    given_delays = data.draw(st.lists(st.integers(0, NUM_DELAYS - 1), min_size=count, max_size=count))
    delays = np.array(given_delays, dtype=np.uint8)
    index = index_windows(tokens, lengths, vocabulary, size, "from_start", delays)
    contexts = index.contexts(index.positions())
    plain = index_windows(tokens, lengths, vocabulary, size, "from_start")
    assert (contexts // NUM_DELAYS).tolist() == plain.contexts(plain.positions()).tolist()
    assert (contexts[:, -1] % NUM_DELAYS).tolist() == [
        delay
        for end, length in zip(np.cumsum(lengths).tolist(), lengths.tolist(), strict=True)
        for delay in [0, *given_delays[end - length : end]]
    ]
    pairs = distinct_pairs(index, len(vocabulary))
    found = pairs.pair_delay
    assert found is not None
    assert found[pairs.pair_of_window].tolist() == index.delays[index.positions()].tolist()  # type: ignore[index]


@given(ROWS, st.one_of(st.none(), st.integers(1, 5)))
def test_distinct_pieces_put_together_are_the_sessions(rows: list[list[str]], longest: int | None) -> None:
    vocabulary, tokens, lengths = encoded(rows)
    distinct = distinct_sessions(tokens, lengths, vocabulary, longest)
    kinds = [
        distinct.stream[first : first + length].tolist()
        for first, length in zip(distinct.first_token.tolist(), distinct.lengths.tolist(), strict=True)
    ]
    assert len(set(map(tuple, kinds))) == len(kinds)
    assert sorted(map(len, kinds)) == [len(kind) for kind in kinds]
    pieces = iter([kinds[number] for number in distinct.distinct_of_piece.tolist()])
    for row, count in zip(rows, distinct.num_pieces.tolist(), strict=True):
        whole = [token for _ in range(count) for token in next(pieces)]
        assert whole == [*vocabulary.ids(row), vocabulary.eos]
    assert distinct.session_lengths.tolist() == (lengths + 1).tolist()


@given(st.data(), st.integers(1, 30), st.integers(1, 8))
def test_equal_rows_have_equal_numbers_in_their_order(data: st.DataObject, size: int, width: int) -> None:
    """Columns of large numbers too, whose digits do not fit into 64 bits."""
    sizes = data.draw(st.lists(st.integers(1, 2**31), min_size=width, max_size=width))
    row = st.tuples(*(st.one_of(st.integers(0, most - 1), st.just(most - 1)) for most in sizes))
    rows = data.draw(st.lists(row, min_size=size, max_size=size))
    found = distinct_rows(list(np.array(rows, dtype=np.int64).T), sizes)
    order = {each: number for number, each in enumerate(sorted(set(rows)))}
    assert found.tolist() == [order[each] for each in rows]
