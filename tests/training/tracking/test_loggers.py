import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from mlflow.tracking import MlflowClient
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.util.tensor_util import make_ndarray

from seqlab.errors import UserError
from seqlab.training.checkpoints import KEY
from seqlab.training.run_folder import RunFolder
from seqlab.training.tracking import MetricsCsv, build_loggers, open_loggers
from seqlab.training.tracking.mlflow import MlflowTracker
from seqlab.training.tracking.tensorboard import TensorBoardTracker
from seqlab.training.tracking.wandb import WandbTracker

Call = Callable[..., Any]
Compose = Callable[..., DictConfig]
LOGGERS = ("csv", "wandb", "mlflow")  # TensorBoard's own passes what it does not know to its writer


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path, "gru", "hdfs_window")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, call: Call, store: str) -> Any:
    """Two epochs for TensorBoard and MLflow, a figure at each step."""
    return call(
        tmp_path_factory.mktemp("run"),
        "logger=[tensorboard,mlflow,csv]",
        "notes=as published",
        "tags=[paper]",
        f"logger.mlflow.tracking_uri={store}",
        "logger.mlflow.log_model=true",
        "data.sample.num_blocks=120",
        "trainer.max_epochs=2",
        "trainer.log_every_n_steps=1",
        "trainer.enable_progress_bar=false",
        "model.network.hidden_size=8",
        "detection.scores=[nll_max,combined]",
    )


