"""A damaged settings.json of an export: detection reads it as it is, or tells of it in one message."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqlab.alerts.models import load_model
from seqlab.cli import main
from seqlab.exporting.folder import SETTINGS

from .checks import COUNTS
from .test_checkpoints import contents  # noqa: F401 - a fixture
from .test_own_files import check, damaged_json


@pytest.fixture(scope="module")
def exported(contents: Callable[[str], dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """The export of a small GRU."""
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("export")
    torch.save(contents("gru"), folder / "best.ckpt")
    assert (
        main(["export", str(folder / "best.ckpt"), "--format", "onnx", "--output", str(folder / "out")]) == 0
    )
    return folder / "out"


@pytest.mark.parametrize("count", COUNTS)
def test_damaged_settings(count: int, exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(exported, folder)

    def use() -> None:
        model = load_model(folder)
        model.judge.odd_counts(np.arange(len(model.vocabulary)))

    use()
    for how in damaged_json(folder / SETTINGS, count):
        check(use, how, folder / SETTINGS)
