"""What a command does not use it does not import."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MODULES, LINES = 77, 11_320  # of seqlab, loaded by the default run: lower them when they fall


@pytest.fixture(scope="module")
def startup(load_script: Callable[[str], Any]) -> Any:
    """benchmarks/startup.py."""
    return load_script("benchmarks/startup.py")


def test_help_imports_nothing_heavy(startup: Any) -> None:
    for name in ("python train.py --help", "seqlab --help", "python -c 'import seqlab'"):
        assert startup.imported(startup.COMMANDS[name]) == [], name
    assert startup.imported(("-c", "import hydra, wandb")) == ["hydra", "wandb"]  # what it would say


def test_a_run_loads_no_more_than_it_uses(startup: Any, tmp_path: Path) -> None:
    found, files = startup.watched(startup.run_arguments(tmp_path, "logger=csv"))
    assert len(files) <= MODULES  # a reader of the default run reads these
    assert startup.num_lines(files) <= LINES
    assert {"torch", "hydra", "pytorch_lightning"} <= set(found)
    assert not {"wandb", "tensorboard", "mlflow", "ray", "optuna", "plotly"} & set(found)
