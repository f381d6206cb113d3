import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch

from seqlab.data.series import TimeSeries
from seqlab.data.stock import StockPrices
from seqlab.evaluation.base import NothingFitted
from seqlab.evaluation.forecasting import ForecastingEvaluation, forecast_windows
from seqlab.evaluation.forecasting_figures import DrawnForecasts, figures_of
from seqlab.evaluation.forecasting_pictures import forecast_section
from seqlab.evaluation.forecasting_report import fold_section
from seqlab.networks.series_regressor import SeriesRegressor
from seqlab.results.outcome import Outcome
from seqlab.tasks.regression import Regression


def made(**settings: Any) -> StockPrices:
    """120 days of the sample: 36 windows of the test part."""
    data = StockPrices(**{"sample": {"num_days": 120}, "seq_length": 3} | settings)
    data.setup()
    return data


def recipe(data: StockPrices, **settings: Any) -> Regression:
    torch.manual_seed(0)
    quantiles = settings.pop("quantiles", [0.1, 0.5, 0.9])
    network = SeriesRegressor(**data.sizes, hidden_size=3, quantiles=quantiles)
    optimizer = partial(torch.optim.Adam, lr=0.01)
    return Regression(network=network, optimizer=optimizer, **settings)


def fitted(data: StockPrices, **settings: Any) -> Regression:
    """Trained for two epochs."""
    task = recipe(data, **settings)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=2,
        logger=False,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(task, datamodule=data)
    return task


def test_an_untrained_network_on_changes_is_the_last_value() -> None:
    data = made(horizon=2)
    task = recipe(data)
    _, val = ForecastingEvaluation().fit(task, data)
    assert val["val/skill"] == 0
    data.open_test()
    outcome = ForecastingEvaluation().test(task, data, NothingFitted())
    assert outcome.metrics["test/mae"] == outcome.metrics["baseline/last_value/mae"]
    assert outcome.metrics["test/skill"] == outcome.metrics["baseline/last_value/skill"] == 0
    assert outcome.forecast.shape == (35, 2)
    mean = (outcome.metrics["test/step_1/mae"] + outcome.metrics["test/step_2/mae"]) / 2
    assert outcome.metrics["test/mae"] == pytest.approx(mean)


def test_the_first_screen_says_which_naive_forecast_is_better() -> None:
    data = made(horizon=2)
    task = recipe(data)
    judge, _ = ForecastingEvaluation().fit(task, data)
    data.open_test()
    outcome = ForecastingEvaluation().test(task, data, judge)
    figures = {name: outcome.metrics[f"baseline/{name}/mae"] for name in outcome.baselines}
    best = min(figures, key=lambda name: figures[name])
    for own, verdict in ((0.0, ""), (1e9, f"; {outcome.baselines[best].label} beats the model")):
        outcome.metrics["test/mae"] = own
        assert dict(outcome.in_words())["baselines"].endswith(f": no network{verdict}")


def test_the_validation_loss_is_that_of_training() -> None:
    data = made()
    task = fitted(data)
    _, val = ForecastingEvaluation().fit(task, data)
    assert val["val/loss"] == pytest.approx(float(task.trainer.callback_metrics["val/loss"]), rel=1e-5)


def test_figures_are_in_the_unit_of_the_price_whatever_is_learned() -> None:
    for transform in ("level", "difference", "log_return"):
        data = made(target_transform=transform)
        task = recipe(data)
        torch.nn.init.constant_(task.network.readers[0].output.bias, 0.5)
        windows = data.windows("val")
        prices, _ = forecast_windows(task, data, windows, data.encodings)
        outputs = task.network(torch.from_numpy(windows.inputs)).detach()[:, 0, 1].numpy()
        value = outputs * data.encoding.target_scaler.scale + data.encoding.target_scaler.offset
        expected = {
            "level": value,
            "difference": windows.last[:, 0] + value,
            "log_return": windows.last[:, 0] * np.exp(value),
        }[transform]
        np.testing.assert_allclose(prices[:, 0, 1], expected, rtol=1e-6)


