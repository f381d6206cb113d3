"""sweep.yaml is W&B's format, and every trial it can draw is a command that composes."""

import itertools
import subprocess
import sys
from pathlib import Path

import yaml
from hydra import compose, initialize_config_dir

ROOT = Path(__file__).resolve().parent.parent


def test_every_corner_of_the_search_space_composes() -> None:
    sweep = yaml.safe_load((ROOT / "sweep.yaml").read_text(encoding="utf-8"))
    assert sweep["program"] == "train.py"
    assert sweep["command"] == ["${env}", "${interpreter}", "${program}", "${args_no_hyphens}"]
    corners = {
        name: parameter.get("values", [parameter.get("value", parameter.get("min"))])
        for name, parameter in sweep["parameters"].items()
    }
    assert len(corners["model"]) == 2
    for values in itertools.product(*corners.values()):
        # what an agent writes for ${args_no_hyphens}
        overrides = [f"{name}={value}" for name, value in zip(corners, values, strict=True)]
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = compose("train", overrides=overrides)
        assert sweep["metric"]["name"] == config.monitor.metric
        assert sweep["metric"]["goal"] == {"min": "minimize", "max": "maximize"}[config.monitor.mode]
        assert isinstance(config.optimizer.lr, float)


def test_an_agents_command_runs(tmp_path: Path) -> None:
    command = ["train.py", "model=gru", "optimizer.lr=0.0021", "model.network.hidden_size=8", "logger=wandb"]
    small = ["logger.wandb.mode=offline", "data.sample.num_blocks=300", "trainer.max_epochs=1"]
    done = subprocess.run(
        [sys.executable, *command, *small, f"hydra.run.dir={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))
