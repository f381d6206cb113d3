"""What a command does not use it does not import."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def startup(load_script: Callable[[str], Any]) -> Any:
    """benchmarks/startup.py."""
    return load_script("benchmarks/startup.py")


def test_help_imports_nothing_heavy(startup: Any) -> None:
    for name in ("python train.py --help", "seqlab --help", "python -c 'import seqlab'"):
        assert startup.imported(startup.COMMANDS[name]) == [], name
    assert startup.imported(("-c", "import hydra, wandb")) == ["hydra", "wandb"]  # what it would say


def test_a_run_imports_no_tracker_or_sweeper_that_it_does_not_use(startup: Any, tmp_path: Path) -> None:
    found = startup.imported(startup.run_arguments(tmp_path, "logger=csv"))
    assert {"torch", "hydra", "pytorch_lightning"} <= set(found)
    assert not {"wandb", "tensorboard", "mlflow", "ray", "optuna", "plotly"} & set(found)
