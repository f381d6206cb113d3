import json
import os
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import wandb
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback

from seqlab.training.checkpoints import KEY
from seqlab.training.run_folder import RunFolder
from seqlab.training.tracking import open_loggers

Call = Callable[..., Any]
Compose = Callable[..., DictConfig]
ReadRuns = Callable[[Path], list[Any]]
TINY = (
    "data.sample.num_blocks=120",
    "trainer.enable_progress_bar=false",
    "model.network.hidden_size=8",
    "detection.scores=[nll_max,combined]",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, call: Call) -> Any:
    """Two epochs, a figure at each step, with no key and no mode asked for."""
    folder = tmp_path_factory.mktemp("run")
    steps = ("trainer.max_epochs=2", "trainer.log_every_n_steps=1", "logger.wandb.tags=[small]")
    return call(folder, "logger=[csv,wandb]", *steps, "logger.wandb.table_rows=5", *TINY)


def test_without_a_key_one_line_says_that_the_run_stays_on_disk(run: Any) -> None:
    assert run.code == 0
    assert len(re.findall("^note: W&B has no API key", run.said, flags=re.MULTILINE)) == 1
    assert not {"WANDB_MODE", "WANDB_DATA_DIR"} & set(os.environ)
    assert (run.folder / "metrics.csv").exists()


def test_the_offline_file_holds_config_history_and_summary(run: Any, wandb_runs: ReadRuns) -> None:
    (found,) = wandb_runs(run.folder)
    assert (found.project, found.tags) == ("seqlab", ["small"])
    changed = "max_epochs=2 log_every_n_steps=1 num_blocks=120 hidden_size=8 scores=[nll_max,combined]"
    assert found.name == f"gru-hdfs_window {changed} seed=0"
    assert found.group == f"gru-hdfs_window {changed}"
    config: Any = OmegaConf.to_container(OmegaConf.load(run.folder / ".hydra/config.yaml"), resolve=True)
    assert {name: found.config[name] for name in config} == config

    def column(name: str, axis: str) -> list[float]:
        return [row[axis] for row in found.history if name in row]

    assert column("train/step_loss", "trainer/global_step") == [0, 1, 2, 3]
    for name in ("train/loss", "val/loss"):
        assert column(name, "epoch") == [0, 1]
    assert {name: found.summary[name] for name in run.metrics} == pytest.approx(run.metrics)
    assert found.exit_code == 0


def test_tables_and_pictures_of_the_report_are_media(run: Any, wandb_runs: ReadRuns) -> None:
    (found,) = wandb_runs(run.folder)
    (files,) = run.folder.glob("wandb/offline-run-*/files")

    def media(title: str) -> str:
        return (files / found.summary[f"report/{title}.path"]).read_text(encoding="utf-8")

    assert media("page") == run.report
    drawn = media("What the threshold finds")
    assert drawn.count('<svg viewBox="0 0 400') == 2
    assert "<style>" in drawn
    assert "No single key stands out" not in drawn
    table = json.loads(media("result_table"))
    assert table["columns"][:3] == ["name", "AUROC", "AP"]
    assert {row[0] for row in table["data"]} >= {"nll_max", "2-gram"}
    scores = json.loads(media("scores"))
    assert len(scores["data"]) == 5
    assert [row[0] for row in scores["data"]] == run.scores["block_id"][:5].tolist()


def test_curves_are_panels_that_wandb_draws(run: Any, wandb_runs: ReadRuns) -> None:
    (found,) = wandb_runs(run.folder)
    (files,) = run.folder.glob("wandb/offline-run-*/files")

    def drawn(title: str) -> dict[str, list[list[float]]]:
        name = next(
            value for key, value in found.summary.items() if title in key and key.endswith("_table.path")
        )
        lines: dict[str, list[list[float]]] = {}
        for x, key, y in json.loads((files / name).read_text(encoding="utf-8"))["data"]:
            lines.setdefault(key, []).append([x, y])
        return lines

    roc = drawn("panels/ROC")
    assert {"combined", "2-gram", "length"} <= set(roc)
    for points in roc.values():
        assert (points[0], points[-1]) == ([0, 0], [1, 1])
        assert len(points) <= 200
    x, y = zip(*roc["combined"], strict=True)
    assert np.trapezoid(y, x) == pytest.approx(run.metrics["test/combined/auroc"], abs=1e-3)
    assert drawn("panels/Precision-recall")["combined"][-1][0] == 1


