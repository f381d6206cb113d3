import subprocess
import sys
from dataclasses import replace
from math import log

import numpy as np
import pytest
import torch

from seqlab.detection.counts import CountCosts, NearestCounts
from seqlab.detection.session_scores import Normals, SessionScores, fit_scores, harmonic
from seqlab.detection.surprise import EventSurprise
from seqlab.detection.thresholds import Calibration, fit_threshold, most_above

UNK = 0


def one_event_each(nll: np.ndarray) -> EventSurprise:
    """Sessions of one event, so that an event's surprise is its session's."""
    count = len(nll)
    return EventSurprise(
        nll.astype(np.float32),
        nll.astype(np.float32),
        np.ones(count, dtype=np.int64),
        np.zeros(count, dtype=bool),
        np.arange(count + 1),
        np.zeros(count, dtype=np.int64),
    )


def normals(size: int, seed: int, scale: float = 1.0) -> Normals:
    """Exponential surprise; counts of two keys beside the unseen one, of which the second varies."""
    rng = np.random.default_rng(seed)
    counts = np.stack((np.zeros(size), np.full(size, 2), rng.geometric(0.4, size)), axis=1).astype(np.int32)
    return Normals(one_event_each(rng.exponential(scale, size)), counts)


HELD_OUT, TRAINED_ON = normals(200, 0), normals(900, 1, scale=0.5)
NEAREST = NearestCounts.fit(TRAINED_ON.counts)
NAMES = ("nll_max", "count_distance", "count_cost", "combined")
PARTS = ("nll_max", "count_cost")


def joined(surprise: np.ndarray, cost: np.ndarray, fitted: SessionScores, events: int = 1) -> np.ndarray:
    """By hand: of T events the worst weighs 100 / (T + 100), costs weigh 1 / inflation."""
    worst, counted = 100 / (events + 100), 1 / fitted.cost_inflation
    mean = (worst * np.exp(surprise) + counted * np.exp(tempered(cost, fitted))) / (worst + counted)
    return np.log(mean)


def tempered(cost: np.ndarray, fitted: SessionScores) -> np.ndarray:
    """What is beyond the novelty, as many times smaller as the left-out costs came out too large."""
    novelty = fitted.costs.novelty
    return np.where(cost > novelty, novelty + (cost - novelty) / fitted.cost_inflation, cost)


def test_the_harmonic_mean_of_p_values_by_hand() -> None:
    p, q = np.array([0.5, 0.01, 1e-300]), np.array([0.5, 0.03, 1.0])
    assert harmonic([-np.log(p), -np.log(q)]) == pytest.approx(-np.log([0.5, 0.015, 2e-300]))
    assert harmonic([np.array([1e6]), np.array([0.0])]) == pytest.approx([1e6 - log(2)])  # without overflow
    three = harmonic([-np.log(p), -np.log(q), np.zeros(3)])
    assert three == pytest.approx(-np.log([3 / 5, 3 / (100 + 100 / 3 + 1), 3e-300]))
    weighted = harmonic([-np.log(p), -np.log(q)], [3.0, np.array([1.0, 2.0, 1.0])])
    assert weighted == pytest.approx(-np.log([0.5, 5 / (300 + 200 / 3), 4 / 3 * 1e-300]))


def test_averages_weigh_more_the_longer_a_session_is_and_the_worst_event_less() -> None:
    parts = ("nll_max", "error_share")
    fitted = fit_scores(["combined"], parts, HELD_OUT, TRAINED_ON, NEAREST, UNK, 0.01).scores
    long = EventSurprise(
        np.full(300, 2.0, dtype=np.float32),
        np.full(300, 2.0, dtype=np.float32),
        np.full(300, 2, dtype=np.int64),
        np.zeros(300, dtype=bool),
        np.array([0, 300]),
        np.array([0]),
    )
    found = fitted.scores(["combined"], long, np.array([[0, 2, 298]], dtype=np.int32))["combined"]
    worst = fitted.calibrations["nll_max"](np.array([2.0]))
    average = fitted.calibrations["error_share"](np.array([1.0]))
    assert found == pytest.approx(
        np.log(0.25 * np.exp(worst) + 0.75 * np.exp(average))
    )  # 100 / 400, 300 / 400


