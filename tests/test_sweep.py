"""sweep.yaml is W&B's format: its own engine draws from it, and its agent's command runs."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir

ROOT = Path(__file__).resolve().parent.parent
# Run by the Python of W&B's engine: checks a sweep against the schema, then draws runs of it.
DRAW = """
import json, random, sys
import numpy, sweeps, yaml
from sweeps.config import schema_violations_from_proposed_config
config = yaml.safe_load(open(sys.argv[1]))
config |= json.loads(sys.argv[2])
complaints = schema_violations_from_proposed_config(config)
random.seed(3), numpy.random.seed(3)
runs = [] if complaints else sweeps.next_runs(config, [], validate=True, n=4)
print(json.dumps({"complaints": complaints, "configs": [run.config for run in runs]}))
"""


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds W&B's package ``sweeps``."""
    folder = tmp_path_factory.mktemp("sweeps")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "sweeps==0.3.0"]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the package sweeps does not install here: {done.stderr.strip().splitlines()[-1:]}")
    return python


@pytest.fixture(scope="session")
def draw(engine: Path) -> Callable[..., dict[str, Any]]:
    """What W&B's engine says of sweep.yaml with other keys."""

    def ask(**keys: Any) -> dict[str, Any]:
        call = [engine, "-c", DRAW, ROOT / "sweep.yaml", json.dumps(keys)]
        return json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout)

    return ask


def agents_command(configuration: dict[str, Any]) -> list[str]:
    """The command line that an agent of W&B makes of a drawn run, by its own functions."""
    from wandb.sdk.launch.sweeps import utils

    sweep = yaml.safe_load((ROOT / "sweep.yaml").read_text(encoding="utf-8"))
    filled = utils.create_sweep_command_args({"args": configuration}) | {
        "env": ["/usr/bin/env"],
        "interpreter": ["python"],
        "program": [sweep["program"]],
    }
    words: list[str] = []
    for part in utils.create_sweep_command(sweep["command"]):
        words += filled[part[2:-1]] if part.startswith("${") else [part]
    return words


def test_every_value_of_the_search_space_composes() -> None:
    sweep = yaml.safe_load((ROOT / "sweep.yaml").read_text(encoding="utf-8"))
    choices = {
        name: parameter.get("values", [parameter.get("value", parameter.get("min"))])
        for name, parameter in sweep["parameters"].items()
    }
    assert len(choices["model"]) == 2
    for value_of in (  # each value, with both models
        {key: values[0] for key, values in choices.items()} | {"model": model, name: value}
        for model in choices["model"]
        for name in choices
        if name != "model"
        for value in choices[name]
    ):
        command = agents_command({name: {"value": value} for name, value in value_of.items()})
        assert command[:3] == ["/usr/bin/env", "python", "train.py"]
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = compose("train", overrides=command[3:])
        assert sweep["metric"]["name"] == config.monitor.metric
        assert sweep["metric"]["goal"] == {"min": "minimize", "max": "maximize"}[config.monitor.mode]
        assert isinstance(config.optimizer.lr, float)


@pytest.mark.soak
@pytest.mark.parametrize("method", ["random", "bayes", "grid"])
def test_wandbs_engine_takes_it_and_every_run_it_draws_composes(
    draw: Callable[..., dict[str, Any]], method: str
) -> None:
    keys: dict[str, Any] = {"method": method}
    if method == "grid":  # which wants values for every parameter
        keys["parameters"] = {
            "model": {"values": ["gru", "gru_ae"]},
            "optimizer.lr": {"values": [1e-05, 0.01]},
        }
    said = draw(**keys)
    assert said["complaints"] == []
    assert len(said["configs"]) == 4
    for drawn in said["configs"]:
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = compose("train", overrides=agents_command(drawn)[3:])
        assert config.optimizer.lr == drawn["optimizer.lr"]["value"]


@pytest.mark.soak
def test_wandbs_engine_refuses_what_is_not_its_format(draw: Callable[..., dict[str, Any]]) -> None:
    assert draw(early_terminate={"type": "hyperband"})["complaints"]


@pytest.mark.soak
def test_an_agents_command_runs(draw: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    command = agents_command(draw()["configs"][0])
    assert "logger=wandb" in command
    small = ["data.sample.num_blocks=300", "trainer.max_epochs=1", f"hydra.run.dir={tmp_path / 'run'}"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [*command, *small],
        cwd=ROOT,
        env=os.environ | {"WANDB_MODE": "offline", "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "metrics.json").exists()
    assert list(tmp_path.glob("run/wandb/offline-run-*/*.wandb"))
