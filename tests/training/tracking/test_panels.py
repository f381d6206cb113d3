"""What each tracker makes of the same outcome, read back from its own files."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import colormaps
from mlflow.tracking import MlflowClient
from omegaconf import DictConfig
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqlab.results.outcome import CountPanel, HeatPanel, LinePanel, Outcome, ResultTable
from seqlab.training.run_folder import RunFolder
from seqlab.training.tracking import log_results, open_loggers

METRICS = {"test/accuracy": 0.75}
COUNTS = [[3, 1], [0, 4]]
PICTURES = {"Attention 1", "Who is who", "ROC"}


@dataclass(frozen=True)
class Known(Outcome):
    """A table with a figure that is not known, a confusion matrix, curves and a heat map."""

    metrics: dict[str, float] = field(default_factory=lambda: dict(METRICS))

    def score_table(self) -> dict[str, Any]:
        return {"name": ["a|b", "c"], "score": [0.5, 0.25]}

    def result_table(self) -> ResultTable:
        rows: list[Any] = [("model", [0.75, None])]
        return ResultTable("2 items", ("accuracy", "F1"), rows, [("majority", [0.5, 0.25])], [])

    def line_panels(self) -> dict[str, LinePanel]:
        return {"ROC": LinePanel("x", "y", {"ours": (np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.75, 1.0]))})}

    def count_panels(self) -> dict[str, CountPanel]:
        return {"Who is who": CountPanel(["한국어", "$x$"], np.array(COUNTS))}

    def heat_panels(self) -> list[HeatPanel]:
        weights = np.array([[0.5, 0.1, 1.0], [0.3, 0.1, 0.1]])
        return [
            HeatPanel("blk_1", "written", "read", ["5 Receiving " * 9, "<eos>"], ["a", "b", "c"], weights)
        ]


@pytest.fixture
def logged(composed: Callable[..., DictConfig], tmp_path: Path, store: str) -> Callable[[str], tuple]:
    """Logs ``Known`` with one logger: the run folder, and its id."""

    def log(name: str) -> tuple[Path, str]:
        folder, outcome = RunFolder(tmp_path, "gru", "hdfs_window"), Known()
        outcome.write_scores(folder.scores)
        words = [f"logger={name}", "logger.wandb.mode=offline"][: 1 + (name == "wandb")]
        words += [f"logger.mlflow.tracking_uri={store}"] * (name == "mlflow")
        with open_loggers(composed(*words), folder) as loggers:
            log_results(loggers, folder, outcome, METRICS, 7)
        return tmp_path, str(loggers[0].version)

    return log


def is_the_heat_map(picture: Image.Image) -> bool:
    """Whether the cells stand where they belong, seen from the middle of the darkest one."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)

    def near(color: float) -> Any:
        return np.abs(pixels - 255 * np.array(colormaps["Blues"](color)[:3])).max(axis=2) < 3

    rows, columns = np.nonzero(near(1.0))
    height, width = np.ptp(rows), np.ptp(columns)
    row, column = int(rows.mean()), int(columns.mean())
    cells = {(0, -1): 0.1, (0, -2): 0.5, (1, 0): 0.1, (1, -2): 0.3}
    return all(
        near(color)[row + down * height, column + right * width] for (down, right), color in cells.items()
    )


def test_wandb_draws_matrices_itself_and_shows_heat_maps(
    logged: Callable[[str], tuple[Path, str]], wandb_runs: Callable[[Path], list[Any]]
) -> None:
    folder, run_id = logged("wandb")
    (found,) = wandb_runs(folder)
    (files,) = folder.glob("wandb/offline-run-*/files")
    assert found.id == run_id

    def stored(key: str) -> Any:
        return json.loads((files / found.summary[f"{key}.path"]).read_text(encoding="utf-8"))

    matrix = stored("panels/Who is who_table")
    assert matrix["columns"] == ["Actual", "Predicted", "nPredictions"]
    names = ["한국어", "$x$"]
    assert matrix["data"] == [
        [gold, predicted, COUNTS[row][column]]
        for row, gold in enumerate(names)
        for column, predicted in enumerate(names)
    ]
    assert stored("panels/ROC_table")["data"] == [[0, "ours", 0], [0.5, "ours", 0.75], [1, "ours", 1]]
    assert stored("report/result_table")["data"] == [["model", 0.75, None], ["majority", 0.5, 0.25]]
    assert is_the_heat_map(Image.open(files / found.summary["panels/Attention 1.path"]))


def test_tensorboard_has_the_tables_as_text_and_the_pictures(
    logged: Callable[[str], tuple[Path, str]],
) -> None:
    folder, _ = logged("tensorboard")
    events = EventAccumulator(str(folder / "tensorboard"), {"images": 0, "tensors": 0}).Reload()
    assert set(events.Tags()["images"]) == {f"panels/{title}" for title in PICTURES}
    (picture,) = events.Images("panels/Attention 1")
    assert picture.step == 7
    assert is_the_heat_map(Image.open(io.BytesIO(picture.encoded_image_string)))

    def text(name: str) -> str:
        return events.Tensors(f"{name}/text_summary")[-1].tensor_proto.string_val[0].decode()

    table = text("report/result_table")
    assert table.splitlines() == [
        "| name | accuracy | F1 |",
        "| --- | --- | --- |",
        "| model | 0.75 |  |",
        "| majority | 0.5 | 0.25 |",
    ]
    assert "| a\\|b | 0.5 |" in text("report/scores")
    assert events.Scalars("test/accuracy")[-1].value == 0.75


def test_mlflow_keeps_the_table_and_the_pictures(
    logged: Callable[[str], tuple[Path, str]], store: str, tmp_path: Path
) -> None:
    _, run_id = logged("mlflow")
    client = MlflowClient(store)
    pictures = {Path(file.path).stem for file in client.list_artifacts(run_id, "panels")}
    assert pictures == PICTURES
    path = client.download_artifacts(run_id, "result_table.json", str(tmp_path))
    table = json.loads(Path(path).read_text(encoding="utf-8"))
    assert table == {
        "columns": ["name", "accuracy", "F1"],
        "data": [["model", 0.75, None], ["majority", 0.5, 0.25]],
    }
    picture = client.download_artifacts(run_id, "panels/Attention 1.png", str(tmp_path))
    assert is_the_heat_map(Image.open(picture))
