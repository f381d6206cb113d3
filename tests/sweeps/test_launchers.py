"""``python train.py -m`` with another launcher than Hydra's own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from seqlab.composing.mistakes import user_message

from .conftest import TINY


@pytest.mark.soak
@pytest.mark.soak
def test_joblib_runs_a_grid_side_by_side(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    words = [
        "-m",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        "seed=3,4",
        f"hydra.sweep.dir={tmp_path}",
    ]
    done = subprocess.run(
        [sys.executable, "train.py", *words, *TINY],
        cwd=root,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    for number in (0, 1):
        assert (tmp_path / str(number) / "metrics.json").exists()
        environment = (tmp_path / str(number) / "environment.json").read_text(encoding="utf-8")
        assert f'"seed": {3 + number},' in environment


@pytest.mark.parametrize("name", ["joblib", "submitit_local", "submitit_slurm"])
def test_a_launcher_that_is_not_installed_says_how_to_install_it(
    root: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = OmegaConf.load(root / "conf" / "hydra" / "launcher" / f"{name}.yaml")
    monkeypatch.setitem(sys.modules, config._target_.split(".")[0], None)
    monkeypatch.setitem(sys.modules, config._target_.rpartition(".")[0], None)
    with pytest.raises(Exception) as caught:
        instantiate({"_target_": config._target_})
    message = user_message(caught.value, root / "conf", [])
    kind = name.partition("_")[0]
    assert message == f"hydra/launcher={kind}: not installed: pip install 'seqlab[cluster]'"


def test_slurm_on_a_machine_without_it_is_told(root: Path, python: Any) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    done = python.run("train.py", "-m", "hydra/launcher=submitit_slurm", "seed=3,4", cwd=root)
    assert done.returncode == 2
    assert done.stderr.endswith(
        "error: hydra/launcher=submitit_slurm: this machine has no SLURM; submitit_local runs the same here\n"
    )
