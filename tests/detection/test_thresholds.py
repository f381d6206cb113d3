import math

import numpy as np
import pytest
from scipy import stats
from scipy.stats import genpareto

from seqlab.detection.thresholds import (
    LARGEST_SHAPE,
    Calibration,
    Tail,
    Threshold,
    fit_tail,
    fit_threshold,
    most_above,
)
from seqlab.errors import UserError

FPR = 0.002


def draws(shape: float, size: int = 558, seed: int = 0) -> np.ndarray:
    """Scores with a generalized Pareto distribution of scale 1; shape 0 is the exponential one."""
    return genpareto.rvs(shape, size=size, random_state=np.random.default_rng(seed))


def test_the_threshold_is_the_order_statistic_that_the_aim_names() -> None:
    scores = np.random.default_rng(0).permutation(9_999).astype(float)  # 0 to 9998
    threshold = fit_threshold(scores, FPR)
    # of 10,000 exchangeable scores 20 exceed the 20th largest of the 9,999 or are it: 9979
    assert threshold.value == pytest.approx(9979, rel=1e-4)
    assert (scores > threshold.value).sum() == 19
    assert threshold.method == "19 of 9,999 validation normals lie above it"
    assert (threshold.aim, threshold.num_normals) == (FPR, 9_999)


def test_between_two_scores_the_threshold_is_linear() -> None:
    scores = np.array([*range(997), 2000.0, 3000.0])  # 999: at 0.0015 the place is 1.5
    assert fit_threshold(scores, 0.0015).value == pytest.approx(2500)
    assert fit_threshold(scores, 0.00125).value == pytest.approx(2750)


@pytest.mark.parametrize("name", ["uniform", "norm", "expon", "lognorm", "heavy"])
@pytest.mark.parametrize("size", [999, 2500])
def test_the_aim_is_kept_whatever_the_distribution(name: str, size: int) -> None:
    """The mean false-positive rate of new scores over 400 fits; a fit's own varies, its mean does not."""
    law = {
        "uniform": stats.uniform(),
        "norm": stats.norm(),
        "expon": stats.expon(),
        "lognorm": stats.lognorm(1.0),
        "heavy": genpareto(0.5),
    }[name]
    rng = np.random.default_rng(1)
    rates = [law.sf(fit_threshold(law.rvs(size, random_state=rng), 0.001).value) for _ in range(400)]
    # of k = 1 the rate's deviation equals its mean, 1/20 of it is left of 400
    assert np.mean(rates) == pytest.approx(0.001, rel=0.2)


@pytest.mark.parametrize("count", [1, 50, 400])
def test_few_normals_support_no_small_aim_and_that_is_said(count: int) -> None:
    scores = np.random.default_rng(count).exponential(size=count)
    threshold = fit_threshold(scores, 0.001)
    assert threshold.value == pytest.approx(scores.max(), rel=1e-4)
    assert threshold.value > scores.max()
    assert threshold.aim == pytest.approx(1 / (count + 1))
    assert threshold.method == (
        f"just above the largest of {count} validation normals, which support no aim below "
        f"{1 / (count + 1):.2g}"
    )


def test_a_new_score_exceeds_the_largest_of_n_once_in_n_plus_1() -> None:
    rng = np.random.default_rng(0)
    hits = [rng.exponential() > fit_threshold(rng.exponential(size=49), 0.001).value for _ in range(4000)]
    assert np.mean(hits) == pytest.approx(1 / 50, abs=0.006)


def test_a_large_sample_gives_the_parameters_back() -> None:
    tail = fit_tail(draws(0.3, size=40_000))
    assert tail is not None
    # above its start u, a Pareto tail of scale 1 has scale 1 + shape u
    assert tail.share == pytest.approx(0.1, abs=1e-3)
    assert tail.shape == pytest.approx(0.3, abs=0.05)
    assert tail.scale == pytest.approx(1 + 0.3 * tail.start, rel=0.05)


