"""What is computed of the events of a session, by hand and beside plain twins."""

from dataclasses import replace

import numpy as np
import pytest

from seqlab.detection.surprise import (
    PARTS,
    SCORES,
    SESSION_SCORES,
    TILT,
    EventSurprise,
    allowance,
    check_names,
    cusum,
    parameter_max,
    time_max,
)
from seqlab.errors import UserError

# Three sessions of 3, 1 and 2 events; the second event of the last is unseen.
EVENTS = EventSurprise(
    nll=np.array([0.5, 3.0, 3.0, 1.0, 0.25, 100.0], dtype=np.float32),
    model_nll=np.array([0.5, 4.0, 3.0, 1.0, 0.25, 7.0], dtype=np.float32),
    rank=np.array([1, 4, 2, 1, 1, 8]),
    unseen=np.array([False, False, False, False, False, True]),
    offsets=np.array([0, 3, 4, 6]),
    first_key=np.array([0, 0, 8]),
)


def test_session_scores_by_hand() -> None:
    of_keys = SESSION_SCORES.keys() - {"time_max", "parameter_max"}
    found = {name: SESSION_SCORES[name](EVENTS).tolist() for name in of_keys}
    assert found == {
        "nll_max": [3.0, 1.0, 100.0],
        "nll_mean": [pytest.approx(6.5 / 3), 1.0, 50.125],
        "reconstruction": [pytest.approx(6.5 / 3), 1.0, 50.125],
        "error_share": [pytest.approx(2 / 3), 0.0, 0.5],
        "rank": [4, 1, 8],
    }


def test_the_worst_event_is_the_first_of_the_highest_and_counts_what_was_not_predicted() -> None:
    assert EVENTS.worst_event().tolist() == [1, 0, 9]
    assert len(EVENTS) == 3


def test_means_leave_unseen_events_out() -> None:
    assert EVENTS.mean_loss == pytest.approx((0.5 + 4 + 3 + 1 + 0.25) / 5)
    assert EVENTS.mean_accuracy == pytest.approx(3 / 5)
    nothing_seen = EventSurprise(
        EVENTS.nll, EVENTS.model_nll, EVENTS.rank, np.ones(6, dtype=bool), EVENTS.offsets, EVENTS.first_key
    )
    assert (nothing_seen.mean_loss, nothing_seen.mean_accuracy) == (0.0, 0.0)


def test_unseen_events_are_no_surprise_where_they_are_left_to_the_counts() -> None:
    left = EVENTS.without_unseen()
    assert left.nll.tolist() == [0.5, 3.0, 3.0, 1.0, 0.25, 0.0]
    assert left.rank.tolist() == [1, 4, 2, 1, 1, 1]
    assert left.unseen.tolist() == EVENTS.unseen.tolist()
    assert SESSION_SCORES["nll_max"](left).tolist() == [3.0, 1.0, 0.25]


def test_unknown_score_names_list_the_choices() -> None:
    check_names("scores", SCORES, SCORES)
    with pytest.raises(UserError) as caught:
        check_names("scores", ["nll_max", "nll_maximum"], SCORES)
    assert str(caught.value) == (
        "detection.scores: 'nll_maximum': choose from nll_max, nll_mean, reconstruction, error_share, rank, "
        "time_max, parameter_max, cusum, count_distance, count_cost, combined"
    )


def cusum_of_one(nll: np.ndarray, allowed: float) -> float:
    """Every stretch of a session, summed by itself."""
    steps = [TILT * float(value) - allowed for value in nll]
    return max(sum(steps[i : j + 1]) for i in range(len(steps)) for j in range(i, len(steps))) - np.log(
        len(steps)
    )


def surprises(*sessions: list[float]) -> EventSurprise:
    nll = np.array([value for session in sessions for value in session], dtype=np.float32)
    offsets = np.concatenate(([0], np.cumsum([len(session) for session in sessions])))
    return EventSurprise(
        nll,
        nll,
        np.ones(len(nll), np.int64),
        np.zeros(len(nll), bool),
        offsets,
        np.zeros(len(sessions), np.int64),
    )


