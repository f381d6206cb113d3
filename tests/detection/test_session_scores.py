import subprocess
import sys
from math import log

import numpy as np
import pytest
import torch

from seqlab.detection.count_costs import CountCosts
from seqlab.detection.counts import NearestCounts
from seqlab.detection.session_scores import Normals, SessionScores, fit_scores, harmonic
from seqlab.detection.surprise import EventSurprise
from seqlab.detection.thresholds import Calibration, fit_threshold, most_above
from seqlab.errors import UserError

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


def test_the_harmonic_mean_of_p_values_by_hand() -> None:
    p, q = np.array([0.5, 0.01, 1e-300]), np.array([0.5, 0.03, 1.0])
    assert harmonic(-np.log(p), -np.log(q)) == pytest.approx(-np.log([0.5, 0.015, 2e-300]))
    assert harmonic(np.array([1e6]), np.array([0.0])) == pytest.approx([1e6 - log(2)])  # without overflow


def test_each_score_by_its_own_parts() -> None:
    fitted = fit_scores(NAMES, "nll_max", HELD_OUT, TRAINED_ON, NEAREST, UNK, 0.01).scores
    nll = np.array([0.3, 6.0, 40.0])
    counts = np.array([[0, 2, 1], [0, 3, 1], [1, 2, 50]], dtype=np.int32)
    found = fitted.scores(NAMES, one_event_each(nll), counts)
    costs, _ = CountCosts.fit(np.concatenate((HELD_OUT.counts, TRAINED_ON.counts)))
    surprise = Calibration.fit(HELD_OUT.events.nll)(nll.astype(np.float32))
    assert found["nll_max"] == pytest.approx(nll)
    assert found["count_distance"].tolist() == NEAREST.distance(counts).tolist()
    assert found["count_cost"].tolist() == costs.cost(counts).tolist()
    assert found["combined"] == pytest.approx(harmonic(surprise, costs.cost(counts)))
    assert list(fitted.scores(["combined"], one_event_each(nll), counts)) == ["combined"]


def test_thresholds_use_training_sessions_only_where_they_are_left_out() -> None:
    thresholds = fit_scores(NAMES, "nll_max", HELD_OUT, TRAINED_ON, NEAREST, UNK, 0.01).thresholds
    _, left_out = CountCosts.fit(np.concatenate((HELD_OUT.counts, TRAINED_ON.counts)))
    ranks = [Calibration.fit(part.events.nll)(part.events.nll) for part in (HELD_OUT, TRAINED_ON)]
    both = "validation and training normals"
    assert thresholds["nll_max"] == fit_threshold(HELD_OUT.events.nll, 0.01)
    assert thresholds["count_distance"] == fit_threshold(NEAREST.distance(HELD_OUT.counts), 0.01)
    assert thresholds["count_cost"] == fit_threshold(left_out, 0.01, both)
    assert thresholds["combined"] == fit_threshold(harmonic(np.concatenate(ranks), left_out), 0.01, both)
    assert "1,100 validation and training normals" in thresholds["combined"].method


def test_an_unseen_key_is_priced_by_counts_alone_and_stays_an_alert() -> None:
    wide = Normals(one_event_each(HELD_OUT.events.nll * 30), HELD_OUT.counts)
    result = fit_scores(NAMES, "nll_max", wide, TRAINED_ON, NEAREST, UNK, 1e-9)
    fitted, thresholds = result.scores, result.thresholds
    events = EventSurprise(
        np.array([100.0, 0.5], dtype=np.float32),
        np.array([3.0, 0.5], dtype=np.float32),
        np.array([4, 1]),
        np.array([True, False]),
        np.array([0, 2]),
        np.array([0]),
    )
    counts = np.array([[1, 2, 1]], dtype=np.int32)
    found = fitted.scores(NAMES, events, counts)
    assert fitted.costs is not None
    price = fitted.costs.novelty + fitted.costs.key_costs[UNK]
    assert found["nll_max"].tolist() == [100.0]
    assert found["count_cost"] == pytest.approx([price])
    surprise = Calibration.fit(wide.events.nll)(np.array([0.5], dtype=np.float32))
    assert found["combined"] == pytest.approx(harmonic(surprise, found["count_cost"]))
    for name in ("nll_max", "count_cost", "combined"):
        assert "lowered from" in thresholds[name].method
        assert found[name][0] > thresholds[name].value
        above = int((result.normals[name] > thresholds[name].value).sum())
        assert thresholds[name].method.endswith(
            f": {above:,} of {len(result.normals[name]):,} ({above / len(result.normals[name]):.2%}) lie "
            "above it"
        )


