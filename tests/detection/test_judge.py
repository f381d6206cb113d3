from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqlab.data.sequences import Sessions
from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.baselines import EncodedSessions
from seqlab.detection.judge import Detector
from seqlab.detection.session_scores import SessionScores, harmonic
from seqlab.detection.surprise import UNSEEN_NLL, EventSurprise
from seqlab.detection.thresholds import Calibration, fit_threshold
from seqlab.errors import UserError

TRAIN = Sessions.from_lists([["1", "2"], ["1", "2", "2"], ["1", "2", "2", "2"]])
VOCABULARY = Vocabulary.from_sessions(TRAIN)
NAMES = ("nll_max", "nll_mean", "error_share", "rank", "count_distance", "count_cost", "combined")
PARTS = ("nll_max", "count_cost")


def encoded(sessions: Sessions) -> EncodedSessions:
    return EncodedSessions(VOCABULARY.encode(sessions), sessions.lengths)


def events(sessions: Sessions, seed: int) -> EventSurprise:
    """Surprise as a network might give it: exponential, seeded."""
    count = sessions.num_events + len(sessions)
    rng = np.random.default_rng(seed)
    nll = rng.exponential(size=count).astype(np.float32)
    return EventSurprise(
        nll,
        nll,
        rng.integers(1, 5, size=count),
        np.zeros(count, dtype=bool),
        np.concatenate(([0], np.cumsum(sessions.lengths + 1))),
        np.zeros(len(sessions), dtype=np.int64),
    )


VAL = Sessions.from_lists([["1"] + ["2"] * (number % 5) for number in range(1, 121)])
TEST = Sessions.from_lists([["1", "2"], ["2"] * 9, ["1", "7"], ["1"] * 30])


def fitted(
    strikes: EventSurprise, sessions: Sessions, target_fpr: float = 0.02, parts: tuple[str, ...] = PARTS
) -> Detector:
    return fit(("combined", *NAMES[:-1]), parts, strikes, sessions, target_fpr)


def fit(
    names: Sequence[str],
    parts: Sequence[str],
    strikes: EventSurprise,
    sessions: Sessions,
    target_fpr: float,
) -> Detector:
    surprises = {"train": events(TRAIN, 7), "val": strikes}
    given = {"train": encoded(TRAIN), "val": encoded(sessions)}
    return Detector.fit(names, parts, surprises, given, VOCABULARY, target_fpr)


def scores(
    detector: Detector, names: Sequence[str], strikes: EventSurprise, sessions: EncodedSessions
) -> dict[str, np.ndarray]:
    return detector.fitted.scores(names, strikes, sessions.counts(len(VOCABULARY)))


@pytest.fixture
def detector() -> Detector:
    return fitted(events(VAL, 0), VAL)


def test_combined_joins_its_parts(detector: Detector) -> None:
    strikes = events(TEST, 1)
    found = scores(detector, NAMES, strikes, encoded(TEST))
    of_val = scores(detector, ("nll_max",), events(VAL, 0), encoded(VAL))["nll_max"]
    surprise = Calibration.fit(of_val)(found["nll_max"])
    costs, inflation = detector.fitted.costs, detector.fitted.cost_inflation
    cost = found["count_cost"]
    beyond = np.where(cost > costs.novelty, costs.novelty + (cost - costs.novelty) / inflation, cost)
    worst = 100 / (np.diff(strikes.offsets) + 100)
    np.testing.assert_allclose(found["combined"], harmonic([surprise, beyond], [worst, 1 / inflation]))
    assert found["count_distance"].tolist() == [0, 7, 2, 30]


def test_combined_stays_finite_and_apart_far_beyond_all_normals(detector: Detector) -> None:
    far = encoded(Sessions.from_lists([["1"] * 500, ["1"] * 600]))
    strikes = events(Sessions.from_lists([["1"] * 500, ["1"] * 600]), 2)
    combined = scores(detector, ("combined",), strikes, far)["combined"]
    assert np.isfinite(combined).all()
    assert combined[1] > combined[0] > detector.thresholds["combined"].value


