"""Two real processes (gloo) train one run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SETTINGS = {
    "gru": (
        "data.sample.num_blocks=301",
        "model.network.hidden_size=8",
        "trainer.max_epochs=2",
        "data.batch_size=16",
        "trainer.accumulate_grad_batches=3",
    ),
    "char_rnn": (
        "model.network.hidden_size=8",
        "trainer.max_epochs=2",
        "data.num_streams=5",
        "data.path={text}",
    ),
    "name_classifier": (
        "data.sample.num_names=300",
        "model.network.embedding_dropout=0.0",
        "model.network.token_dropout=0.0",
        "model.network.hidden_size=8",
        "trainer.max_epochs=1",
    ),
}


def in_one(python: Any, root: Path, folder: Path, *overrides: str) -> dict[str, float]:
    """``python train.py`` in one process; its metrics.json without timings."""
    return _figures(python.run("train.py", *overrides, f"hydra.run.dir={folder}", cwd=root), folder)


def in_two(root: Path, folder: Path, *overrides: str, launcher: tuple[str, ...] = ()) -> dict[str, float]:
    """The same in two processes, which start as cold as a user's."""
    words = (*(launcher or (sys.executable,)), "train.py", *overrides, "trainer.processes=2")
    done = subprocess.run(
        [*words, f"hydra.run.dir={folder}"],
        cwd=root,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return _figures(done, folder)


def _figures(done: subprocess.CompletedProcess[str], folder: Path) -> dict[str, float]:
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("report: ") == 1  # one of them speaks
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return {name: value for name, value in metrics.items() if not name.startswith("timing/")}


@pytest.mark.parametrize(
    "model", [model if model == "gru" else pytest.param(model, marks=pytest.mark.soak) for model in SETTINGS]
)
def test_two_processes_give_the_figures_of_one(python: Any, root: Path, tmp_path: Path, model: str) -> None:
    (tmp_path / "text.txt").write_text("She sells sea shells by the sea shore.\n" * 60, encoding="utf-8")
    settings = [setting.format(text=tmp_path / "text.txt") for setting in SETTINGS[model]]
    line = (f"model={model}", "trainer.enable_progress_bar=false", *settings)
    line += ("model.network.dropout=0.0",)  # each process draws its own
    one = in_one(python, root, tmp_path / "one", *line)
    two = in_two(root, tmp_path / "two", *line)
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert two[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name
    files = [{path.name for path in (tmp_path / run).rglob("*")} for run in ("one", "two")]
    assert files[0] == files[1]


@pytest.mark.soak
def test_torchrun_starts_them_as_well(python: Any, root: Path, tmp_path: Path) -> None:
    line = ("trainer.enable_progress_bar=false", *SETTINGS["gru"])
    one = in_one(python, root, tmp_path / "one", *line)
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    two = in_two(root, tmp_path / "two", *line, launcher=launcher)
    assert two["test/auroc"] == pytest.approx(one["test/auroc"], abs=1e-5)


def test_several_processes_and_a_grid_are_refused(root: Path, tmp_path: Path, python: Any) -> None:
    words = ("-m", "seed=0,1", "trainer.processes=2", f"hydra.sweep.dir={tmp_path}")
    done = python.run("train.py", *words, cwd=root)
    assert done.returncode == 2
    assert "-m with 2 processes a run" in done.stderr
