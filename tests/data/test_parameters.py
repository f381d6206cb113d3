"""Values of parameters: where they stand in templates, and how new they are, worked out by hand."""

import math

import numpy as np
import polars as pl
import pytest

from seqlab.data.parameters import EventParameters, ParameterNovelty
from seqlab.data.sequences import Sessions, concatenate
from seqlab.errors import UserError

TEMPLATES = {"1": "user <*> from <*> failed", "2": "id <*>"}
MESSAGES = ["user <var> from <var> failed", "user root from <var> failed", "id <var>", "id <var>/<var>"]


def sessions_of(*sessions: list[tuple[str, int, list[str]]]) -> Sessions:
    """Sessions of (key, number of the message, values) events."""
    events = [event for session in sessions for event in session]
    numbers = pl.Series("message", [event[1] for event in events], dtype=pl.UInt32)
    lines = pl.DataFrame({"message": numbers, "values": [event[2] for event in events]})
    parameters = EventParameters(lines, MESSAGES, TEMPLATES, np.arange(len(events)))
    found = Sessions.from_lists([[event[0] for event in session] for session in sessions])
    return Sessions(
        found.codes, found.offsets, found.ids, found.labels, found.key_names, parameters=parameters
    )


def ids(*values: str) -> Sessions:
    return sessions_of(*([("2", 2, [value])] for value in values))


def test_values_by_their_places() -> None:
    sessions = sessions_of(
        [("1", 0, ["7", "10.0.0.1:22"]), ("1", 0, ["7", "10.0.0.1:22"]), ("1", 1, ["/10.0.0.2"])],
        [("2", 3, ["a", "b"])],
    )
    rows = sessions.parameters.values(sessions).sort("session", "place", "value").rows()
    assert rows == [
        (0, "1", "1", "7"),
        (0, "1", "1", "root"),  # Drain made the word variable: it is the value itself
        (0, "1", "3", "/10.0.0.2"),
        (0, "1", "3", "10.0.0.1"),
        (0, "1", "3:port", "22"),
        (1, "2", "1", "a"),
        (1, "2", "1.1", "b"),
    ]
    swapped = sessions.take(np.asarray([1, 0]))
    of_first = swapped.parameters.values(swapped).filter(pl.col("session") == 0)
    assert sorted(of_first["value"]) == ["a", "b"]
    joined = concatenate([swapped.take(np.asarray([1])), swapped.take(np.asarray([0]))])
    assert sorted(joined.parameters.values(joined).rows()) == sorted(rows)


def test_the_rarity_of_a_value_by_hand() -> None:
    # a in 5 sessions, b in 3, c in 1: N = 9. Left out in turn the nine are left with 4, 2 and 0 others
    novelty = ParameterNovelty.fit(ids(*"aaaaabbbc"))
    expected = {
        "new": -math.log((1 + 1) / 10),  # c alone had 0 others
        "c": -math.log((1 + 1) / 10),  # at most 1 other: c alone still
        "b": -math.log((1 + 4) / 10),  # at most 3: c, and the three of b
        "a": 0.0,
    }
    np.testing.assert_allclose(novelty.score(ids(*expected)), list(expected.values()), atol=1e-12)
    left_out = novelty.score(ids(*"abc"), trained_on=True)
    np.testing.assert_allclose(left_out, [0.0, -math.log(5 / 10), -math.log(2 / 10)], atol=1e-12)


def test_a_session_counts_a_value_once() -> None:
    once, often = ids(*"aaab"), sessions_of(*([("2", 2, [value])] * 4 for value in "aaab"))
    assert ParameterNovelty.fit(once).state() == ParameterNovelty.fit(often).state()


def test_identifiers_say_nothing_and_neither_do_unknown_keys() -> None:
    novelty = ParameterNovelty.fit(ids(*map(str, range(50))))
    assert novelty.state()["places"]["key"] == []
    assert novelty.score(ids("51", "7")).tolist() == [0.0, 0.0]
    known = ParameterNovelty.fit(ids(*"aaaa"))
    assert known.score(sessions_of([("1", 0, ["7", "8"])], [])).tolist() == [0.0, 0.0]


def test_the_rarest_of_many_values_is_corrected_for_their_number() -> None:
    normal = [("2", 2, ["a"]), ("1", 0, ["7", "x"])]
    novelty = ParameterNovelty.fit(sessions_of(*[normal] * 99))
    found = novelty.score(sessions_of([("2", 2, ["new"]), ("1", 0, ["7", "x"])], normal))
    np.testing.assert_allclose(found, [math.log(100) - math.log(3), 0.0], atol=1e-12)


def test_a_checkpoint_holds_it_as_plain_values() -> None:
    novelty = ParameterNovelty.fit(ids(*"aaaaabbbc"))
    again = ParameterNovelty.from_state(novelty.state())
    given = ids("a", "b", "c", "new")
    assert again.score(given).tolist() == novelty.score(given).tolist()


def test_sessions_without_parameters_are_refused() -> None:
    with pytest.raises(UserError, match="seqlab parse --parameters"):
        ParameterNovelty.fit(Sessions.from_lists([["1"]]))
