"""Sweeps of real processes: what goes wrong in a trial, an end from outside, pruning, seeds."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pandas as pd
import pytest

from .conftest import TINY

Write = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess]
Start = Callable[..., subprocess.Popen]
FAULT = "+callbacks.extra.fault={_target_:faults.Fault,kind:none}"
STARTED = "environment.json"  # written before training
HERE = os.pathsep.join([str(Path(__file__).parents[2] / "src"), str(Path(__file__).parent)])


def table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "trials.csv", keep_default_na=False)


def wait_for(path: Path, text: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        if path.exists() and text in path.read_text(encoding="utf-8"):
            return
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"{path} never said {text!r}: {process.communicate()}")


def test_a_trial_that_goes_wrong_is_recorded_and_the_sweep_goes_on(
    sweep_file: Write, run: Run, tmp_path: Path
) -> None:
    kinds = {"callbacks.extra.fault.kind": {"values": ["crash", "kill", "diverge", "none"]}}
    file = sweep_file(method="grid", parameters=kinds | {"logger": {"value": "wandb"}})
    done = run(file, "--jobs", "2", overrides=(*TINY, FAULT), PYTHONPATH=HERE)
    assert done.returncode == 0, done.stderr
    found = table(tmp_path / "sweep").set_index("callbacks.extra.fault.kind")
    assert found["outcome"].to_dict() == {
        "crash": "crashed",
        "kill": "killed",
        "diverge": "not finite",
        "none": "finished",
    }
    assert found["error"]["crash"] == "RuntimeError: the disk is on fire"
    assert found["error"]["kill"].startswith("SIGKILL: ")
    assert found["error"]["none"] == ""
    assert float(found["val/loss"]["none"]) > 0
    assert found["val/loss"]["crash"] == ""
    assert "1 finished, " in done.stdout
    assert "callbacks.extra.fault.kind=none\n" in done.stdout  # the best as a line to type
    folder = tmp_path / "sweep" / f"trial-{found['trial']['none']}" / "seed-0"
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert not [name for name in metrics if name.startswith(("test/", "baseline/", "oracle/"))]
    assert not (folder / "report.html").exists()
    assert (folder / "metrics.csv").exists()  # logger=wandb is left out, no account is needed
    page = (tmp_path / "sweep" / "sweep-report.html").read_text(encoding="utf-8")
    assert "the disk is on fire" in page
    assert "<script src" not in page  # it stands for itself


@pytest.mark.soak
def test_an_end_from_outside_is_gone_on_from_with_the_right_count(
    sweep_file: Write, start: Start, run: Run, tmp_path: Path
) -> None:
    folder, options = tmp_path / "sweep", {"overrides": (*TINY, FAULT), "PYTHONPATH": HERE}
    first = start(sweep_file(), "--trials", "3", FAULT_SECONDS="60", **options)
    wait_for(folder / "trial-0" / "seed-0" / STARTED, "", first)
    first.send_signal(signal.SIGINT)
    said, complained = first.communicate(timeout=60)
    assert first.returncode == 130
    assert complained == "interrupted\n"
    assert f"to go on: seqlab sweep {sweep_file()} --output {folder} --trials 3" in said
    assert list(table(folder)["outcome"]) == ["interrupted"]

    second = start(sweep_file(), "--trials", "3", FAULT_SECONDS="60", **options)
    wait_for(folder / "trial-1" / "seed-0" / STARTED, "", second)
    second.kill()
    second.communicate(timeout=60)

    done = run(sweep_file(), "--trials", "3", **options)
    assert done.returncode == 0, done.stderr
    found = table(folder)
    assert list(found["outcome"]) == ["interrupted", "interrupted", "finished", "finished", "finished"]
    rates = found["optimizer.lr"]
    assert rates[0] == rates[1] == rates[2]  # asked again, not lost
    assert len(set(rates[2:])) == 3  # and what comes after is new
    study = optuna.load_study(study_name="tiny", storage=f"sqlite:///{folder / 'study.db'}")
    assert len([trial for trial in study.trials if trial.state.name == "COMPLETE"]) == 3
    assert "RUNNING" not in {trial.state.name for trial in study.trials}

    more = run(sweep_file(), "--trials", "3", **options)
    assert "3 trials are there already" in more.stdout
    assert len(table(folder)) == 5
    other = run(sweep_file(), "--trials", "3", "--seeds", "2", **options)
    assert other.returncode == 2
    assert "was begun with other settings: seeds was 1, is 2; give the same" in other.stderr


def test_hopeless_trials_are_pruned(sweep_file: Write, run: Run, tmp_path: Path) -> None:
    file = sweep_file(
        method="grid",
        parameters={"optimizer.lr": {"values": [0.03, 1e-6, 2e-6]}},
        early_terminate={"type": "hyperband", "min_iter": 2, "eta": 2},
    )
    several = [part.replace("max_epochs=1", "max_epochs=3") for part in TINY]
    assert run(file, "--seed", "5", overrides=tuple(several)).returncode == 0
    found = table(tmp_path / "sweep")
    assert found["outcome"].value_counts().to_dict() == {"pruned": 2, "finished": 1}
    assert found["optimizer.lr"].iloc[0] == 0.03
    study = optuna.load_study(study_name="tiny", storage=f"sqlite:///{tmp_path / 'sweep' / 'study.db'}")
    for trial in study.get_trials(states=(optuna.trial.TrialState.PRUNED,)):
        assert list(trial.intermediate_values) == [1, 2]
        assert trial.value == pytest.approx(found.set_index("trial")["val/loss"][trial.number])
    (whole,) = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    assert list(whole.intermediate_values) == [1, 2, 3]


@pytest.mark.soak
def test_a_trial_of_several_seeds_is_judged_by_their_mean(
    sweep_file: Write, run: Run, tmp_path: Path
) -> None:
    done = run(sweep_file(), "--trials", "2", "--seeds", "2", "--jobs", "2", "--full")
    assert done.returncode == 0, done.stderr
    found = table(tmp_path / "sweep")
    assert len(found) == 2
    for number, value in zip(found["trial"], found["val/loss"], strict=True):
        runs = [tmp_path / "sweep" / f"trial-{number}" / f"seed-{seed}" for seed in (0, 1)]
        losses = [json.loads((each / "metrics.json").read_text("utf-8"))["val/loss"] for each in runs]
        assert losses[0] != losses[1]
        assert value == pytest.approx((losses[0] + losses[1]) / 2, rel=1e-12)
        assert all((each / "report.html").exists() for each in runs)  # --full
    best = found.loc[found["val/loss"].idxmin()]
    assert f"best: trial {best['trial']}, val/loss {best['val/loss']:.4f}, mean of 2 seeds" in done.stdout
