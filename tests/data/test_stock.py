from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqlab.data.module import TestSetLockedError
from seqlab.data.samples import stock_prices
from seqlab.data.series_encoding import SeriesEncoding
from seqlab.data.stock import StockPrices
from seqlab.errors import UserError


def written(folder: Path, close: list[float]) -> Path:
    """A file of one day after the other; each opens at the close of the day before it."""
    path = folder / "prices.csv"
    lines = [
        f"2016-{1 + day // 28:02}-{1 + day % 28:02},{close[max(day - 1, 0)]},{price},{10 * day}"
        for day, price in enumerate(close)
    ]
    path.write_text("\n".join(["Date,Open,Close,Volume", *lines]) + "\n", encoding="utf-8")
    return path


RISING = [100.0 + day for day in range(20)]


def made(folder: Path, close: list[float] = RISING, **settings: Any) -> StockPrices:
    """20 days, 100, 101, ... where nothing else is said: 12 to train, 2 to validate, 6 to test."""
    datamodule = StockPrices(**{"path": written(folder, close), "seq_length": 3} | settings)
    datamodule.setup()
    return datamodule


def test_windows_by_hand(tmp_path: Path) -> None:
    data = made(tmp_path, target_transform="level", scaling="minmax", features=["Close"], horizon=2)
    windows = data.windows("train")
    assert windows.first_rows.tolist() == [3, 4, 5, 6, 7, 8, 9, 10]
    # scaled by the smallest and largest close of the 12 training days, 100 and 111
    np.testing.assert_allclose(windows.inputs[0, :, 0], np.array([0, 1, 2]) / 11, rtol=1e-6)
    np.testing.assert_allclose(windows.targets[0], np.array([3, 4]) / 11, rtol=1e-6)
    assert windows.last[0] == 102
    assert windows.truth[0].tolist() == [103, 104]
    assert data.windows("val").first_rows.tolist() == [12]
    data.open_test()
    assert data.windows("test").first_rows.tolist() == [14, 15, 16, 17, 18]
    assert data.windows("test").truth[-1].tolist() == [118, 119]


@pytest.mark.parametrize("transform", ["level", "difference", "log_return"])
@pytest.mark.parametrize("scaling", ["standard", "minmax"])
def test_targets_come_back_as_prices(tmp_path: Path, transform: str, scaling: str) -> None:
    import torch

    data = made(tmp_path, target_transform=transform, scaling=scaling, horizon=2)
    windows = data.windows("train")
    prices = data.encoding.values(torch.from_numpy(windows.targets)[..., None], windows.last)
    np.testing.assert_allclose(prices[..., 0], windows.truth, rtol=1e-6)


def test_changes_by_hand(tmp_path: Path) -> None:
    data = made(tmp_path, target_transform="log_return", features=["Close", "Volume"], horizon=2)
    windows = data.windows("train")
    assert windows.first_rows[0] == 4  # a window of changes needs one day more
    scaler = data.encoding.input_scaler
    changes = scaler.decode(windows.inputs[0].astype(float))
    np.testing.assert_allclose(changes[:, 0], np.log([101 / 100, 102 / 101, 103 / 102]), rtol=1e-5)
    np.testing.assert_allclose(changes[:, 1], np.log([11 / 1, 21 / 11, 31 / 21]), rtol=1e-5)
    target = data.encoding.target_scaler.decode(windows.targets[0].astype(float))
    np.testing.assert_allclose(target, np.log([104 / 103, 105 / 103]), rtol=1e-5)


def test_zero_forecasts_the_last_value(tmp_path: Path) -> None:
    import torch

    for transform in ("difference", "log_return"):
        data = made(tmp_path, target_transform=transform)
        windows = data.windows("val")
        prices = data.encoding.values(torch.zeros(len(windows), 1, 1), windows.last)
        assert prices[:, 0, 0].tolist() == windows.last[:, 0].tolist()


