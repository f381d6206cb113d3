import math

import numpy as np
import pytest
from scipy.stats import genpareto

from seqlab.detection.thresholds import (
    FEWEST_TO_FIT_SHAPE,
    LARGEST_SHAPE,
    Calibration,
    Tail,
    fit_tail,
    fit_threshold,
    most_above,
)
from seqlab.errors import UserError

FPR = 0.002


def draws(shape: float, size: int = 558, seed: int = 0) -> np.ndarray:
    """Scores with a generalized Pareto distribution of scale 1; shape 0 is the exponential one."""
    return genpareto.rvs(shape, size=size, random_state=np.random.default_rng(seed))


def test_enough_scores_give_the_empirical_quantile() -> None:
    scores = np.random.default_rng(0).permutation(10_000).astype(float)
    threshold = fit_threshold(scores, FPR)
    assert 9980 < threshold.value < 9980.5
    assert (scores > threshold.value).mean() <= FPR
    assert threshold.method == "empirical quantile of 10,000 validation normals"


def test_the_tail_is_fitted_only_below_ten_scores_beyond() -> None:
    assert fit_threshold(np.arange(5000.0), FPR).method.startswith("empirical quantile")
    assert "tail" in fit_threshold(np.arange(4999.0), FPR).method


@pytest.mark.parametrize("shape", [0.0, 0.2, 0.3])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_fitted_tail_recovers_the_true_quantile(shape: float, seed: int) -> None:
    threshold = fit_threshold(draws(shape, seed=seed), FPR)
    # 558 scores hold about one beyond the 0.998 quantile: what the fit says may err, but not by half
    beyond = genpareto.sf(threshold.value, shape)
    assert FPR / 4 < beyond < FPR * 3
    assert threshold.value == pytest.approx(genpareto.isf(FPR, shape), rel=0.5)


@pytest.mark.parametrize("shape", [0.0, 0.2])
def test_fits_of_many_samples_are_right_on_average(shape: float) -> None:
    found = [fit_threshold(draws(shape, seed=seed), FPR).value for seed in range(30)]
    assert np.median(found) == pytest.approx(genpareto.isf(FPR, shape), rel=0.1)


def test_a_large_sample_gives_the_parameters_back() -> None:
    tail = fit_tail(draws(0.3, size=40_000))
    assert tail is not None
    # above its start u, a Pareto tail of scale 1 has scale 1 + shape u
    assert tail.share == pytest.approx(0.1, abs=1e-3)
    assert tail.shape == pytest.approx(0.3, abs=0.05)
    assert tail.scale == pytest.approx(1 + 0.3 * tail.start, rel=0.05)


@pytest.mark.parametrize("shape", [0.0, 0.3])
def test_tail_formulas_equal_those_of_scipy(shape: float) -> None:
    tail = Tail(start=2.0, share=0.1, shape=shape, scale=1.5, num_exceedances=50)
    scores = np.array([2.0, 2.5, 10.0, 80.0])
    expected = 0.1 * genpareto.sf(scores, shape, loc=2.0, scale=1.5)
    np.testing.assert_allclose(tail.probability(scores), expected, rtol=1e-12)
    np.testing.assert_allclose(tail.log_probability(scores), np.log(expected), rtol=1e-12)
    assert tail.quantile(0.1) == 2.0
    assert tail.quantile(0.004) == pytest.approx(genpareto.isf(0.04, shape, loc=2.0, scale=1.5))


def test_log_probabilities_do_not_underflow() -> None:
    tail = Tail(start=0.0, share=0.5, shape=0.0, scale=0.01, num_exceedances=50)
    assert tail.log_probability(np.array([100.0])).item() == pytest.approx(math.log(0.5) - 10_000)


def test_few_exceedances_give_an_exponential_tail() -> None:
    scores = np.arange(60.0) ** 3
    tail = fit_tail(scores)
    assert tail is not None
    assert tail.num_exceedances < FEWEST_TO_FIT_SHAPE
    start = 53.0**3  # the 0.9 quantile of 60 scores, the lower one
    excess = [number**3 - start for number in range(54, 60)]
    assert (tail.start, tail.shape, tail.num_exceedances) == (start, 0.0, 6)
    assert tail.scale == pytest.approx(sum(excess) / 6)
    threshold = fit_threshold(scores, FPR)
    assert threshold.value == pytest.approx(start + tail.scale * math.log(0.1 / FPR))
    assert threshold.method.startswith("exponential tail (shape 0.00")


def test_a_tail_that_ends_is_taken_for_an_exponential_one() -> None:
    scores = np.linspace(0, 1, 558)  # the maximum-likelihood shape is -1: nothing beyond 1 is possible
    tail = fit_tail(scores)
    assert tail is not None
    assert tail.shape == 0.0
    assert fit_threshold(scores, FPR).value > 1.0