@pytest.mark.parametrize("shape", [0.0, 0.3])
def test_tail_formulas_equal_those_of_scipy(shape: float) -> None:
    tail = Tail(start=2.0, share=0.1, shape=shape, scale=1.5)
    scores = np.array([2.0, 2.5, 10.0, 80.0])
    expected = 0.1 * genpareto.sf(scores, shape, loc=2.0, scale=1.5)
    np.testing.assert_allclose(tail.log_probability(scores), np.log(expected), rtol=1e-12)


def test_log_probabilities_do_not_underflow() -> None:
    tail = Tail(start=0.0, share=0.5, shape=0.0, scale=0.01)
    assert tail.log_probability(np.array([100.0])).item() == pytest.approx(math.log(0.5) - 10_000)


def test_the_tail_of_few_scores_starts_at_the_largest_and_is_as_heavy_as_can_be() -> None:
    tail = fit_tail(np.arange(60.0))
    assert tail is not None
    assert (tail.start, tail.share, tail.shape) == (59.0, 1 / 61, 1.0)
    assert tail.scale == 59 - 29.5  # from the median to the largest
    # as far beyond the largest as that lies above the median: half as likely, no less
    assert np.exp(tail.log_probability(np.array([59 + 29.5]))) == pytest.approx(1 / 122)
    light = fit_tail(np.arange(60.0), averages=True)
    assert light is not None
    assert np.exp(light.log_probability(np.array([59 + 29.5]))) == pytest.approx(1 / 61 / math.e)


def test_a_tail_of_few_exceedances_is_exponential() -> None:
    scores = np.array([*np.arange(92.0) / 100, *[1.0] * 60, 2.0, 3.0, 7.0])  # three above the 0.9 quantile
    tail = fit_tail(scores)
    assert tail is not None
    assert (tail.start, tail.shape, tail.scale) == (1.0, 0.0, 3.0)


def test_a_tail_that_ends_is_taken_for_an_exponential_one() -> None:
    scores = np.linspace(0, 1, 558)  # the maximum-likelihood shape is -1: nothing beyond 1 is possible
    tail = fit_tail(scores)
    assert tail is not None
    assert tail.shape == 0.0
    assert np.isfinite(tail.log_probability(np.array([1.5])))


def test_the_shape_is_held_where_the_variance_would_be_infinite() -> None:
    scores = draws(1.5, seed=3)
    tail = fit_tail(scores)
    assert tail is not None
    assert tail.shape == LARGEST_SHAPE
    excess = scores[scores > tail.start] - tail.start
    expected = genpareto.fit(excess, f0=LARGEST_SHAPE, floc=0)[2]
    assert tail.scale == pytest.approx(expected)


def test_equal_scores_give_their_value() -> None:
    threshold = fit_threshold(np.full(200, 1.5), 0.01)
    assert threshold.value == pytest.approx(1.5, rel=1e-4)
    assert threshold.value > 1.5
    assert threshold.method == "0 of 200 validation normals lie above it"
    assert fit_tail(np.full(200, 1.5)) is None


def test_where_most_score_nothing_whatever_scores_more_is_an_alert() -> None:
    scores = np.zeros(2000)
    scores[:3] = [7.0, 5.0, 2.0]
    assert fit_threshold(scores, 0.002).value == 0.0  # the 4th largest: 3 lie above, 4 of 2,001 are aimed at


@pytest.mark.parametrize("num_beyond", [1, 4, 40, 300])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_larger_aim_never_gives_a_higher_threshold(num_beyond: int, seed: int) -> None:
    scores = np.zeros(400)
    scores[:num_beyond] = np.random.default_rng(seed).exponential(size=num_beyond) + 1
    aims = [1e-5, 1e-4, 1e-3, 2e-3, 2.4e-3, 2.6e-3, 5e-3, 9e-3, 0.011, 0.02, 0.5, 0.999]
    found = [fit_threshold(scores, aim) for aim in aims]
    assert (np.diff([threshold.value for threshold in found]) <= 0).all()
    for threshold in found:
        assert (scores > threshold.value).mean() <= threshold.aim