@pytest.mark.parametrize("transform", ["level", "log_return"])
def test_scales_know_the_training_days_alone(tmp_path: Path, transform: str) -> None:
    before = made(tmp_path, target_transform=transform).encoding.state()
    later = RISING[:12] + [5 * price for price in RISING[12:]]
    assert made(tmp_path, later, target_transform=transform).encoding.state() == before
    earlier = [RISING[0], 5 * RISING[1], *RISING[2:]]
    assert made(tmp_path, earlier, target_transform=transform).encoding.state() != before


def test_the_test_part_is_locked_and_scaled_by_itself_on_demand_alone(tmp_path: Path) -> None:
    settings = {"target_transform": "level", "scaling": "minmax", "features": ["Close"]}
    assert made(tmp_path, **settings).test_scaled_by_itself() is None
    data = made(tmp_path, **settings, scale_test_by_itself=True)
    for ask in (data.test_dataloader, data.test_scaled_by_itself, data.folds):
        with pytest.raises(TestSetLockedError):
            ask()
    data.open_test()
    _, windows = data.test_scaled_by_itself()
    # the days 11 to 19: 111 to 119
    np.testing.assert_allclose(windows.inputs[0, :, 0], np.array([0, 1, 2]) / 8, rtol=1e-6)
    with pytest.raises(TestSetLockedError):
        data.train_dataloader()


def test_folds_expand_and_never_see_what_follows(tmp_path: Path) -> None:
    data = made(tmp_path, backtest={"folds": 3})
    data.open_test()
    folds = data.folds()
    assert [fold._spans.parts for fold in folds] == [
        {"train": (0, 12), "val": (12, 14), "test": (14, 16)},
        {"train": (0, 14), "val": (14, 16), "test": (16, 18)},
        {"train": (0, 15), "val": (15, 18), "test": (18, 20)},
    ]
    for fold in folds:
        with pytest.raises(TestSetLockedError):
            fold.windows("test")
        fold.open_test()
        assert len(fold.table("test")) == fold._spans.parts["test"][1]
    assert folds[2].encoding.state() != folds[0].encoding.state()


