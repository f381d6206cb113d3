import numpy as np
import pytest

from seqlab.data.stock import StockPrices
from seqlab.evaluation.forecast_figures import (
    baseline_forecasts,
    interval_figures,
    interval_name,
    point_figures,
)

TRUTH = np.array([[11.0, 12.0], [9.0, 13.0]])
LAST = np.array([10.0, 11.0])


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


@pytest.mark.parametrize("transform", ["level", "difference", "log_return"])
def test_baselines_by_hand(transform: str) -> None:
    data = StockPrices(sample={"num_days": 60}, target_transform=transform, horizon=2)
    data.setup()
    data.open_test()
    table, windows = data.table("test"), data.windows("test")
    found = baseline_forecasts(table, data.encoding, windows, data.train_end)
    close, opening = table.column("Close"), table.column("Open")
    row = windows.first_rows[0]
    assert found["last_value"][0].tolist() == [close[row - 1]] * 2
    assert found["open_price"][0].tolist() == [opening[row], opening[row + 1]]
    train = close[: data.train_end]
    if transform == "log_return":
        growth = (train[-1] / train[0]) ** (1 / (len(train) - 1))
        expected = close[row - 1] * np.array([growth, growth**2])
    else:
        expected = close[row - 1] + np.array([1, 2]) * (train[-1] - train[0]) / (len(train) - 1)
    np.testing.assert_allclose(found["drift"][0], expected)


def test_the_open_is_no_baseline_for_itself() -> None:
    data = StockPrices(sample={"num_days": 60}, target="Open")
    data.setup()
    data.open_test()
    windows = data.windows("test")
    found = baseline_forecasts(data.table("test"), data.encoding, windows, data.train_end)
    assert set(found) == {"last_value", "drift"}
