from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqlab.data.stock import StockPrices
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents
from seqlab.evaluation.forecasting import ForecastingEvaluation, forecast_windows
from seqlab.networks.series_regressor import SeriesRegressor
from seqlab.tasks.regression import Regression


def written(path: Path, days: int = 60) -> Path:
    close = 100 + np.random.default_rng(0).normal(0, 1, days).cumsum()
    lines = [f"2016-{1 + day // 28:02}-{1 + day % 28:02},{price:.6f}" for day, price in enumerate(close)]
    path.write_text("\n".join(["Date,Close", *lines]) + "\n", encoding="utf-8")
    return path


def trained(path: Path, **settings: Any) -> tuple[StockPrices, Regression, Contents]:
    """Data of a file, a task with weights that are not 0, and what a checkpoint holds."""
    data = StockPrices(path=path, seq_length=4, horizon=2, **settings)
    data.setup()
    torch.manual_seed(0)
    network = SeriesRegressor(**data.sizes, hidden_size=3, zero_output=False)
    return data, Regression(network=network).eval(), Contents({}, {}, {}, data.state())


@pytest.mark.parametrize("transform", ["level", "log_return"])
def test_forecasts_are_those_of_the_evaluation(tmp_path: Path, transform: str) -> None:
    path = written(tmp_path / "prices.csv")
    data, task, contents = trained(path, target_transform=transform)
    table = ForecastingEvaluation().predict(task, contents, path)
    windows = data.windows("val")
    prices, _ = forecast_windows(task, data, windows, data.encodings)
    dates = data.table("val").dates
    for place in range(len(windows)):
        rows = table[table["last_date"] == dates[windows.first_rows[place] - 1]]
        assert rows["step"].tolist() == [1, 2]
        found = rows[["lower", "forecast", "upper"]].to_numpy()
        np.testing.assert_allclose(found, prices[place], rtol=1e-6)


def test_the_last_rows_are_the_future(tmp_path: Path) -> None:
    path = written(tmp_path / "prices.csv")
    _, task, contents = trained(path)
    table = ForecastingEvaluation().predict(task, contents, path)
    assert len(table) == (60 - 5 + 1) * 2  # a window of 4 changes reads 5 days
    assert table["last_date"].iloc[-1] == "2016-03-04"
    short = tmp_path / "short.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    short.write_text("\n".join([lines[0], *lines[-5:]]), encoding="utf-8")
    again = ForecastingEvaluation().predict(task, contents, short)
    assert len(again) == 2
    np.testing.assert_allclose(again["forecast"], table["forecast"].iloc[-2:], rtol=1e-6)


def test_a_file_that_is_too_short_or_lacks_a_column_is_told(tmp_path: Path) -> None:
    _, task, contents = trained(written(tmp_path / "prices.csv"))
    with pytest.raises(UserError, match=r"short\.csv: 4 days are too few to forecast from"):
        ForecastingEvaluation().predict(task, contents, written(tmp_path / "short.csv", days=4))
    other = tmp_path / "other.csv"
    other.write_text("Date,Open\n2016-01-01,1\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"data\.target=Close: .*has no such column; it has Date, Open"):
        ForecastingEvaluation().predict(task, contents, other)


def test_a_file_without_dates_is_told_by_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("\n".join(str(100 + (7 * day) % 5) for day in range(40)), encoding="utf-8")
    _, task, contents = trained(path, columns=["Close"], reverse=True)
    table = ForecastingEvaluation().predict(task, contents, path)
    assert table["last_line"].iloc[0] == 36
    assert table["last_line"].iloc[-1] == 1