def test_scores_hold_a_row_for_each_day_that_is_forecast(tmp_path: Path) -> None:
    data = made(horizon=2)
    data.open_test()
    outcome = ForecastingEvaluation().test(recipe(data), data, NothingFitted())
    outcome.write_scores(tmp_path / "scores.csv")
    rows = pd.read_csv(tmp_path / "scores.csv")
    assert len(rows) == 35 * 2
    assert rows["step"].tolist() == [1, 2] * 35
    dates = data.table("test").dates
    assert rows["date"].tolist()[:4] == [dates[84], dates[85], dates[85], dates[86]]
    assert np.abs(rows["truth"] - rows["forecast"]).mean() == pytest.approx(
        outcome.metrics["test/mae"], rel=1e-4
    )
    assert (rows["lower"] < rows["forecast"]).all()
    assert (rows["forecast"] < rows["upper"]).all()


def test_the_test_part_scaled_by_itself_stands_apart() -> None:
    settings = {"target_transform": "level", "scaling": "minmax"}
    outcomes = []
    for switch in (False, True):
        data = made(**settings, scale_test_by_itself=switch)
        task = recipe(data, loss="mse", quantiles=[])
        data.open_test()
        outcomes.append(ForecastingEvaluation().test(task, data, NothingFitted()))
    plain, both = outcomes
    assert {name: both.metrics[name] for name in plain.metrics} == plain.metrics
    extra = set(both.metrics) - set(plain.metrics)
    assert extra == {f"oracle/scaled_by_test/{name}" for name in ("mae", "rmse", "mase", "skill")}
    # an output of 0 is the smallest price of the scaler's days
    smallest = data.table("test").column("Close")[84 - 3 :].min()
    truth = both.windows.truth
    assert both.metrics["oracle/scaled_by_test/mae"] == pytest.approx(np.abs(truth - smallest).mean())
    assert [name for name, _ in both.result_table().model_rows] == ["model", "model, test scaled by itself"]
    assert [name for name, _ in plain.result_table().model_rows] == ["model"]


def test_walking_forward_gives_figures_of_each_fold_and_their_mean() -> None:
    data = made(backtest={"folds": 2})
    task = fitted(data)
    before = {name: value.clone() for name, value in task.state_dict().items()}
    data.open_test()
    outcome = ForecastingEvaluation().test(task, data, NothingFitted())
    for name, value in task.state_dict().items():
        assert torch.equal(value, before[name])
    figures = outcome.metrics
    assert figures["backtest/fold_1/train_days"] == 72
    assert figures["backtest/fold_2/train_days"] == 87
    for name in ("mae", "skill", "coverage_80", "last_value_mae"):
        mean = (figures[f"backtest/fold_1/{name}"] + figures[f"backtest/fold_2/{name}"]) / 2
        assert figures[f"backtest/mean/{name}"] == pytest.approx(mean)
    # both folds are of 18 days: the last value's errors on them make up those of the whole test part
    assert figures["backtest/mean/last_value_mae"] == pytest.approx(figures["baseline/last_value/mae"])
    assert figures["backtest/fold_1/mae"] != figures["backtest/fold_1/last_value_mae"]  # it was trained
    again = ForecastingEvaluation().test(task, data, NothingFitted()).metrics
    assert again == figures


def test_without_folds_there_is_no_backtest() -> None:
    data = made()
    data.open_test()
    metrics = ForecastingEvaluation().test(recipe(data), data, NothingFitted()).metrics
    assert not [name for name in metrics if name.startswith("backtest")]


