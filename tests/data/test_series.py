from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqlab.data.module import TestSetLockedError
from seqlab.data.series import TimeSeries
from seqlab.errors import UserError


def written(folder: Path) -> Path:
    """Two series of 20 steps: A is 0, 1, 2, ... and B 1000, 1010, ...; w of step t is t."""
    lines = [f"{name},{step},{base + slope * step},{-step},{step}" for name, base, slope in
             (("A", 0, 1), ("B", 1000, 10)) for step in range(20)]  # fmt: skip
    path = folder / "panel.csv"
    path.write_text("\n".join(["unique_id,ds,y,z,w", *lines]) + "\n", encoding="utf-8")
    return path


def made(folder: Path, **settings: Any) -> TimeSeries:
    basic = {"path": written(folder), "seq_length": 3, "horizon": 2, "scaling": "minmax"}
    data = TimeSeries(**basic | {"target_transform": "level"} | settings)
    data.setup()
    return data


def test_windows_of_a_panel_cross_no_series_and_have_scales_of_their_own(tmp_path: Path) -> None:
    data = made(tmp_path)
    windows = data.windows("train")
    # 12 training steps: the first forecast begins at step 3, the last at 10, in each of the two series
    assert windows.table.tolist() == [0] * 8 + [1] * 8
    assert windows.first_rows.tolist() == [*range(3, 11)] * 2
    # A goes from 0 to 11 and B from 1000 to 1110 while training: on the network's scale they are alike
    np.testing.assert_allclose(windows.inputs[0, :, 0], np.array([0, 1, 2]) / 11, rtol=1e-6)
    np.testing.assert_allclose(windows.inputs[:8], windows.inputs[8:], atol=1e-6)
    np.testing.assert_allclose(windows.targets[:8], windows.targets[8:], atol=1e-6)
    assert windows.truth[[7, 8]].tolist() == [[10, 11], [1030, 1040]]
    assert data.names == ("A", "B")
    assert data.naive_errors().tolist() == [1, 10]
    data.open_test()
    test = data.windows("test")
    assert test.truth[[0, -1]].tolist() == [[14, 15], [1180, 1190]]


def test_several_targets_are_forecasts_of_series_of_their_own(tmp_path: Path) -> None:
    data = made(tmp_path, targets=["y", "z"], target_transform="difference")
    windows = data.windows("train")
    assert data.sizes == {"num_features": 2, "horizon": 2, "num_targets": 2, "num_known": 0}
    assert data.names == ("A y", "A z", "B y", "B z")
    assert windows.series.tolist() == [0, 1] * 8 + [2, 3] * 8
    assert windows.truth[:2].tolist() == [[3, 4], [-3, -4]]
    assert windows.last[0].tolist() == [2, -2]
    # of y the changes 1 and 2 are the largest, of z -1 and -2
    np.testing.assert_allclose(windows.targets[0], [1, 1, -1, -1])
    from seqlab.data.series_encoding import values_of

    back = values_of(data.encodings, torch.from_numpy(windows.targets)[..., None], windows)
    np.testing.assert_allclose(back[..., 0], windows.truth)


def test_known_columns_are_those_of_the_forecast_steps(tmp_path: Path) -> None:
    data = made(tmp_path, known=["w"], feature_transform="difference")
    windows = data.windows("train")
    assert data.encodings[0].feature_transforms == ("difference", "level")
    assert windows.known.shape == (14, 2, 1)  # a change needs one row more
    scaler = data.encodings[0].input_scaler
    steps = windows.known[..., 0] * scaler.scale[1] + scaler.offset[1]
    np.testing.assert_allclose(steps[:7], [[row, row + 1] for row in range(4, 11)], rtol=1e-5)
    past = windows.inputs[..., 1] * scaler.scale[1] + scaler.offset[1]
    np.testing.assert_allclose(past[0], [1, 2, 3], rtol=1e-5)
    batch = next(iter(data.train_dataloader()))
    assert batch.known.shape == (14, 2, 1)


def test_series_of_other_lengths_are_split_at_the_same_times(tmp_path: Path) -> None:
    path = written(tmp_path)
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, *lines[:20], *lines[25:], "C,18,1,1,1", "C,19,1,1,1"]), encoding="utf-8")
    data = TimeSeries(path=path, seq_length=3, horizon=2)
    data.setup()
    assert data.names == ("A", "B")
    assert any("1 of 3 series have fewer than 5 rows in the training part and were left out: C" in told
               for told in data.notices)  # fmt: skip
    assert data.train_ends() == [12, 7]  # B begins at step 5
    data.open_test()
    assert [len(table) for table in data.tables("test")] == [20, 15]
    assert data.windows("test").first_rows.tolist() == [14, 15, 16, 17, 18, 9, 10, 11, 12, 13]


def test_folds_have_scales_of_what_came_before(tmp_path: Path) -> None:
    data = made(tmp_path, backtest={"folds": 2})
    with pytest.raises(TestSetLockedError):
        data.folds()
    data.open_test()
    first, second = data.folds()
    assert second.encodings[1].input_scaler.scale[0] > first.encodings[1].input_scaler.scale[0]
    assert data.encodings[1].input_scaler.scale[0] == first.encodings[1].input_scaler.scale[0] == 110
    with pytest.raises(TestSetLockedError):
        second.windows("test")


def test_the_sample_says_that_it_is_synthetic_and_has_its_seasons() -> None:
    data = TimeSeries(sample={"num_series": 2, "num_weeks": 3, "seed": 1})
    data.setup()
    assert "synthetic" in data.notices[0]
    assert (data.season, data.noun) == (24, "hours")
    assert data.encodings[0].known == ("weekend", "promotion")
    again = TimeSeries(sample={"num_series": 2, "num_weeks": 3, "seed": 1})
    again.setup()
    assert again.encodings[0].state() == data.encodings[0].state()
    assert TimeSeries(known=[], sample={"num_weeks": 3}).read().columns.known == ()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"targets": "y"}, r"data\.targets=y: give a list, like data\.targets=\[y\]"),
        ({"targets": []}, r"data\.targets=\[\]: name at least one"),
        ({"season": "weekly"}, r"data\.season=weekly: give a number of steps"),
        ({"missing": "guess"}, r"data\.missing=guess: choose error, drop"),
        ({"known": ["y"]}, r"data\.known=y: the target's own future is not known"),
        ({"sample": {"num_weeks": 1}}, r"data\.sample\.num_weeks=1"),
    ],
)
def test_settings_out_of_range_are_told(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        TimeSeries(**settings).setup()