def test_the_shape_is_held_where_the_variance_would_be_infinite() -> None:
    scores = draws(1.5, seed=3)
    tail = fit_tail(scores)
    assert tail is not None
    assert tail.shape == LARGEST_SHAPE
    excess = scores[scores > tail.start] - tail.start
    expected = genpareto.fit(excess, f0=LARGEST_SHAPE, floc=0)[2]
    assert tail.scale == pytest.approx(expected)


def test_equal_scores_give_their_value() -> None:
    threshold = fit_threshold(np.full(200, 1.5), FPR)
    assert threshold.value == pytest.approx(1.5, rel=1e-4)
    assert threshold.method == "maximum of 200 validation normals: no tail to fit"
    assert fit_tail(np.full(200, 1.5)) is None


def test_a_tail_thinner_than_the_share_asked_for_is_all_above_the_threshold() -> None:
    scores = np.zeros(90)
    scores[0] = 7.0
    # one score in 90 lies above the start, and 1.2 % may: what lies above zero is an alert
    threshold = fit_threshold(scores, 0.012)
    assert threshold.value == 0.0
    assert threshold.method == "empirical quantile of 90 validation normals: 1 of them lie above it"


@pytest.mark.parametrize("num_beyond", [1, 4, 40, 300])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_larger_aim_never_gives_a_higher_threshold(num_beyond: int, seed: int) -> None:
    scores = np.zeros(400)
    scores[:num_beyond] = np.random.default_rng(seed).exponential(size=num_beyond) + 1
    aims = [1e-5, 1e-4, 1e-3, 2e-3, 2.4e-3, 2.6e-3, 5e-3, 9e-3, 0.011, 0.02]  # the tail's, of 400 scores
    found = [fit_threshold(scores, aim) for aim in aims]
    assert (np.diff([threshold.value for threshold in found]) <= 0).all()
    for aim, threshold in zip(aims, found, strict=True):
        if threshold.method.startswith("empirical"):
            assert (scores > threshold.value).mean() <= aim


def test_few_scores_and_a_large_aim_give_the_quantile() -> None:
    # 6 expected beyond: too few for the plain quantile's rule; of the scores 5 lie above 14, and 6 above 13
    threshold = fit_threshold(np.arange(20.0), 0.3)
    assert 14 < threshold.value < 14.1
    assert threshold.method == "empirical quantile of 20 validation normals: 5 of them lie above it"


@pytest.mark.parametrize("aim", [0.002, 0.1])
def test_rounding_makes_no_alert_of_sessions_that_score_as_the_threshold(aim: float) -> None:
    kinds = np.array([0.5, 3.0, 8.0, 20.0])
    scores = np.repeat(kinds, [400, 500, 6000, 10])  # most of a log's sessions are of a few kinds
    threshold = fit_threshold(scores, aim)
    assert threshold.method.startswith("empirical quantile")
    rng = np.random.default_rng(0)
    elsewhere = scores * (1 + rng.uniform(-1e-5, 1e-5, len(scores)))
    assert (elsewhere > threshold.value).tolist() == (scores == 20.0).tolist()
    alike = np.full(300, 0.2)
    assert not (alike + rng.uniform(-1e-5, 1e-5, 300) > fit_threshold(alike, aim).value).any()


def test_scores_that_differ_by_rounding_alone_are_on_one_side() -> None:
    rng = np.random.default_rng(1)
    alike = 3.0 + rng.uniform(0, 1e-7, 500)
    scores = np.concatenate((np.full(9490, 1.0), alike, np.arange(4.0, 14.0)))
    threshold = fit_threshold(scores, 0.01)  # the quantile is one of those alike
    assert (scores > threshold.value).sum() == 10
    elsewhere = scores + rng.uniform(-1e-5, 1e-5, len(scores))
    assert (elsewhere > threshold.value).tolist() == (scores > 3.5).tolist()


def test_the_next_score_stays_above_however_near() -> None:
    scores = np.repeat([4.0, 4.0001], [9990, 10])
    assert (scores > fit_threshold(scores, 0.0015).value).sum() == 10


def test_a_tail_that_ends_below_a_kind_of_normal_session_is_raised_above_it() -> None:
    """Forty scores lie above the rest: most near, some of one kind far away, which the fit hardly sees."""
    near = 2.0 + np.random.default_rng(0).uniform(0.005, 0.02, 35)
    scores = np.concatenate((np.full(760, 2.0), near, np.full(5, 2.65)))
    assert most_above(800, 0.001) == 3  # 0.8 are expected; 3 or more come in 4.7 % of cases, 4 in 0.9 %
    threshold = fit_threshold(scores, 0.001)
    assert 2.65 < threshold.value < 2.66
    assert "raised from 2." in threshold.method
    assert threshold.method.endswith("above which 5 of 800 validation normals lay")
    few = fit_threshold(scores[:-2], 0.001)
    assert few.value < 2.65  # three of the far kind may be chance
    assert "raised" not in few.method