def test_the_threshold_keeps_its_false_positive_rate_on_new_normals() -> None:
    fitted = fit_scores(["combined"], "nll_max", HELD_OUT, TRAINED_ON, NEAREST, UNK, 0.01)
    new = normals(20_000, 2)
    found = fitted.scores.scores(["combined"], new.events, new.counts)["combined"]
    # 200 held-out sessions set the scale of the surprise: of 1 % one may be off by a factor, not by ten
    assert 0.01 / 3 < (found > fitted.thresholds["combined"].value).mean() < 0.03


def test_training_sessions_raise_a_threshold_that_too_many_of_them_exceed_in_use() -> None:
    """By their rank among themselves they look as the held-out ones do; in use they are more surprising."""
    trained_on = normals(900, 1, scale=3.0)
    fitted = fit_scores(["combined"], "nll_max", HELD_OUT, trained_on, NEAREST, UNK, 0.001)
    threshold = fitted.thresholds["combined"]
    assert "raised from" in threshold.method
    _, left_out = CountCosts.fit(np.concatenate((HELD_OUT.counts, trained_on.counts)))
    calibration = Calibration.fit(HELD_OUT.events.nll)
    surprise = np.concatenate([calibration(part.events.nll) for part in (HELD_OUT, trained_on)])
    in_use = harmonic(surprise, left_out)
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
    fitted = fit_scores(["count_cost"], "nll_max", held_out, trained_on, NEAREST, UNK, 0.001)
    assert "1,099 validation and training normals" in fitted.thresholds["count_cost"].method


def test_new_normals_alone_recalibrate_and_add_to_the_known_counts() -> None:
    fitted = fit_scores(NAMES, "nll_max", HELD_OUT, TRAINED_ON, NEAREST, UNK, 0.01).scores
    later = normals(300, 3, scale=3.0)
    result = fit_scores(NAMES, "nll_max", later, None, NEAREST, UNK, 0.01, known=fitted.costs)
    again, thresholds = result.scores, result.thresholds
    assert fitted.costs is not None
    assert again.costs is not None
    assert again.costs.copies.sum() == fitted.costs.copies.sum() + 300
    assert thresholds["nll_max"] == fit_threshold(later.events.nll, 0.01)
    _, left_out = CountCosts.fit(later.counts, fitted.costs)
    expected = harmonic(Calibration.fit(later.events.nll)(later.events.nll), left_out)
    assert thresholds["combined"] == fit_threshold(expected, 0.01)
    assert result.normals["combined"].tolist() == expected.tolist()
    assert result.normals["count_cost"].tolist() == left_out.tolist()


def test_state_survives_a_checkpoint(tmp_path: object) -> None:
    fitted = fit_scores(NAMES, "nll_max", HELD_OUT, TRAINED_ON, NEAREST, UNK, 0.01).scores
    torch.save(fitted.state(), tmp_path / "state.pt")
    again = SessionScores.from_state(torch.load(tmp_path / "state.pt", weights_only=True))
    new = normals(50, 4)
    expected = fitted.scores(NAMES, new.events, new.counts)
    for name, scores in again.scores(NAMES, new.events, new.counts).items():
        assert scores.tolist() == expected[name].tolist()


def test_a_judge_from_before_count_costs_scores_as_it_did() -> None:
    distances = NEAREST.distance(HELD_OUT.counts)
    parts = {"nll_max": Calibration.fit(HELD_OUT.events.nll), "count_distance": Calibration.fit(distances)}
    judge = {
        "model_score": "nll_max",
        "calibrations": {name: calibration.state() for name, calibration in parts.items()},
        "count_vectors": torch.from_numpy(NEAREST.vectors),
    }
    old, new = SessionScores.from_state(judge), normals(50, 5)
    found = old.scores(["combined", "count_distance"], new.events, new.counts)
    assert found["count_distance"].tolist() == NEAREST.distance(new.counts).tolist()
    expected = parts["nll_max"](new.events.nll) + parts["count_distance"](found["count_distance"])
    assert found["combined"] == pytest.approx(expected)
    with pytest.raises(UserError, match="no count_cost: its run is from before that score"):
        old.scores(["count_cost"], new.events, new.counts)
    assert SessionScores.from_state(old.state()).costs is None


def test_scores_need_no_torch() -> None:
    modules = "seqlab.detection.session_scores, seqlab.detection.detector"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