@pytest.mark.parametrize(
    ("override", "kinds"),
    [
        ("logger=csv", [MetricsCsv]),
        ("logger=wandb", [WandbTracker]),
        ("logger=[csv,wandb]", [MetricsCsv, WandbTracker]),
        ("logger=[wandb,tensorboard]", [WandbTracker, TensorBoardTracker]),
        ("logger=[]", []),
        ("logger=none", []),
    ],
)
def test_one_several_or_none(
    composed: Compose,
    folder: RunFolder,
    override: str,
    kinds: list[type],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert [type(each) for each in build_loggers(composed(override).logger, folder)] == kinds


def test_name_notes_and_tags_are_those_of_the_run(
    composed: Compose, folder: RunFolder, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    words = ("name=base", "notes='a longer window'", "tags=[paper,hdfs]")
    config = composed("logger=[wandb,mlflow]", *words, f"logger.mlflow.tracking_uri={store}")
    wandb, mlflow = build_loggers(config.logger, folder, run_name="gru-seed0")
    assert isinstance(wandb, WandbTracker)
    settings = wandb._wandb_init
    assert (settings["name"], settings["notes"], settings["tags"]) == (
        *("base", "a longer window", ["paper", "hdfs"]),
    )
    assert mlflow._run_name == "base"
    assert mlflow.tags == {"paper": "true", "hdfs": "true", "mlflow.note.content": "a longer window"}


def test_figures_by_step_and_epoch_are_in_the_event_files(run: Any) -> None:
    assert run.code == 0
    events = EventAccumulator(str(run.folder / "tensorboard")).Reload()
    steps = [(event.step, event.value) for event in events.Scalars("train/step_loss")]
    assert [step for step, _ in steps] == [0, 1, 2, 3]
    assert steps[0][1] != steps[-1][1]
    assert [event.step for event in events.Scalars("train/loss")] == [1, 3]
    for name, value in run.metrics.items():
        assert events.Scalars(name)[-1].value == pytest.approx(value, rel=1e-6)


def test_curves_and_settings_are_in_the_event_files(run: Any) -> None:
    events = EventAccumulator(str(run.folder / "tensorboard"), {"tensors": 0}).Reload()
    curves = events.summary_metadata
    assert {"curves/combined", "curves/2-gram"} <= {
        name for name, each in curves.items() if each.plugin_data.plugin_name == "pr_curves"
    }
    found, false, _, missed, precision, recall = make_ndarray(
        events.Tensors("curves/combined")[-1].tensor_proto
    )
    abnormal = found[0]
    assert (found + missed == abnormal).all()
    assert (recall[0], recall[-1], found[-1], false[-1]) == (1, 0, 0, 0)
    np.testing.assert_allclose(recall, found / abnormal)
    some = found > 0
    np.testing.assert_allclose(precision[some], (found / np.maximum(found + false, 1))[some], rtol=1e-5)
    area = -np.trapezoid(precision, recall)
    assert area == pytest.approx(run.metrics["test/average_precision"], abs=0.05)
    start = HParamsPluginData.FromString(
        curves["_hparams_/session_start_info"].plugin_data.content
    ).session_start_info
    assert start.hparams["model/network/hidden_size"].number_value == 8


def test_an_mlflow_run_is_read_back_without_a_server(run: Any, store: str) -> None:
    client = MlflowClient(store)
    baggage = torch.load(run.folder / "checkpoints/best.ckpt", weights_only=True)[KEY]
    found = client.get_run(baggage["trackers"]["mlflow"])
    assert found.info.status == "FINISHED"
    assert re.fullmatch("gru-hdfs_window .*hidden_size=8.* seed=0", found.info.run_name)
    assert (found.data.tags["paper"], found.data.tags["mlflow.note.content"]) == ("true", "as published")
    assert "; as published; #paper</p>" in (run.folder / "report.html").read_text(encoding="utf-8")
    assert found.data.params["model/network/hidden_size"] == "8"
    assert {name: found.data.metrics[name] for name in run.metrics} == pytest.approx(run.metrics)
    history = client.get_metric_history(found.info.run_id, "train/step_loss")
    assert sorted(figure.step for figure in history) == [0, 1, 2, 3]
    stored = {file.path for file in client.list_artifacts(found.info.run_id)}
    assert stored == {"best.ckpt", "report.html", "scores.csv", "result_table.json", "panels"}


def test_an_mlflow_run_goes_on_and_says_how_it_ended(
    composed: Compose, folder: RunFolder, store: str
) -> None:
    client = MlflowClient(store)
    chosen = ("logger=mlflow", f"logger.mlflow.tracking_uri={store}")
    started: list[Logger] = []

    def fail() -> None:
        with open_loggers(composed(*chosen), folder) as loggers:
            started.extend(loggers)
            loggers[0].log_metrics({"val/loss": 0.5}, step=1)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    run_id = str(started[0].version)
    assert client.get_run(run_id).info.status == "FAILED"
    with open_loggers(composed(*chosen, "seed=1"), folder, {"mlflow": run_id}) as (again,):
        again.log_metrics({"val/loss": 0.25}, step=2)
    found = client.get_run(run_id)
    assert (found.info.status, found.data.params["seed"]) == ("FINISHED", "0")
    assert [figure.value for figure in client.get_metric_history(run_id, "val/loss")] == [0.5, 0.25]


def test_a_server_in_the_environment_wins_over_the_file(
    composed: Compose, folder: RunFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    (tracker,) = build_loggers(composed("logger=mlflow").logger, folder)
    assert isinstance(tracker, MlflowTracker)
    assert tracker._tracking_uri == "http://127.0.0.1:9"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("logger", "package"), [("tensorboard", "tensorboard"), ("mlflow", "sqlalchemy")])
def test_a_missing_package_is_told_with_the_command(
    composed: Compose, folder: RunFolder, monkeypatch: pytest.MonkeyPatch, logger: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError) as caught:
        build_loggers(composed(f"logger={logger}").logger, folder)
    assert str(caught.value) == (
        f"logger={logger}: not installed: {package}; pip install -e '.[{logger}]', or choose logger=csv"
    )


@pytest.mark.parametrize("logger", LOGGERS)
def test_an_argument_that_none_takes_is_told(composed: Compose, folder: RunFolder, logger: str) -> None:
    config = composed(f"logger={logger}", f"+logger.{logger}.save_dirs=x")
    with pytest.raises(UserError, match=rf"^logger\.{logger}\.save_dirs: .* did you mean save_dir"):
        build_loggers(config.logger, folder)


def test_a_run_of_one_batch_is_logged_nowhere(composed: Compose, folder: RunFolder) -> None:
    with open_loggers(composed("logger=[csv,wandb]", "trainer.fast_dev_run=true"), folder) as loggers:
        assert loggers == []
    assert not list(folder.path.iterdir())


def is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return type(value) is dict and all(is_plain(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return type(value) in (list, tuple) and all(map(is_plain, value))
    return value is None or type(value) in (bool, int, float, str)


def test_hyperparameters_and_baggage_are_plain_values(run: Any) -> None:
    for path in (run.folder / "hparams.yaml", run.folder / "tensorboard/hparams.yaml"):
        text = path.read_text(encoding="utf-8")
        assert "!!python" not in text
        assert is_plain(yaml.safe_load(text))
    for name in ("best", "last"):
        checkpoint = torch.load(run.folder / f"checkpoints/{name}.ckpt", weights_only=True)
        assert is_plain(checkpoint[KEY]["trackers"])
        assert is_plain(checkpoint[KEY]["model"])
        assert is_plain(checkpoint.get("hyper_parameters", {}))