def test_chance_raises_no_threshold() -> None:
    for seed in range(50):
        threshold = fit_threshold(draws(0.0, size=558, seed=seed), FPR)
        assert "raised" not in threshold.method


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_are_refused(wrong: float) -> None:
    scores = np.arange(1000.0)
    scores[[3, 500]] = wrong
    with pytest.raises(UserError, match="2 of the scores of 1,000 validation normals are no finite numbers"):
        fit_threshold(scores, FPR)


def test_a_lowered_threshold_says_how_many_normals_it_costs() -> None:
    scores = np.arange(10_000.0)
    threshold = fit_threshold(scores, FPR)
    assert threshold.at_most(threshold.value, scores) is threshold
    lowered = threshold.at_most(9949.0, scores)
    assert lowered.value == 9949.0
    assert lowered.method == (
        "empirical quantile of 10,000 validation normals; lowered from 9980, so that unseen keys are alerts: "
        "50 of 10,000 (0.50%) lie above it"
    )


@pytest.mark.parametrize("target_fpr", [0, 1, -0.1, 2])
def test_a_share_out_of_range_is_named(target_fpr: float) -> None:
    with pytest.raises(UserError, match=rf"detection\.target_fpr={target_fpr}: give a share between 0 and 1"):
        fit_threshold(np.arange(10.0), target_fpr)


def test_no_score_says_what_to_give() -> None:
    with pytest.raises(UserError, match=r"no validation session .* data\.split"):
        fit_threshold([], FPR)


@pytest.mark.parametrize("shape", [0.0, 0.3])
def test_calibration_rises_and_never_falls(shape: float) -> None:
    scores = np.round(draws(shape), 2)  # with ties
    calibration = Calibration.fit(scores)
    grid = np.linspace(-1, 60, 20_000)
    values = calibration(grid)
    assert (np.diff(values) >= 0).all()
    assert values[-1] > calibration(scores.max()) > calibration(np.median(scores))
    assert calibration(1e4) > calibration(1e3) > calibration(60)


def test_calibration_is_minus_log_of_the_share_of_normals_at_least_as_high() -> None:
    scores = np.arange(999.0)
    calibration = Calibration.fit(scores)
    assert calibration(np.median(scores)) == pytest.approx(math.log(2), abs=2e-3)
    assert calibration(-5) == pytest.approx(math.log(1000 / 999))
    assert calibration(749) == pytest.approx(math.log(4), abs=1e-2)
    # knots stand 45 apart, from 0 on; of 999 scores 279 are at least 720, and 234 at least 765
    low, high = -math.log(279 / 1000), -math.log(234 / 1000)
    assert calibration([720, 765]) == pytest.approx([low, high])
    assert calibration(749) == pytest.approx(low + (749 - 720) / 45 * (high - low))


def test_calibration_hardly_moves_with_the_last_bits_of_many_equal_scores() -> None:
    scores = np.repeat(np.linspace(0.4, 3.0, 30), 30)  # sessions of a log are alike
    calibration = Calibration.fit(scores + np.random.default_rng(0).normal(scale=1e-7, size=900))
    given = np.linspace(0.4, 3.0, 30)
    assert np.abs(calibration(given + 5e-7) - calibration(given - 5e-7)).max() < 1e-5


def test_calibration_of_an_older_checkpoint_counts_everywhere() -> None:
    scores = np.sort(np.repeat(draws(0.2, size=60), 4))
    state = Calibration.fit(scores).state()
    del state["stepwise"]
    older = Calibration.from_state(state)
    for place in (0, 40, 120, 200):
        at_least = (scores >= scores[place]).sum()
        assert older(scores[place]) == pytest.approx(-math.log(at_least / 241))
    assert Calibration.from_state(older.state())(scores[40]) == older(scores[40])


def test_calibration_does_not_jump_where_the_tail_starts() -> None:
    calibration = Calibration.fit(draws(0.2))
    start = calibration.tail.start
    step = calibration(np.nextafter(start, np.inf)) - calibration(start)
    assert 0 <= step < 0.02


def test_calibration_of_equal_scores_has_no_tail() -> None:
    calibration = Calibration.fit([3.0] * 9)
    assert calibration.tail is None
    assert calibration([2.0, 3.0, 4.0]) == pytest.approx([-math.log(0.9), -math.log(0.9), -math.log(0.1)])


@pytest.mark.parametrize("scores", [draws(0.3), np.full(5, 2.0)])
def test_calibration_state_round_trip(scores: np.ndarray) -> None:
    calibration = Calibration.fit(scores)
    again = Calibration.from_state(calibration.state())
    grid = np.linspace(-1, 50, 500)
    assert np.array_equal(again(grid), calibration(grid))
    assert again.tail == calibration.tail