def test_rounding_makes_no_alert_of_sessions_that_score_as_the_threshold() -> None:
    kinds = np.array([0.5, 3.0, 8.0, 20.0])
    scores = np.repeat(kinds, [400, 500, 6000, 10])  # most of a log's sessions are of a few kinds
    threshold = fit_threshold(scores, 0.1)
    rng = np.random.default_rng(0)
    elsewhere = scores * (1 + rng.uniform(-1e-5, 1e-5, len(scores)))
    assert (elsewhere > threshold.value).tolist() == (scores == 20.0).tolist()
    alike = np.full(300, 0.2)
    assert not (alike + rng.uniform(-1e-5, 1e-5, 300) > fit_threshold(alike, 0.1).value).any()


def test_scores_that_differ_by_rounding_alone_are_on_one_side() -> None:
    rng = np.random.default_rng(1)
    alike = 3.0 + rng.uniform(0, 1e-7, 500)
    scores = np.concatenate((np.full(9490, 1.0), alike, np.arange(4.0, 14.0)))
    threshold = fit_threshold(scores, 0.02)  # the 200th largest is one of those alike
    assert (scores > threshold.value).sum() == 10
    elsewhere = scores + rng.uniform(-1e-5, 1e-5, len(scores))
    assert (elsewhere > threshold.value).tolist() == (scores > 3.5).tolist()


def test_the_next_score_stays_above_however_near() -> None:
    scores = np.repeat([4.0, 4.0001], [9990, 10])
    assert (scores > fit_threshold(scores, 0.0015).value).sum() == 10


def test_a_threshold_below_a_kind_of_normal_session_is_raised_above_it() -> None:
    threshold = Threshold(2.4, "fitted elsewhere", 0.001, 800)
    scores = np.concatenate((np.full(795, 2.0), np.full(5, 2.65)))
    assert most_above(800, 0.001) == 3  # 0.8 are expected; 3 or more come in 4.7 % of cases, 4 in 0.9 %
    raised = threshold.at_least(scores, "normals")
    assert 2.65 < raised.value < 2.66
    assert raised.method == "fitted elsewhere; raised from 2.4, above which 5 of 800 normals lay"
    assert threshold.at_least(scores[:-2], "normals") is threshold  # three may be chance


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_are_refused(wrong: float) -> None:
    scores = np.arange(1000.0)
    scores[[3, 500]] = wrong
    with pytest.raises(UserError, match="2 of the scores of 1,000 validation normals are no finite numbers"):
        fit_threshold(scores, FPR)


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


def test_calibration_does_not_jump_where_the_tail_starts() -> None:
    calibration = Calibration.fit(draws(0.2))
    start = calibration.tail.start
    step = calibration(np.nextafter(start, np.inf)) - calibration(start)
    assert 0 <= step < 0.02


def test_calibration_of_equal_scores_has_no_tail() -> None:
    calibration = Calibration.fit([3.0] * 9)
    assert calibration.tail is None
    assert calibration([2.0, 3.0, 4.0]) == pytest.approx([-math.log(0.9), -math.log(0.9), -math.log(0.1)])


def test_a_tail_is_not_believed_far_beyond_all_that_was_seen() -> None:
    calibration = Calibration.fit(draws(0.0, size=1000))
    tail = calibration.tail
    assert tail is not None
    trusted = math.log(10 * 1000)
    for score in (12.0, 40.0, 400.0):
        fitted = -tail.log_probability(np.array([score])).item()
        assert fitted > trusted
        assert calibration(score) == pytest.approx(trusted + math.log1p(fitted - trusted))
    assert calibration(8.0) == pytest.approx(-tail.log_probability(np.array([8.0])).item())


@pytest.mark.parametrize("scores", [draws(0.3), np.full(5, 2.0)])
def test_calibration_state_round_trip(scores: np.ndarray) -> None:
    calibration = Calibration.fit(scores)
    again = Calibration.from_state(calibration.state())
    grid = np.linspace(-1, 50, 500)
    assert np.array_equal(again(grid), calibration(grid))
    assert again.tail == calibration.tail