def test_the_best_checkpoint_is_an_artifact_and_all_files_lie_in_the_run_folder(
    run: Any, wandb_runs: ReadRuns
) -> None:
    (found,) = wandb_runs(run.folder)
    artifact = found.artifacts["gru-hdfs_window"]
    (file,) = artifact.manifest.contents
    assert (file.path, Path(file.local_path)) == ("best.ckpt", run.folder / "checkpoints/best.ckpt")
    assert json.loads(artifact.metadata)["val/loss"] == run.metrics["val/loss"]
    assert "judge" in torch.load(file.local_path, weights_only=True)[KEY]
    assert len(found.artifacts) == 5
    for each in found.artifacts.values():
        for file in each.manifest.contents:
            assert Path(file.local_path).is_relative_to(run.folder)
            assert Path(file.local_path).exists()


def test_the_run_id_is_in_both_checkpoints(run: Any, wandb_runs: ReadRuns) -> None:
    (found,) = wandb_runs(run.folder)
    for name in ("best", "last"):
        checkpoint = torch.load(run.folder / f"checkpoints/{name}.ckpt", weights_only=True)
        assert checkpoint[KEY]["trackers"] == {"wandb": found.id}


class FailsOnce(Callback):
    """Ends the run of seed 0 in its second epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 1 and os.environ["PL_GLOBAL_SEED"] == "0":
            raise RuntimeError("in the middle")


def test_runs_of_a_multirun_are_apart_even_where_one_fails(
    tmp_path: Path, call: Call, wandb_runs: ReadRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("failing")
    module.FailsOnce = FailsOnce  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "failing", module)
    failing = "+callbacks.extra.failing._target_=failing.FailsOnce"
    quick = ("logger.wandb.log_model=false", "logger.wandb.log_report=false", "trainer.max_epochs=2", *TINY)
    with pytest.raises(RuntimeError, match="in the middle"):
        call(tmp_path, "-m", "seed=0,1", "logger=wandb", failing, *quick, f"hydra.sweep.dir={tmp_path}")
    first, second = (wandb_runs(tmp_path / name) for name in ("0", "1"))
    assert [(each.config["seed"], each.exit_code) for each in (*first, *second)] == [(0, 1), (1, 0)]
    assert first[0].id != second[0].id
    assert [row["epoch"] for row in first[0].history if "val/loss" in row] == [0]
    assert [row["epoch"] for row in second[0].history if "val/loss" in row] == [0, 1]
    assert "test/auroc" not in first[0].summary
    assert "test/auroc" in second[0].summary
    assert not second[0].artifacts
    assert not any(name.startswith("report/") for name in second[0].summary)


def test_a_disabled_run_writes_nothing(tmp_path: Path, call: Call) -> None:
    quick = ("logger.wandb.mode=disabled", "trainer.max_epochs=1", *TINY)
    run = call(tmp_path, "logger=wandb", *quick)
    assert run.code == 0
    assert "note: W&B" not in run.said
    assert not list(run.folder.rglob("*.wandb"))
    assert run.metrics["test/auroc"] >= 0


def test_a_wrong_mode_is_one_message(tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "logger=wandb", "logger.wandb.mode=of", *TINY).code == 2
    assert capsys.readouterr().err.startswith("error: logger.wandb.mode=of: choose online, offline, disabled")


def test_a_run_goes_on_under_its_id(composed: Compose, tmp_path: Path, wandb_runs: ReadRuns) -> None:
    config = composed("logger=wandb", "logger.wandb.mode=offline")
    folder = RunFolder(tmp_path, "gru", "hdfs_window")
    with open_loggers(config, folder, {"wandb": "before42"}) as (tracker,):
        tracker.log_metrics({"val/loss": 0.5}, step=3)
    (found,) = wandb_runs(tmp_path)
    assert found.id == tracker.version == "before42"
    assert found.history[0]["val/loss"] == 0.5


@pytest.mark.soak  # twenty seconds of waiting
def test_a_server_that_never_answers_leaves_the_run_on_disk(
    composed: Compose,
    tmp_path: Path,
    wandb_runs: ReadRuns,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
        wandb.teardown()  # it reads the environment once in a process
        config = composed("logger=wandb", "logger.wandb.init_timeout=1")
        with open_loggers(config, RunFolder(tmp_path, "gru", "hdfs_window")) as (tracker,):
            tracker.log_metrics({"val/loss": 0.5}, step=3)
        wandb.teardown()
    (found,) = wandb_runs(tmp_path)
    assert found.exit_code == 0
    assert found.history[0]["val/loss"] == 0.5
    assert "note: W&B did not start the run" in capsys.readouterr().out