def test_each_score_by_its_own_parts() -> None:
    fitted = fit_scores(NAMES, PARTS, HELD_OUT, TRAINED_ON, NEAREST, UNK, 0.01).scores
    nll = np.array([0.3, 6.0, 40.0])
    counts = np.array([[0, 2, 1], [0, 3, 1], [1, 2, 50]], dtype=np.int32)
    found = fitted.scores(NAMES, one_event_each(nll), counts)
    costs, _ = CountCosts.fit(np.concatenate((HELD_OUT.counts, TRAINED_ON.counts)))
    surprise = Calibration.fit(HELD_OUT.events.nll)(nll.astype(np.float32))
    assert found["nll_max"] == pytest.approx(nll)
    assert found["count_distance"].tolist() == NEAREST.distance(counts).tolist()
    assert found["count_cost"].tolist() == costs.cost(counts).tolist()
    assert found["combined"] == pytest.approx(joined(surprise, costs.cost(counts), fitted))
    assert list(fitted.scores(["combined"], one_event_each(nll), counts)) == ["combined"]


def test_thresholds_use_training_sessions_only_where_they_are_left_out() -> None:
    fitted = fit_scores(NAMES, PARTS, HELD_OUT, TRAINED_ON, NEAREST, UNK, 0.01)
    thresholds = fitted.thresholds
    _, left_out = CountCosts.fit(np.concatenate((HELD_OUT.counts, TRAINED_ON.counts)))
    ranks = [Calibration.fit(part.events.nll)(part.events.nll) for part in (HELD_OUT, TRAINED_ON)]
    both = "validation and training normals"
    assert thresholds["nll_max"] == fit_threshold(HELD_OUT.events.nll, 0.01)
    assert thresholds["count_distance"] == fit_threshold(NEAREST.distance(HELD_OUT.counts), 0.01)
    assert thresholds["count_cost"] == fit_threshold(left_out, 0.01, both)
    expected = joined(np.concatenate(ranks), left_out, fitted.scores)
    assert thresholds["combined"].value == pytest.approx(fit_threshold(expected, 0.01, both).value)
    assert "1,100 validation and training normals" in thresholds["combined"].method


def strange(unseen: bool) -> tuple[EventSurprise, np.ndarray]:
    """One session of two events, the first of an unseen key, or of the first key."""
    events = EventSurprise(
        np.array([100.0 if unseen else 3.0, 0.5], dtype=np.float32),
        np.array([3.0, 0.5], dtype=np.float32),
        np.array([4, 1]),
        np.array([unseen, False]),
        np.array([0, 2]),
        np.array([0]),
    )
    return events, np.array([[unseen, 2 + (not unseen), 1]], dtype=np.int32)


def test_an_unseen_key_is_an_alert_by_its_own_rule_and_moves_no_threshold() -> None:
    wide = Normals(one_event_each(HELD_OUT.events.nll * 30), HELD_OUT.counts)
    result = fit_scores(NAMES, PARTS, wide, TRAINED_ON, NEAREST, UNK, 0.001)
    fitted, thresholds = result.scores, result.thresholds
    found = fitted.scores(NAMES, *strange(unseen=True))
    assert found["nll_max"].tolist() == [100.0]
    assert found["count_cost"] == pytest.approx([fitted.costs.novelty + fitted.costs.key_costs[UNK]])
    assert fitted.unseen_share == 0.0
    assert fitted.unseen_floor == pytest.approx(thresholds["combined"].value + 1e-3)
    assert found["combined"][0] >= fitted.unseen_floor > thresholds["combined"].value
    # where it was fitted: one of 1,100 normals above it, the place is 1.1
    assert (result.normals["combined"] > thresholds["combined"].value).sum() == 1
    surprise = Calibration.fit(wide.events.nll)(np.array([0.5], dtype=np.float32))
    plain = joined(surprise, found["count_cost"], fitted, events=2)
    assert found["combined"] == pytest.approx(np.maximum(plain, fitted.unseen_floor))