def test_thresholds_of_the_network_are_those_of_the_validation_scores(detector: Detector) -> None:
    names = [name for name in NAMES if name not in ("count_cost", "combined")]
    found = scores(detector, names, events(VAL, 0), encoded(VAL))
    assert {name: fit_threshold(found[name], 0.02) for name in names} == {
        name: detector.thresholds[name] for name in names
    }
    for name in ("count_cost", "combined"):  # each session is judged by all others: training helps
        assert "123 validation and training normals" in detector.thresholds[name].method


def test_a_part_need_not_be_among_the_scores() -> None:
    detector = fit(["combined"], ["rank", "cusum"], events(VAL, 0), VAL, 0.02)
    assert set(detector.thresholds) == {"combined"}
    assert set(detector.fitted.calibrations) == {"rank", "cusum"}
    assert list(scores(detector, ["combined"], events(TEST, 1), encoded(TEST))) == ["combined"]


def with_unseen(strikes: EventSurprise, *sessions: int) -> EventSurprise:
    """The same, but that the first event of some sessions was never shown by training."""
    first = strikes.offsets[list(sessions)]
    nll, rank, unseen = strikes.nll.copy(), strikes.rank.copy(), strikes.unseen.copy()
    nll[first], rank[first], unseen[first] = UNSEEN_NLL, len(VOCABULARY) + 1, True
    return replace(strikes, nll=nll, rank=rank, unseen=unseen)


def test_sessions_with_an_unseen_key_say_nothing_about_the_tail() -> None:
    strikes = events(VAL, 0)
    kept = VAL.take(np.arange(3, len(VAL)))
    without = replace(
        strikes,
        nll=strikes.nll[strikes.offsets[3] :],
        rank=strikes.rank[strikes.offsets[3] :],
        unseen=strikes.unseen[strikes.offsets[3] :],
        offsets=strikes.offsets[3:] - strikes.offsets[3],
        first_key=strikes.first_key[3:],
    )
    found = fitted(with_unseen(strikes, 0, 1, 2), VAL).thresholds
    expected = fitted(without, kept).thresholds
    for name in NAMES:  # of `combined` the rule's share is taken off the aim
        assert found[name].num_normals == expected[name].num_normals
        if name != "combined":
            assert found[name] == expected[name]
    assert found["combined"].aim == pytest.approx(max(0.02 - 3 / 123, 0.01))


def test_an_unseen_key_is_an_alert_wherever_the_threshold_is() -> None:
    strikes = events(VAL, 0)
    wild = replace(strikes, nll=strikes.nll * 12, rank=np.minimum(strikes.rank**4, len(VOCABULARY)))
    detector = fitted(wild, VAL, target_fpr=1e-6)
    found = scores(detector, NAMES, with_unseen(events(TEST, 1), 2), encoded(TEST))
    for name in ("nll_max", "rank", "combined"):
        assert found[name][2] > detector.thresholds[name].value, name


def test_no_threshold_without_a_measured_session() -> None:
    with pytest.raises(UserError, match="every validation session holds a key that training never showed"):
        fitted(with_unseen(events(VAL, 0), *range(len(VAL))), VAL)


def test_state_is_plain_and_survives_a_checkpoint(detector: Detector, tmp_path: object) -> None:
    torch.save(detector.state(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert (state["parts"], state["main_score"]) == (["nll_max", "count_cost"], "combined")
    assert state["pseudo_sessions"] == 1.0
    for name in NAMES:
        assert state["thresholds"][name]["value"] == detector.thresholds[name].value
    expected = scores(detector, NAMES, events(TEST, 1), encoded(TEST))
    counts = encoded(TEST).counts(len(VOCABULARY))
    found = SessionScores.from_state(state).scores(NAMES, events(TEST, 1), counts)
    for name in NAMES:
        assert found[name].tolist() == expected[name].tolist()


def test_it_says_which_sessions_it_was_fitted_to() -> None:
    with_new_key = Sessions.from_lists([["1"] + ["2"] * (number % 5) for number in range(119)] + [["7"]])
    for sessions, num_val in ((VAL, 120), (with_new_key, 119)):
        detector = fit(("combined", "nll_max", "rank"), PARTS, events(sessions, 0), sessions, 0.02)
        assert detector.fitted_on() == {
            "threshold of combined": f"{num_val + 3} validation and training sessions",
            "thresholds of nll_max, rank": f"{num_val} validation sessions",
            "calibrations": f"{num_val} validation sessions",
        }