def test_batches_hold_what_the_windows_hold(tmp_path: Path) -> None:
    data = made(tmp_path, batch_size=3, features=["Close"])
    batches = list(data.train_dataloader())
    assert [len(batch.inputs) for batch in batches] == [3, 3, 2]
    assert batches[0].inputs.shape == (3, 3, 1)
    assert int(batches[0].num_units) == 3
    seen = sorted(value for batch in batches for value in batch.targets.flatten().tolist())
    assert seen == sorted(data.windows("train").targets.flatten().tolist())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seq_length": 0}, "data.seq_length=0: give a whole number, at least 1"),
        ({"horizon": 0}, "data.horizon=0: give a whole number, at least 1"),
        ({"backtest": {"folds": -1}}, "data.backtest.folds=-1: give a whole number, at least 0"),
        ({"target_transform": "log"}, "data.target_transform=log: choose level, difference, log_return"),
        ({"feature_transform": "log"}, "data.feature_transform=log: choose level"),
        ({"features": []}, "data.features=[]: name at least one column"),
        ({"features": "Close"}, "data.features=Close: give a list, like data.features=[Close]"),
        ({"missing": "skip"}, "data.missing=skip: choose error, drop, previous, zero"),
        ({"scaling": "robust"}, "data.scaling=robust: choose standard or minmax"),
        ({"feature_transform": {"Close": "log"}}, "data.feature_transform.Close=log: choose level"),
        (
            {"feature_transform": {"Sentiment": "level"}},
            "data.feature_transform.sentiment: the features are Open, Close, Volume; name one of them",
        ),
        ({"target": "Price"}, "prices.csv has no such column; it has Date, "),
        ({"seq_length": 12}, "prices.csv: 20 days are too few: data.split=[0.6, 0.1, 0.3] gives 12, 2 and 6"),
        ({"horizon": 3}, "prices.csv: 20 days are too few"),
        ({"split": [0.5, 0.5]}, "data.split=[0.5, 0.5]: give three positive shares"),
    ],
)
def test_settings_out_of_range_are_told(tmp_path: Path, settings: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        made(tmp_path, **settings)
    assert message in str(caught.value)


def test_more_folds_than_days_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.backtest\.folds=9: 6 days of the test part are too few"):
        made(tmp_path, backtest={"folds": 9})


def test_a_price_of_zero_has_no_log_return(tmp_path: Path) -> None:
    close = [*RISING[:10], 0.0, *RISING[11:]]
    with pytest.raises(UserError, match=r"prices\.csv, line 12: 0 under Close has no log-return"):
        made(tmp_path, close, features=["Close"])
    made(tmp_path, close, features=["Close"], target_transform="difference")


def test_a_feature_has_a_transform_of_its_own(tmp_path: Path) -> None:
    path = written(tmp_path, RISING)
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    rows = [f"{line},{-1.5 * number}" for number, line in enumerate(lines, start=1)]
    path.write_text("\n".join([head + ",Sentiment", *rows]), encoding="utf-8")
    settings = {"path": path, "seq_length": 3, "features": ["Close", "Sentiment"]}
    with pytest.raises(UserError) as caught:
        StockPrices(**settings).setup()
    assert str(caught.value) == (
        f"{path}, line 2: -1.5 under Sentiment has no log-return; mend the line or choose "
        "'data.feature_transform={Sentiment: level}' (or difference)"
    )
    data = StockPrices(**settings, feature_transform={"sentiment": "level"})
    data.setup()
    assert data.encoding.feature_transforms == ("log_return", "level")
    windows = data.windows("train")
    assert windows.first_rows[0] == 4
    inputs = data.encoding.input_scaler.decode(windows.inputs[0].astype(float))
    np.testing.assert_allclose(inputs[:, 0], np.log([101 / 100, 102 / 101, 103 / 102]), rtol=1e-5)
    np.testing.assert_allclose(inputs[:, 1], [-3, -4.5, -6], rtol=1e-5)
    again = SeriesEncoding.from_state(data.encoding.state())
    assert again.feature_transforms == ("log_return", "level")


def test_a_share_of_0_trains_on_all_days_before_the_test_part(tmp_path: Path) -> None:
    data = made(tmp_path, split=[0.7, 0, 0.3], backtest={"folds": 2})
    assert data._spans.parts == {"train": (0, 14), "val": (0, 14), "test": (14, 20)}
    assert any(
        "no validation part: val/ figures are those of the training days" in told for told in data.notices
    )
    data.open_test()
    assert [fold._spans.parts["train"] for fold in data.folds()] == [(0, 14), (0, 17)]
    assert [fold._spans.parts["val"] for fold in data.folds()] == [(0, 14), (0, 17)]
    with pytest.raises(UserError, match="give three positive shares"):
        StockPrices(split=[1.0, 0, 0])


def test_few_days_to_judge_by_are_told(tmp_path: Path) -> None:
    assert made(tmp_path).notices == [
        "the val part has few forecast days (2, fewer than 30): the choice of the checkpoint and val/ "
        "figures rest on them",
        "the test part has few forecast days (6, fewer than 30): test figures would be others on other "
        "data of the same kind",
    ]
    many = [100.0 + day for day in range(320)]
    for horizon, said in ((3, 0), (4, 2)):
        data = made(tmp_path, many, split=[0.8, 0.1, 0.1], horizon=horizon)
        assert sum("fewer than 30" in notice for notice in data.notices) == said


def test_the_sample_says_what_it_is() -> None:
    data = StockPrices(sample={"num_days": 50})
    data.setup()
    assert data.notices[0] == stock_prices.NOTICE
    data.open_test()
    table = data.table("test")
    assert len(table) == 50
    assert data.encoding.features == ("Open", "High", "Low", "Close", "Volume")
    opening, high, low, close, volume = (table.column(name) for name in stock_prices.PRICES)
    assert (high >= np.maximum(opening, close)).all()
    assert (low <= np.minimum(opening, close)).all()
    assert (volume > 0).all()
    with pytest.raises(UserError, match=r"data\.sample\.num_days=1: give at least 2"):
        StockPrices(sample={"num_days": 1}).setup()
