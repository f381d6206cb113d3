"""What a command does not use it does not import."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def startup() -> Any:
    """benchmarks/startup.py."""
    spec = importlib.util.spec_from_file_location("startup", ROOT / "benchmarks/startup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_help_imports_nothing_heavy(startup: Any) -> None:
    for name in ("python train.py --help", "seqlab --help", "python -c 'import seqlab'"):
        assert startup.imported(startup.COMMANDS[name]) == [], name
    assert startup.imported(("-c", "import hydra, wandb")) == ["hydra", "wandb"]  # what it would say


def test_a_run_imports_no_tracker_or_sweeper_that_it_does_not_use(startup: Any, tmp_path: Path) -> None:
    found = startup.imported(startup.run_arguments(tmp_path, "logger=csv"))
    assert {"torch", "hydra", "pytorch_lightning"} <= set(found)
    assert not {"wandb", "tensorboard", "mlflow", "ray", "optuna", "plotly"} & set(found)
