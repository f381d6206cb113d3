"""The keys of a sweep file, and what they are refused for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.errors import UserError
from seqlab.sweeps.sweep_file import EarlyTermination, check_objective, command, read_sweep

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def here(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"method": "hyper"}, "method is 'hyper': input should be 'grid', 'random' or 'bayes'"),
        ({"metric": None}, "metric is missing"),
        ({"metric": {"goal": "minimize"}}, "metric.name is missing"),
        ({"metric": {"name": "val/loss", "goal": "min"}}, "metric.goal is 'min': input should be"),
        ({"program": "tran.py"}, "program=tran.py: no such file"),
        ({"runcap": 3}, "runcap: no such key; choose program"),
        ({"run_cap": 0}, "run_cap is 0: input should be greater"),
        ({"parameters": {}}, "parameters: {} is no mapping"),
        ({"parameters": {"seed": {"value": 1}}}, "there is nothing to search"),
        ({"early_terminate": {"type": "median", "min_iter": 1}}, "early_terminate.type is 'median'"),
        ({"early_terminate": {"type": "hyperband"}}, "early_terminate.min_iter is missing"),
        (
            {"early_terminate": {"type": "hyperband", "min_iter": 1, "s": 2}},
            "early_terminate.s: not known; choose min_iter, eta, strict",
        ),
        (
            {"early_terminate": {"type": "hyperband", "min_iter": 1, "eta": 1}},
            "early_terminate.eta is 1: input",
        ),
        ({"method": "grid"}, "parameters.optimizer.lr: method=grid wants every value"),
    ],
)
def test_a_key_that_cannot_be_run_is_told(sweep_file: Write, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_sweep(sweep_file(**keys))
    assert message in str(caught.value)


def test_a_file_that_is_not_there_or_no_yaml_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file; the path is relative to"):
        read_sweep(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("program: train.py # é".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin\.yaml: not UTF-8: .* at byte 20; save it so"):
        read_sweep(tmp_path / "latin.yaml")
    (tmp_path / "bad.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(UserError, match=r"bad\.yaml: no YAML"):
        read_sweep(tmp_path / "bad.yaml")


def test_hyperband_stands_for_rounds_of_successive_halving(sweep_file: Write) -> None:
    early = {"type": "hyperband", "min_iter": 3}
    assert read_sweep(sweep_file(early_terminate=early)).early == EarlyTermination(3, 3)
    early = {"type": "hyperband", "min_iter": 2, "eta": 4}
    assert read_sweep(sweep_file(early_terminate=early)).early == EarlyTermination(2, 4)


def test_the_number_of_trials(sweep_file: Write) -> None:
    assert read_sweep(sweep_file()).trials(None) == 20
    assert read_sweep(sweep_file(run_cap=7)).trials(None) == 7
    assert read_sweep(sweep_file(run_cap=7)).trials(30) == 30
    both = {"optimizer.lr": {"values": [0.1, 0.2]}, "model.network.hidden_size": {"min": 3, "max": 5}}
    assert read_sweep(sweep_file(method="grid", parameters=both)).trials(None) == 6
    assert read_sweep(sweep_file(method="grid", parameters=both)).trials(100) == 6
    assert read_sweep(sweep_file(method="grid", parameters=both)).trials(4) == 4


def test_a_test_metric_is_refused_as_objective(sweep_file: Write) -> None:
    with pytest.raises(UserError, match=r"^metric\.name=test/f1: a sweep is judged by a validation metric"):
        check_objective(read_sweep(sweep_file(metric={"name": "test/f1", "goal": "maximize"})), [])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"metric": {"name": "val/accuracy"}}, "this config is judged by val/loss"),
        ({"metric": {"name": "val/loss", "goal": "maximize"}}, "monitor.mode=min says minimize"),
        ({"parameters": {"optimizer.rate": {"min": 0.1, "max": 0.2}}}, "optimizer.rate: no such key"),
        ({"parameters": {"model": {"values": ["gru", "gruu"]}}}, "model=gruu: choose "),
        (
            {
                "parameters": {
                    "model": {"values": ["gru", "gru_ae"]},
                    "model.network.attention": {"values": ["dot", "none"]},
                }
            },
            "model.network.attention: no such key",
        ),
    ],
)
def test_the_space_is_held_against_every_model_it_reaches(
    sweep_file: Write, keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        check_objective(read_sweep(sweep_file(**keys)), [])
    assert message in str(caught.value)


def test_the_projects_own_sweep_file_reaches_both_models(root: Path) -> None:
    sweep = read_sweep(root / "sweep.yaml")
    checked = check_objective(sweep, ["seed=5"])

    assert (checked.seed, checked.gpus) == (5, 0)


def test_a_trial_as_a_line_to_type(
    sweep_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = read_sweep(
        sweep_file(parameters={"optimizer.lr": {"min": 0.1, "max": 0.2}, "logger": {"value": "none"}})
    )
    line = command(sweep, {"optimizer.lr": 1e-05}, ["data.normal=my file.txt"])
    assert line == "python train.py 'data.normal=my file.txt' logger=none optimizer.lr=1e-05"
    monkeypatch.chdir(tmp_path)  # where no train.py lies
    assert command(sweep, {"optimizer.lr": 0.1}, []) == "seqlab train logger=none optimizer.lr=0.1"
