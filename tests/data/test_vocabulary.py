from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqlab.data.sequences import Sessions
from seqlab.data.vocabulary import SPECIAL_TOKENS, Vocabulary
from seqlab.errors import UserError


@pytest.fixture
def vocabulary() -> Vocabulary:
    # 9 three times; 10, 5 and E2 twice: by text 10 < 5 < E2
    return Vocabulary.from_sessions(
        Sessions.from_lists([["9", "5", "E2", "9"], ["5", "10", "E2", "10", "9"]])
    )


def test_special_tokens_then_keys_by_frequency_ties_by_text(vocabulary: Vocabulary) -> None:
    assert vocabulary.tokens == ("<pad>", "<bos>", "<eos>", "<unk>", "9", "10", "5", "E2")
    assert vocabulary.counts == (0, 2, 2, 0, 3, 2, 2, 2)  # two sessions: two starts, two ends
    assert len(vocabulary) == 8


def test_order_of_sessions_does_not_change_the_ids(vocabulary: Vocabulary) -> None:
    swapped = Sessions.from_lists([["10", "E2", "10", "5", "9"], ["E2", "9", "5", "9"]])
    assert Vocabulary.from_sessions(swapped) == vocabulary


def test_special_ids_are_attributes(vocabulary: Vocabulary) -> None:
    special = (vocabulary.pad, vocabulary.bos, vocabulary.eos, vocabulary.unk)
    assert special == (0, 1, 2, 3)
    assert [vocabulary.tokens[number] for number in special] == list(SPECIAL_TOKENS)


def test_unseen_keys_are_unknown(vocabulary: Vocabulary) -> None:
    assert [vocabulary.id(token) for token in ("9", "E2", "77")] == [4, 7, vocabulary.unk]
    other = Sessions.from_lists([["77", "E2"], ["9", "10", "05"]])
    assert vocabulary.encode(other).tolist() == [3, 7, 4, 5, 3]


def test_a_key_named_but_not_used_by_the_split_gets_no_id() -> None:
    sessions = Sessions.from_lists([["1"], ["2"]])
    training = sessions.take(np.array([0]))
    assert training.key_names == ("1", "2")
    vocabulary = Vocabulary.from_sessions(training)
    assert vocabulary.tokens[4:] == ("1",)
    assert vocabulary.encode(sessions).tolist() == [4, vocabulary.unk]


@pytest.mark.parametrize(("num_keys", "kind"), [(252, np.uint8), (253, np.int16)])
def test_ids_take_the_smallest_type(num_keys: int, kind: type) -> None:
    sessions = Sessions.from_lists([list(range(num_keys))])
    vocabulary = Vocabulary.from_sessions(sessions)
    ids = vocabulary.encode(sessions)
    assert vocabulary.id_type == ids.dtype == kind
    assert [vocabulary.tokens[number] for number in ids] == [str(key) for key in range(num_keys)]


def test_no_session_encodes_to_nothing(vocabulary: Vocabulary) -> None:
    assert vocabulary.encode(Sessions.from_lists([])).tolist() == []


def test_saved_file_is_readable(vocabulary: Vocabulary, tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.txt"
    vocabulary.save(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# seqlab vocabulary")
    assert lines[1:] == [
        *("0\t<pad>", "2\t<bos>", "2\t<eos>", "0\t<unk>"),
        *("3\t9", "2\t10", "2\t5", "2\tE2"),
    ]


def test_state_is_plain_and_comes_back_the_same(vocabulary: Vocabulary) -> None:
    state = vocabulary.state()
    assert {type(value) for values in state.values() for value in values} == {str, int}
    restored = Vocabulary.from_state(state)
    assert restored == vocabulary
    assert restored.id("10") == 5


def test_missing_special_tokens_are_refused() -> None:
    with pytest.raises(UserError, match="starts with <pad> <bos> <eos> <unk>, this one with <pad> 5"):
        Vocabulary(("<pad>", "5"), (0, 1))
    with pytest.raises(UserError, match="this one with nothing"):
        Vocabulary((), ())


def test_training_sessions_are_counted(vocabulary: Vocabulary) -> None:
    assert vocabulary.num_sessions == 2


def test_from_counts_keeps_the_frequent_and_never_a_special_token_twice() -> None:
    counts = {"b": 2, "a": 2, "c": 5, "d": 1, "<unk>": 9}
    assert Vocabulary.from_counts(counts, 3).tokens[4:] == ("c", "a", "b", "d")
    assert Vocabulary.from_counts(counts, 3).counts == (0, 3, 3, 0, 5, 2, 2, 1)
    assert Vocabulary.from_counts(counts, 3, min_count=2, max_tokens=2).tokens[4:] == ("c", "a")
    assert Vocabulary.from_counts(counts, 3, min_count=2).ids(["d", "b", "<unk>"]) == [3, 6, 3]


def test_characters_that_break_lines_are_escaped_in_the_file(tmp_path: Path) -> None:
    characters = ["\n", "\r", "\t", "\\", "\\n", "\u2028", "\x85", "\x0b", " ", "가", "n"]
    vocabulary = Vocabulary.from_counts(dict.fromkeys(characters, 1), 1)
    vocabulary.save(tmp_path / "vocabulary.txt")
    written = (tmp_path / "vocabulary.txt").read_bytes().decode("utf-8").split("\n")
    assert len(written) == len(vocabulary) + 2
    assert {"1\t\\n", "1\t\\r", "1\t\\\\", "1\t\\\\n", "1\t\u2028", "1\t가"} <= set(written)