def with_unseen(part: Normals, share: float) -> Normals:
    """The same, with an unseen key in the first of its sessions."""
    number = round(share * len(part.counts))
    events, counts = part.events, part.counts.copy()
    counts[:number, UNK] = 1
    nll, unseen = events.nll.copy(), events.unseen.copy()
    nll[:number], unseen[:number] = 100.0, True
    return Normals(replace(events, nll=nll, unseen=unseen), counts)


def test_what_the_rule_costs_is_taken_off_the_aim() -> None:
    held_out = with_unseen(HELD_OUT, 0.02)  # 4 of 1,100 normals
    fitted = fit_scores(["combined"], PARTS, held_out, TRAINED_ON, NEAREST, UNK, 0.01)
    assert fitted.scores.unseen_share == pytest.approx(4 / 1100)
    assert fitted.thresholds["combined"].aim == pytest.approx(0.01 - 4 / 1100)
    assert fitted.scores.unseen_floor > fitted.thresholds["combined"].value
    few = fit_scores(["combined"], PARTS, with_unseen(HELD_OUT, 0.06), TRAINED_ON, NEAREST, UNK, 0.01)
    assert few.thresholds["combined"].aim == pytest.approx(0.005)  # 12 cost more than all of it, by chance


def test_unseen_keys_of_many_normals_are_no_rule() -> None:
    """A third of the normals hold one: each an alert would be three hundred times the aim."""
    held_out = with_unseen(HELD_OUT, 1 / 3)
    result = fit_scores(["combined"], PARTS, held_out, TRAINED_ON, NEAREST, UNK, 0.01)
    assert result.scores.unseen_share == pytest.approx(67 / 1100)
    assert result.scores.unseen_floor == -np.inf
    assert len(result.normals["combined"]) == 1100  # those with unseen keys among them
    new = with_unseen(normals(3000, 9), 1 / 3)
    found = result.scores.scores(["combined"], new.events, new.counts)["combined"]
    assert (found > result.thresholds["combined"].value).mean() < 0.03
    # in training: of thirty sessions each is the only one with its key
    counts = np.concatenate((TRAINED_ON.counts, np.zeros((900, 30), dtype=np.int32)), axis=1)
    counts[np.arange(30), 3 + np.arange(30)] = 1
    wider = Normals(HELD_OUT.events, np.concatenate((HELD_OUT.counts, np.zeros((200, 30), np.int32)), axis=1))
    learned = Normals(TRAINED_ON.events, counts)
    again = fit_scores(["combined"], PARTS, wider, learned, NEAREST, UNK, 0.001).scores
    assert (again.unseen_share, again.unseen_floor) == (pytest.approx(30 / 1100), -np.inf)


def test_costs_that_count_one_difference_many_times_are_taken_for_what_they_are() -> None:
    """Long sessions: each differs from every other one in all of twelve keys, and every difference costs."""
    rng = np.random.default_rng(0)
    counts = np.concatenate((np.zeros((300, 1)), rng.integers(1, 200, (300, 12))), axis=1).astype(np.int32)
    held_out = Normals(one_event_each(rng.exponential(size=300)), counts)
    nearest = NearestCounts.fit(counts)
    fitted = fit_scores(["combined"], PARTS, held_out, None, nearest, UNK, 0.01).scores
    _, left_out = CountCosts.fit(counts)
    beyond = left_out[left_out > 0] - fitted.costs.novelty
    assert fitted.cost_inflation == pytest.approx((beyond.sum() + 10) / (len(beyond) + 10))
    assert fitted.cost_inflation > 10
    lone = fit_scores(["combined"], PARTS, HELD_OUT, TRAINED_ON, NEAREST, UNK, 0.01).scores
    assert 1.0 <= lone.cost_inflation < 1.5  # of one key the costs are as they should be


