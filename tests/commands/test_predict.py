"""From a log without labels to a model, and what `seqlab predict` takes of a new log."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from seqlab.cli import main
from seqlab.data.samples.hdfs_blocks import simulate_blocks
from seqlab.data.samples.hdfs_log import write_log


def log_of(folder: Path, num_blocks: int, seed: int) -> Path:
    log = folder / f"{seed}.log"
    write_log(simulate_blocks(num_blocks, 0.05, seed), log, folder / f"{seed}.csv")
    return log


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def run(folder: Path, call: Callable[..., Any]) -> Any:
    """A run on a log without labels."""
    assert main(["parse", str(log_of(folder, 300, 3)), "--output", str(folder / "parsed")]) == 0
    found = call(
        folder / "run",
        "model=gru",
        f"data.sessions={folder / 'parsed'}",
        "trainer.max_epochs=1",
        "trainer.enable_progress_bar=false",
        "model.network.hidden_size=8",
        "logger=none",
        "verbose=true",
    )
    assert found.code == 0, found.said
    return found


def test_a_run_without_labels_says_what_is_above_and_what_to_do_next(
    run: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "threshold  share above" in run.said
    assert "AUROC" not in run.said
    assert "not measured: no test session has a label" in run.said
    steps = [line.split() for line in run.said.splitlines()[-2:]]
    assert [step[0] for step in steps] == ["next:", "next:"]
    assert [step[1:3] for step in steps] == [["seqlab", "detect"], ["seqlab", "explain"]]
    assert "<pre>seqlab detect " in run.report
    assert "share above" in run.report
    new = log_of(folder, 60, 4)
    assert main([str(new) if word == "NEW.log" else word for word in steps[0][2:]]) == 0
    assert main(steps[1][2:]) == 0  # as it stands


def test_a_raw_log_is_refused_with_commands_that_work(
    run: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, new = str(folder / "run/checkpoints/best.ckpt"), log_of(folder, 60, 5)
    for command in ("predict", "calibrate"):
        assert main([command, checkpoint, str(new)]) == 2
        error = capsys.readouterr().err
        assert f"{new} is a raw log, not sessions of keys" in error
        assert f"`seqlab detect CHECKPOINT {new}`" in error
        assert error.count("\n") == 1
    told = error.split("or `seqlab ")[1].split("`")[0]
    parse = told.replace("DIR", str(folder / "new")).replace("TRAINED", str(folder / "parsed"))
    assert main(parse.split()) == 0
    output = folder / "out.csv"
    assert main(["predict", checkpoint, str(folder / "new"), "--output", str(output)]) == 0
    assert len(pd.read_csv(output)) == 60
