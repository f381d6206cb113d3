import numpy as np
import pytest

from seqlab.evaluation.forecasting_figures import (
    figures_of,
    interval_figures,
    interval_name,
    mase_by_series,
)

TRUTH = np.array([[11.0, 12.0], [9.0, 13.0]])
LAST = np.array([10.0, 11.0])


def point_figures(forecast: np.ndarray, truth: np.ndarray, last: np.ndarray) -> dict[str, float]:
    """Those of one series whose naive forecast made no error in training."""
    return figures_of(forecast, truth, last, np.zeros(len(truth), np.int64), np.array([np.nan]))


def test_errors_and_skill_by_hand() -> None:
    forecast = np.array([[11.0, 10.0], [10.0, 13.0]])  # off by 0, 2, 1, 0; the last value by 1, 2, 2, 2
    assert point_figures(forecast, TRUTH, LAST) == {
        "mae": 0.75,
        "rmse": pytest.approx((5 / 4) ** 0.5),
        "skill": pytest.approx(1 - 0.75 / 1.75),
    }


def test_the_last_value_has_no_skill() -> None:
    assert point_figures(np.repeat(LAST[:, None], 2, axis=1), TRUTH, LAST)["skill"] == 0


def test_a_series_that_never_moves_leaves_nothing_to_be_better_at() -> None:
    still = np.full((3, 1), 5.0)
    assert point_figures(still, still, still[:, 0]) == {"mae": 0, "rmse": 0}
    assert point_figures(still + 1, still, still[:, 0]) == {"mae": 1, "rmse": 1}


def test_coverage_and_width_by_hand() -> None:
    low, high = TRUTH - np.array([[0, 1], [-1, 2]]), TRUTH + np.array([[2, 1], [3, -1]])
    prices = np.stack([low, TRUTH, high], axis=-1)
    # inside: the first two; the third lies below its interval, the fourth above
    assert interval_figures(prices, TRUTH, (0.1, 0.5, 0.9)) == {
        "coverage_80": 0.5,
        "interval_width_80": (2 + 2 + 2 + 1) / 4,
    }
    assert interval_figures(prices[..., :1], TRUTH, ()) == {}


@pytest.mark.parametrize(
    ("levels", "name"), [((0.1, 0.5, 0.9), "80"), ((0.05, 0.5, 0.95), "90"), ((0.025, 0.5, 0.9), "87.5")]
)
def test_the_name_of_an_interval_is_what_it_encloses(levels: tuple, name: str) -> None:
    assert interval_name(levels) == name


def test_mase_by_hand_is_the_mean_over_series() -> None:
    truth = np.array([[10.0, 12.0], [11.0, 11.0], [100.0, 300.0]])
    forecast = truth + np.array([[1, -3], [0, 4], [50, -150]])
    series = np.array([0, 0, 1])  # the second series is in units 100 times as large, the third is not there
    scales = np.array([4.0, 200.0, 1.0])
    found = mase_by_series(forecast, truth, series, scales)
    # series 0: errors 1, 3, 0, 4, mean 2, over 4; series 1: 50 and 150, mean 100, over 200
    np.testing.assert_allclose(found[:2], [0.5, 0.5])
    assert np.isnan(found[2])
    last = np.array([9.0, 10.0, 200.0])  # errors 1, 3, 1, 1: 1.5 / 4; 100, 100: 100 / 200
    figures = figures_of(forecast, truth, last, series, scales)
    assert figures["mase"] == 0.5
    assert figures["mae"] == pytest.approx((1 + 3 + 0 + 4 + 50 + 150) / 6)
    assert figures["skill"] == pytest.approx(1 - (0.5 + 0.5) / (0.375 + 0.5))


def test_a_series_whose_naive_forecast_makes_no_error_has_no_mase() -> None:
    forecast = TRUTH + 1
    series = np.array([0, 1])
    figures = figures_of(forecast, TRUTH, LAST, series, np.array([np.nan, 2.0]))
    assert figures["mase"] == 0.5
    assert "mase" not in figures_of(forecast, TRUTH, LAST, series * 0, np.array([np.nan]))
