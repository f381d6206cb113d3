from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from omegaconf import DictConfig

from seqlab.cli import main
from seqlab.commands.tune import train_command_line
from seqlab.data.module import SequenceDataModule
from seqlab.training.tuning import BatchRow, RateTest, suggested_size

Call = Callable[..., Any]
SMALL = ("model=gru_ae", "model.network.hidden_size=16", "data.sample.num_blocks=300")


def suggestion(said: str) -> dict[str, str]:
    """Overrides of the command line that was suggested."""
    line = next(line for line in said.splitlines() if line.startswith("go on with: "))
    assert line.startswith("go on with: python train.py ")
    return dict(part.split("=", 1) for part in line.split(" ")[5:])


@pytest.mark.soak
def test_the_rate_that_is_found_trains_better_than_a_hundredth_and_a_hundredfold_of_it(
    tmp_path: Path, call: Call, capsys: pytest.CaptureFixture, composed: Callable[..., DictConfig]
) -> None:
    assert main(("tune", "--lr", *SMALL, "--output", str(tmp_path / "tune"))) == 0
    found = suggestion(capsys.readouterr().out)
    assert list(found) == ["model", "model.network.hidden_size", "data.sample.num_blocks", "optimizer.lr"]
    overrides = [f"{key}={value}" for key, value in found.items()]
    rate = float(found["optimizer.lr"])
    assert 1e-4 < rate < 1e-1
    assert composed(*overrides).optimizer.lr == rate
    page = (tmp_path / "tune/tune.html").read_text(encoding="utf-8")
    assert "python train.py model=gru_ae" in page
    assert "<svg" in page
    losses = []
    for factor in (0.01, 1, 100):
        settings = (
            f"optimizer.lr={rate * factor}",
            "trainer.max_epochs=4",
            "trainer.enable_progress_bar=false",
        )
        call(tmp_path / str(factor), *SMALL, *settings, "scheduler=constant")
        table = pd.read_csv(tmp_path / str(factor) / "metrics.csv")
        losses.append(table["train/loss"].dropna().iloc[-1])
    assert losses[1] < losses[0]
    assert losses[1] < losses[2]


def test_both_are_found_in_one_go_and_neither_val_nor_test_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = set()
    check = SequenceDataModule.check_access
    monkeypatch.setattr(
        SequenceDataModule, "check_access", lambda self, split: (asked.add(split), check(self, split))[1]
    )
    # a rate and a size that are given are replaced; so is a mode of debugging
    given = ("optimizer.lr=7", "data.batch_size=3", "trainer.overfit=1", "trainer.max_epochs=1")
    options = ("--seconds", "0.05", "--steps", "30", "--output", str(tmp_path / "tune"))
    assert main(("tune", *SMALL, *given, *options)) == 0
    said = capsys.readouterr().out
    found = suggestion(said)
    assert int(found["data.batch_size"]) in (16, 32)  # 200 sessions: 32 leave fewer than 10 steps
    assert 1e-7 <= float(found["optimizer.lr"]) <= 1
    assert said.count("optimizer.lr=") == said.count("data.batch_size=") == 1
    assert asked == {"train"}
    assert {path.name for path in (tmp_path / "tune").iterdir()} == {"tune.html"}


def test_a_text_that_is_read_as_streams_has_a_number_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    options = ("--batch-size", "--seconds", "0.05", "--output", str(tmp_path))
    assert main(("tune", "model=char_rnn", "data.mode=streams", *options)) == 0
    assert "data.num_streams" in suggestion(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("model=gru", "data=stock"), "model=gru takes WindowBatch, data=stock gives SeriesBatch"),
        (("model=gruu",), "model=gruu: choose char_rnn, "),
        (("optimizer.lrr=3",), "optimizer.lrr: no such key; did you mean optimizer.lr?"),
        (("--lr", "--steps", "5", "data.sample.num_blocks=60"), "--steps 5: give at least 30"),
        (("trainer.gpus=-1",), "trainer.gpus=-1: give 0 for the CPU"),
    ],
)
def test_a_mistake_is_one_message_and_code_two(
    arguments: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(("tune", *arguments, "--output", str(tmp_path / "tune"))) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")


def test_the_command_line_quotes_what_a_shell_would_read_otherwise() -> None:
    line = train_command_line(["data.path='a b.txt'", "+optimizer.lr=1"], {"optimizer.lr": "0.02"})
    assert line == """python train.py 'data.path='"'"'a b.txt'"'"'' optimizer.lr=0.02"""


def test_suggestions_follow_their_rules() -> None:
    rates = np.geomspace(1e-6, 10.0, 71)
    losses = np.concatenate((np.linspace(3, 1, 51), np.linspace(1.5, 9, 20)))
    test = RateTest(rates, losses)
    assert test.smoothed[0] == pytest.approx(3.0)
    assert test.smoothed[1] == pytest.approx((0.9 * 3.0 + losses[1]) / 1.9)
    assert test.suggestion == pytest.approx(rates[np.argmin(test.smoothed)] / 10)
    rows = [BatchRow(16, 90, 50.0), BatchRow(32, 45, 91.0), BatchRow(64, 23, 100.0)]
    assert suggested_size(rows) == 32
    assert suggested_size(rows[:1]) == 16
