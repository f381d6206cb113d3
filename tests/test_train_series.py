"""Tiny runs of model=lstm data=series on a panel of a file: figures, report, prediction."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from seqlab.cli import main

Call = Callable[..., Any]
QUICK = (
    "model=lstm",
    "data=series",
    "model.network.hidden_size=3",
    "model.network.num_readers=1",
    "logger=none",
    "trainer.max_epochs=1",
    "data.seq_length=7",
    "data.horizon=3",
)


def panel(path: Path, days: int = 80, future: int = 0, names: tuple[str, ...] = ("A", "B")) -> Path:
    """Days of two shops with a week's shape; after them rows that know the holiday alone."""
    dates = pd.date_range("2024-01-01", periods=days + future).strftime("%Y-%m-%d")
    lines = ["shop,day,sales,visits,holiday"]
    for number, name in enumerate(names):
        for day, date in enumerate(dates):
            sales = (10 + day % 7) * 10**number + (day * 7919) % 3
            known = f"{sales},{2 * sales}" if day < days else ","
            lines.append(f"{name},{date},{known},{int(day % 10 == 0)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_panel_with_known_columns_is_trained_judged_and_forecast(
    tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    path = panel(tmp_path / "shops.csv")
    settings = (f"data.path={path}", "data.id=shop", "data.targets=[sales,visits]", "data.known=[holiday]")
    call(tmp_path / "run", *QUICK, *settings, "data.backtest.folds=2")
    run = tmp_path / "run"
    figures = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    for name in ("test", "baseline/last_value", "baseline/seasonal_naive", "baseline/drift", "backtest/mean"):
        assert figures[f"{name}/mase"] > 0
    assert figures["baseline/seasonal_naive/step_3/mase"] > 0
    assert figures["backtest/fold_1/train_days"] < figures["backtest/fold_2/train_days"]
    scores = pd.read_csv(run / "scores.csv")
    assert set(scores["series"]) == {"A sales", "A visits", "B sales", "B visits"}
    one = scores[scores["series"] == "B visits"]
    error = (one["truth"] - one["forecast"]).abs().mean()
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Worst series" in page
    assert "days ahead" in page
    assert error > 0
    out = tmp_path / "out.csv"
    command = ["predict", str(run / "checkpoints" / "best.ckpt"), "NEW", "--output", str(out)]
    capsys.readouterr()
    command[2] = str(panel(tmp_path / "short.csv", future=2))
    assert main(command) == 2
    assert (
        "2 whole rows of holiday follow the last known sales or visits (series A, B), the forecast needs 3"
        in (capsys.readouterr().err)
    )
    command[2] = str(panel(tmp_path / "new.csv", future=4, names=("A", "C")))
    assert main(command) == 0
    rows = pd.read_csv(out)
    assert rows["series"].tolist() == ["A"] * 6 + ["C"] * 6
    assert rows["target"].tolist() == ["sales"] * 3 + ["visits"] * 3 + ["sales"] * 3 + ["visits"] * 3
    assert rows["date"].tolist()[:3] == ["2024-03-21", "2024-03-22", "2024-03-23"]
    assert set(rows["last_date"]) == {"2024-03-20"}
    assert np.isfinite(rows[["forecast", "lower", "upper"]].to_numpy()).all()
    # C is ten times as large as A: its forecasts are on scales of its own
    assert rows.loc[6:8, "forecast"].mean() > 5 * rows.loc[0:2, "forecast"].mean()


def test_the_sample_runs_and_one_series_has_a_picture_of_its_own(tmp_path: Path, call: Call) -> None:
    small = ("data.sample.num_series=1", "data.sample.num_weeks=2", "data.known=[]")
    call(tmp_path / "run", *QUICK, *small)
    figures = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert figures["test/skill"] == pytest.approx(
        1 - figures["test/mae"] / figures["baseline/last_value/mae"]
    )
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "synthetic" in page
    assert "hours ahead" in page
    assert "Worst series" not in page
