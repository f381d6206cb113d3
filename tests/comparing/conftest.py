"""Run folders with the files that a real run leaves, and figures written for the tests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONFIG = {
    "seed": 0,
    "data": {
        "_target_": "seqlab.data.session_windows.SessionWindows",
        "seed": 0,
        "sample": {"seed": 0},
    },
    "optimizer": {"_target_": "torch.optim.Adam", "lr": 0.01},
    "model": {"_target_": "seqlab.tasks.next_event.NextEvent", "network": {"hidden_size": 8}},
    "monitor": {"metric": "val/loss", "mode": "min"},
    "logger": {"csv": {"name": ""}},
}
MakeRun = Callable[..., Path]


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """The config of all test runs with other values: ``{"optimizer.lr": 0.1}``."""
    config = json.loads(json.dumps(CONFIG))
    for key, value in flat.items():
        *parents, last = key.split(".")
        place = config
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return config


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes a run folder below ``tmp_path/runs``; ``metrics=None`` is a run that has not finished."""

    def make(
        name: str,
        metrics: dict[str, Any] | None,
        flat: dict[str, Any] | None = None,
        *,
        model: str = "gru",
        scores: str | None = None,
        curves: str | None = None,
    ) -> Path:
        folder = tmp_path / "runs" / name
        (folder / ".hydra").mkdir(parents=True)
        record = {
            "config": nested({"data.seed": (flat or {}).get("seed", 0)} | (flat or {})),
            "references": {"data.seed": "${seed}"},
            "choices": {"model": model, "data": "hdfs_window", "optimizer": "adam"},
            "overrides": [],
        }
        (folder / "config.json").write_text(json.dumps(record))
        if metrics is not None:
            (folder / "metrics.json").write_text(json.dumps(metrics))
        for file, content in (("scores.csv", scores), ("metrics.csv", curves)):
            if content is not None:
                (folder / file).write_text(content, encoding="utf-8")
        return folder

    return make


@pytest.fixture
def runs_folder(tmp_path: Path) -> Path:
    return tmp_path / "runs"
