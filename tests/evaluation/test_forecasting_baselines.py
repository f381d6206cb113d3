import numpy as np
import pandas as pd
import pytest

from seqlab.data.series_encoding import SeriesWindows
from seqlab.data.series_table import SeriesTable
from seqlab.data.stock import StockPrices
from seqlab.evaluation.forecasting_figures import naive_forecasts, seasonal_naive


@pytest.mark.parametrize("transform", ["level", "difference", "log_return"])
def test_baselines_by_hand(transform: str) -> None:
    data = StockPrices(sample={"num_days": 60}, target_transform=transform, horizon=2)
    data.setup()
    data.open_test()
    table, windows = data.table("test"), data.windows("test")
    found = {name: each.values for name, each in naive_forecasts(data, windows).items()}
    close, opening = table.column("Close"), table.column("Open")
    row = windows.first_rows[0]
    assert found["last_value"][0].tolist() == [close[row - 1]] * 2
    assert found["open_price"][0].tolist() == [opening[row], opening[row + 1]]
    train = close[: data.train_length()]
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
    found = naive_forecasts(data, windows)
    assert set(found) == {"last_value", "drift"}


def test_the_seasonal_naive_by_hand() -> None:
    """A season of 3, five steps ahead: steps 4 and 5 take the same season again, never one ahead."""
    tables = [
        SeriesTable("here", pd.DataFrame({"y": np.arange(20.0) + base}), name)
        for name, base in (("a", 0), ("b", 100))
    ]
    windows = SeriesWindows(
        inputs=np.zeros((3, 1, 1), np.float32),
        targets=np.zeros((3, 5), np.float32),
        last=np.array([[9.0], [10.0], [109.0]]),
        truth=np.zeros((3, 5)),
        first_rows=np.array([10, 11, 10]),
        known=np.zeros((3, 5, 0), np.float32),
        table=np.array([0, 0, 1]),
    )
    assert seasonal_naive(tables, windows, ("y",), 3).tolist() == [
        [7, 8, 9, 7, 8],
        [8, 9, 10, 8, 9],
        [107, 108, 109, 107, 108],
    ]
