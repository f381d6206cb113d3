"""An evaluation of another package: it trains, tests, predicts and has a picture in the report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import main

CODE = """
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from seqlab.evaluation.base import Evaluation, NothingFitted
from seqlab.report.page import Section
from seqlab.results.outcome import Outcome, ResultTable


@dataclass(frozen=True)
class Counted(Outcome):
    metrics: dict

    def score_table(self):
        return {"names": [40]}

    def result_table(self):
        return ResultTable("names", ("names",), [("mine", [self.metrics["test/names"]])], [], [])


class Judge(Evaluation):
    def __init__(self, factor=1):
        self.factor = factor

    def fit(self, task, datamodule):
        return NothingFitted(), {"val/loss": 1.0}

    def test(self, task, datamodule, judge):
        return Counted({"test/names": float(self.factor * len(datamodule.items("test")))})

    def predict(self, task, contents, path):
        return pd.DataFrame({"line": path.read_text(encoding="utf-8").split(), "factor": self.factor})

    def sections(self, task, datamodule, outcome, curves):
        return [Section("My picture", Markup("<p>drawn</p>"))]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the package in it and on the path."""
    (tmp_path / "labjudge.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "new.txt").write_text("a\nb\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_evaluation_of_another_package_trains_predicts_and_reports(
    folder: Path, call: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    run = call(
        folder / "run",
        "model=name_classifier",
        "data.sample.num_names=120",
        "model.network.hidden_size=4",
        "trainer.max_epochs=1",
        "evaluation._target_=labjudge.Judge",
        "+evaluation.factor=2",
    )
    assert run.code == 0, run.said
    assert run.metrics["test/names"] % 2 == 0
    assert "note: opening its checkpoints needs --trust labjudge" in run.said
    assert ">My picture</h2>" in run.report
    assert "\nevaluation:\n" in run.report
    assert "\ndetection:\n" not in run.report  # settings of a kind that is not used
    checkpoint = str(run.folder / "checkpoints/best.ckpt")
    capsys.readouterr()
    assert main(["predict", checkpoint, "new.txt"]) == 2
    assert "it names labjudge.Judge, code outside seqlab, which was not run" in capsys.readouterr().err
    assert main(["predict", checkpoint, "new.txt", "--trust", "labjudge"]) == 0
    assert capsys.readouterr().out == "line,factor\na,2\nb,2\n"