def test_the_threshold_keeps_its_false_positive_rate_on_new_normals() -> None:
    fitted = fit_scores(["combined"], PARTS, HELD_OUT, TRAINED_ON, NEAREST, UNK, 0.01)
    new = normals(20_000, 2)
    found = fitted.scores.scores(["combined"], new.events, new.counts)["combined"]
    # 200 held-out sessions set the scale of the surprise: of 1 % one may be off by a factor, not by ten
    assert 0.01 / 3 < (found > fitted.thresholds["combined"].value).mean() < 0.03


def test_training_sessions_raise_a_threshold_that_too_many_of_them_exceed_in_use() -> None:
    """By their rank among themselves they look as the held-out ones do; in use they are more surprising."""
    trained_on = normals(900, 1, scale=8.0)
    fitted = fit_scores(["combined"], PARTS, HELD_OUT, trained_on, NEAREST, UNK, 0.001)
    threshold = fitted.thresholds["combined"]
    assert "raised from" in threshold.method
    _, left_out = CountCosts.fit(np.concatenate((HELD_OUT.counts, trained_on.counts)))
    calibration = Calibration.fit(HELD_OUT.events.nll)
    surprise = np.concatenate([calibration(part.events.nll) for part in (HELD_OUT, trained_on)])
    in_use = joined(surprise, left_out, fitted.scores)
    assert (in_use > threshold.value).sum() == most_above(1100, 0.001) == 4
    before = fit_threshold(fitted.normals["combined"], 0.001)
    assert (in_use > before.value).sum() > 4


def test_the_only_session_with_a_key_says_nothing_about_the_tail() -> None:
    counts = np.concatenate((TRAINED_ON.counts, np.zeros((900, 1), dtype=np.int32)), axis=1)
    held_out = Normals(
        HELD_OUT.events, np.concatenate((HELD_OUT.counts, np.zeros((200, 1), np.int32)), axis=1)
    )
    counts[5, 3] = 7  # a key that no other session has: left out, it would be an unseen one
    trained_on = Normals(TRAINED_ON.events, counts)
    fitted = fit_scores(["count_cost"], PARTS, held_out, trained_on, NEAREST, UNK, 0.001)
    assert "1,099 validation and training normals" in fitted.thresholds["count_cost"].method


def test_new_normals_alone_recalibrate_and_add_to_the_known_counts() -> None:
    fitted = fit_scores(NAMES, PARTS, HELD_OUT, TRAINED_ON, NEAREST, UNK, 0.01).scores
    later = normals(300, 3, scale=3.0)
    result = fit_scores(NAMES, PARTS, later, None, NEAREST, UNK, 0.01, known=fitted.costs)
    again, thresholds = result.scores, result.thresholds
    assert again.costs.copies.sum() == fitted.costs.copies.sum() + 300
    assert thresholds["nll_max"] == fit_threshold(later.events.nll, 0.01)
    _, left_out = CountCosts.fit(later.counts, fitted.costs)
    expected = joined(Calibration.fit(later.events.nll)(later.events.nll), left_out, again)
    assert thresholds["combined"].value == pytest.approx(fit_threshold(expected, 0.01).value)
    assert result.normals["combined"] == pytest.approx(expected)
    assert result.normals["count_cost"].tolist() == left_out.tolist()


def test_state_survives_a_checkpoint(tmp_path: object) -> None:
    fitted = fit_scores(NAMES, PARTS, HELD_OUT, TRAINED_ON, NEAREST, UNK, 0.01).scores
    torch.save(fitted.state(), tmp_path / "state.pt")
    again = SessionScores.from_state(torch.load(tmp_path / "state.pt", weights_only=True))
    new = normals(50, 4)
    expected = fitted.scores(NAMES, new.events, new.counts)
    for name, scores in again.scores(NAMES, new.events, new.counts).items():
        assert scores.tolist() == expected[name].tolist()


def test_scores_need_no_torch() -> None:
    modules = "seqlab.detection.judge, seqlab.detection.scorers"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