def test_prices_that_never_change_have_no_skill(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    dates = pd.bdate_range("2016-01-04", periods=60).strftime("%Y-%m-%d")
    path.write_text("\n".join(["Date,Close", *(f"{date},5" for date in dates)]), encoding="utf-8")
    data = StockPrices(path=path, seq_length=3, horizon=2, backtest={"folds": 2})
    data.setup()
    task = fitted(data)
    _, val = ForecastingEvaluation().fit(task, data)
    data.open_test()
    outcome = ForecastingEvaluation().test(task, data, NothingFitted())
    assert not [name for name in (*val, *outcome.metrics) if name.endswith("skill")]
    assert outcome.metrics["baseline/last_value/mae"] == 0
    table = outcome.result_table()
    assert [row[3] for _, row in (*table.model_rows, *table.baseline_rows)] == [None] * 4
    assert table.notes[0] == (
        "skill",
        "undefined, 0 / 0: the Close never changes over these days, so the last value makes no error to "
        "compare with",
    )
    assert "undefined, 0 / 0" in str(forecast_section(outcome).note)
    assert fold_section(outcome)


@pytest.mark.parametrize("written", ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"])
def test_the_hour_stands_below_the_day(tmp_path: Path, written: str) -> None:
    path = tmp_path / "load.csv"
    hours = pd.date_range("2025-01-01", periods=400, freq="h").strftime(written)
    path.write_text("\n".join(["time,y", *(f"{hour},{place % 24}" for place, hour in enumerate(hours))]))
    data = TimeSeries(path=path)
    data.setup()
    data.open_test()
    outcome = ForecastingEvaluation().test(recipe(data), data, NothingFitted())
    drawn = re.sub("<[^>]*>", "|", str(forecast_section(outcome).body).split("<script")[0])
    assert re.search(r"\|2025-01-1\d\|", drawn)
    assert not re.search(r"\|2025-01-1\d[ T]", drawn)


def test_every_figure_is_drawn_anew_and_days_in_runs(resampled_keys: Callable[[Outcome], None]) -> None:
    data = made(horizon=2)
    data.open_test()
    found = ForecastingEvaluation().test(recipe(data), data, NothingFitted())
    resampled_keys(found)
    assert (found.num_items, found.run_length) == (35, 4)  # 35^(1/3) is 3.27
    weights = np.random.default_rng(0).integers(0, 3, (4, 35))
    drawn = found.resampled(weights)
    windows = found.windows
    for row, times in enumerate(weights):
        rows = np.repeat(np.arange(35), times)
        parts = (found.forecast[rows], windows.truth[rows], windows.last.ravel()[rows])
        expected = figures_of(*parts, windows.series[rows], found.scales)
        for name, value in expected.items():
            assert drawn[f"test/{name}"][row] == pytest.approx(value)
        assert drawn["test/loss"][row] == pytest.approx(found.losses[rows].mean())
        inside = (found.values[rows, :, 0] <= parts[1]) & (parts[1] <= found.values[rows, :, -1])
        name = next(name for name in drawn if name.startswith("test/coverage"))
        assert drawn[name][row] == pytest.approx(inside.mean())


def test_forecasts_of_several_series_are_drawn_as_repeated_ones() -> None:
    random = np.random.default_rng(0)
    items, series = np.tile(np.arange(6), 3), np.repeat(np.arange(3), 6)
    forecast, truth, last = random.random((18, 1)), random.random((18, 1)), random.random(18)
    scales = np.array([0.5, np.nan, 2.0])
    weights = np.array([[1, 1, 1, 1, 1, 1], [2, 0, 1, 0, 0, 3]])
    drawn = DrawnForecasts(weights, items, series, scales)
    found = drawn.figures(np.abs(forecast - truth)[:, 0], np.abs(last - truth[:, 0]))
    for row, times in enumerate(weights):
        rows = np.repeat(np.arange(18), times[items])
        expected = figures_of(forecast[rows], truth[rows], last[rows], series[rows], scales)
        for name in ("mae", "mase", "skill"):
            assert found[name][row] == pytest.approx(expected[name])