def test_cusum_is_the_worst_stretch_less_the_log_of_the_length() -> None:
    events = surprises([0.0, 4.0, 2.0, 0.0, 4.0], [1.0], [0.0, 0.0])
    # steps of -1.5, 1.5, 0, -1.5, 1.5, whose best stretch is 1.5; one of 0.75 - 1.5; none above -1.5
    expected = [1.5 - np.log(5), -0.75, -1.5 - np.log(2)]
    assert cusum(events, 1.5) == pytest.approx(expected)
    joined = surprises([4.0, 4.0, 4.0, 0.0, 4.0, 4.0])  # 1.5 * 3 - 1.5 + 1.5 * 2
    assert cusum(joined, 1.5) == pytest.approx([6.0 - np.log(6)])


def test_cusum_equals_its_plain_twin_on_sessions_of_every_length() -> None:
    rng = np.random.default_rng(0)
    sessions = [rng.exponential(size=size).tolist() for size in rng.integers(1, 40, size=60)]
    events = surprises(*sessions)
    allowed = allowance(events)
    expected = [cusum_of_one(np.float32(session), allowed) for session in sessions]
    np.testing.assert_allclose(cusum(events, allowed), expected, rtol=1e-9, atol=1e-9)


def test_the_allowance_makes_a_likelihood_ratio_and_leaves_unseen_events_out() -> None:
    events = surprises([0.5, 1.0], [3.0])
    expected = np.log((np.exp(TILT * 0.5) + np.exp(TILT * 1.0) + np.exp(TILT * 3.0)) / 3)
    assert allowance(events) == pytest.approx(expected)
    unseen = replace(events, unseen=np.array([False, False, True]))
    assert allowance(unseen) == pytest.approx(np.log((np.exp(TILT * 0.5) + np.exp(TILT)) / 2))


def test_parts_that_cannot_be_joined_are_refused() -> None:
    check_names("parts", ["nll_max", "cusum", "count_cost"], PARTS)
    with pytest.raises(UserError, match=r"detection.parts: 'combined': choose from nll_max, .*, count_cost"):
        check_names("parts", ["nll_max", "combined"], PARTS)
    for parts in ([], ["rank", "rank"]):
        with pytest.raises(UserError, match="give one or more scores, each once"):
            check_names("parts", parts, PARTS)


def test_some_sessions_are_taken_with_their_events() -> None:
    taken = EVENTS.take(np.array([2, 0]))
    assert taken.nll.tolist() == [0.25, 100.0, 0.5, 3.0, 3.0]
    assert taken.model_nll.tolist() == [0.25, 7.0, 0.5, 4.0, 3.0]
    assert taken.rank.tolist() == [1, 8, 1, 4, 2]
    assert taken.unseen.tolist() == [False, True, False, False, False]
    assert (taken.offsets.tolist(), taken.first_key.tolist()) == ([0, 2, 5], [8, 0])
    assert taken.worst_event().tolist() == [9, 1]


def test_a_session_is_judged_by_its_longest_wait_among_its_events() -> None:
    delays = np.zeros(len(EVENTS.nll), dtype=np.float32)
    delays[EVENTS.offsets[:-1]] = 5.0
    timed = replace(EVENTS, delay_nll=delays, novelty=np.arange(len(EVENTS), dtype=np.float64))
    expected = 5.0 - np.log(np.diff(EVENTS.offsets))
    np.testing.assert_allclose(time_max(timed), expected)
    assert parameter_max(timed).tolist() == list(range(len(EVENTS)))
    last = timed.take(np.asarray([len(EVENTS) - 1]))
    np.testing.assert_allclose(time_max(last), expected[-1:])
    assert parameter_max(last).tolist() == [len(EVENTS) - 1]
    for score, option in ((time_max, "times"), (parameter_max, "parameters")):
        with pytest.raises(UserError, match=rf"train with data\.{option}=true"):
            score(EVENTS)
