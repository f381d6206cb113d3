"""The data set and the Transformer in examples/: from training to every command, with no edit in src."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from seqlab.cli import main

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
CONF = str(EXAMPLES / "conf")
SMALL = (
    "model=sequence_transformer",
    "model.network.width=16",
    "model.network.num_layers=1",
    "optimizer.lr=0.01",
)
QUIET = ("trainer.enable_progress_bar=false", "logger=[]", "scheduler=constant")
VISITS = (
    {"visit": "a", "pages": ["home", "search", "item", "cart", "pay"]},
    {"visit": "b", "pages": ["home", "list", "item", "help"], "end": "asks"},
)


@pytest.fixture(autouse=True, scope="module")
def importable() -> Iterator[None]:
    """What PYTHONPATH=examples does, for this process and for those it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        patch.setenv("PYTHONPATH", str(EXAMPLES), prepend=":")
        yield


@pytest.fixture(scope="module")
def run(importable: None, call: Callable[..., Any], tmp_path_factory: Any) -> Any:
    folder = tmp_path_factory.mktemp("visits") / "run"
    found = call(folder, "--config-dir", CONF, *SMALL, *QUIET, "trainer.max_epochs=3", "verbose=true")
    assert found.code == 0, found.said
    return found


def test_it_is_judged_and_reported_by_its_own_nouns(run: Any) -> None:
    assert "note: Synthetic data: made-up visits to a shop, not people" in run.said
    assert "test visits of 3 labels" in run.said
    assert run.metrics["test/accuracy"] > 0.9 > run.metrics["baseline/majority/accuracy"]
    assert list(run.scores.columns) == ["visit", "label", "predicted", "probability"]
    assert "timing/train_visits_per_second" in run.metrics
    assert "nats per visit" in run.report


def test_its_leak_audit_is_its_own(run: Any) -> None:
    said = " ".join(run.said.split())  # whatever the width of the terminal
    assert "fitted: pages and ends on " in said
    assert "train and test: split at random, seed 0, equal visits together; median length" in said
    assert "hold a page that training never showed" in said
    assert run.metrics["audit/duplicate_share"] == 0
    assert ">Leak audit</h2>" in run.report


def test_it_predicts_new_visits(run: Any, tmp_path: Path) -> None:
    lines = "".join(json.dumps(visit) + "\n" for visit in VISITS)
    (tmp_path / "new.jsonl").write_text(lines, encoding="utf-8")
    best, out = str(run.folder / "checkpoints/best.ckpt"), tmp_path / "out.csv"
    assert main(["predict", best, str(tmp_path / "new.jsonl"), "--output", str(out)]) == 2
    trusted = ["--output", str(out), "--trust", "mylab"]
    assert main(["predict", best, str(tmp_path / "new.jsonl"), *trusted]) == 0
    assert pd.read_csv(out)[["visit", "predicted"]].to_numpy().tolist() == [["a", "buys"], ["b", "asks"]]


def test_a_line_that_is_no_visit_is_named(run: Any, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "new.jsonl").write_text('{"visit": "a", "pages": ["home"]}\n{}\n', encoding="utf-8")
    best = str(run.folder / "checkpoints/best.ckpt")
    assert main(["predict", best, str(tmp_path / "new.jsonl"), "--trust", "mylab"]) == 2
    assert "new.jsonl, line 2: not a visit; expected one visit a line" in capsys.readouterr().err


def test_it_exports(run: Any, tmp_path: Path, capsys: Any) -> None:
    """The export is compared with torch on several batches and lengths before it is kept."""
    best = str(run.folder / "checkpoints/best.ckpt")
    assert main(["export", best, "--output", str(tmp_path), "--trust", "mylab"]) == 0
    assert "largest difference from torch" in capsys.readouterr().out
    assert (tmp_path / "model.onnx").stat().st_size > 0


def test_it_is_resumed_and_compared(run: Any, call: Callable[..., Any], tmp_path: Path, capsys: Any) -> None:
    """--config-dir is not typed again; three epochs in two parts are three epochs in one."""
    begun = call(tmp_path / "run", "--config-dir", CONF, *SMALL, *QUIET, "trainer.max_epochs=1")
    assert begun.code == 0, begun.said
    again = (f"resume={tmp_path / 'run'}", "trainer.max_epochs=3")
    assert call(tmp_path / "run", *again).code == 2
    assert "code outside seqlab" in capsys.readouterr().err
    ended = call(tmp_path / "run", *again, "--trust", "mylab")
    assert ended.code == 0, ended.said
    assert "note: going on after step" in ended.said
    assert ended.metrics["val/loss"] == pytest.approx(run.metrics["val/loss"], abs=1e-6)
    shutil.copytree(run.folder, tmp_path / "whole")
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "whole"), str(tmp_path / "run")]) == 0
    said = capsys.readouterr()
    assert "accuracy" in said.out
    assert "nothing" not in said.err


def test_it_is_swept(tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.yaml").write_text(
        f"program: {EXAMPLES.parent}/train.py\nmethod: grid\n"
        "metric: {name: val/loss, goal: minimize}\n"
        "parameters: {model: {value: sequence_transformer}, model.network.width: {values: [4, 8]}}\n"
    )
    small = ("--set", "trainer.max_epochs=1", "data.sample.num_visits=100")
    where = ("--config-dir", CONF, "--output", str(tmp_path / "sweep"))
    assert main(["sweep", "space.yaml", *where, *small]) == 0
    trials = pd.read_csv(tmp_path / "sweep" / "trials.csv")
    assert len(trials) == 2
    assert trials.filter(like="width").to_numpy().ravel().tolist() in ([4, 8], [8, 4])


def test_it_is_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["tune", "--config-dir", CONF, *SMALL, "data.sample.num_visits=100"]) == 0
    said = capsys.readouterr().out
    assert f"go on with: seqlab train --config-dir {os.path.relpath(CONF)} model=sequence_transformer" in said
    assert "optimizer.lr=" in said
