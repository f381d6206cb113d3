"""``python train.py -m``: mistakes of any job are told before the first; a failed job leaves its log."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from seqlab.composing import read_arguments
from seqlab.composing.folders import Folders
from seqlab.composing.jobs import check_jobs, jobs_of, remove_unstarted, tell_interrupted
from seqlab.errors import UserError
from seqlab.training.resume import RunInterruptedError

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["optimizer.lr=0.01,O.02"],
            r"optimizer\.lr=O\.02: give a number \(job 1 of -m: optimizer\.lr=O\.02; no job was",
        ),
        (["data.window_size=8,0"], r"data\.window_size=0.*\(job 1 of -m: data\.window_size=0; "),
        (["scheduler=constant,cosin"], r"scheduler=cosin: choose .*\(job 1 of -m: scheduler=cosin; "),
        (["model=gru_ae,gru", "data=hdfs_padded"], r"model=gru takes WindowBatch.*\(job 1 of -m: model=gru"),
        (["seed=0,1", "data.window_sise=8"], r"data\.window_sise: no such key.*\(job 0 of -m: seed=0; "),
        (["detection.score=nll_max,nll_maximum"], r"nll_maximum.*\(job 1 of -m: "),
        (
            ["trainer.max_epochs=2,many"],
            r"max_epochs=many: give a whole number or null \(job 1 of -m: trainer",
        ),
        (["seed=0..3"], r"seed=0\.\.3: give a whole .* or -m 'seed=range\(0,4\)' \(job 0 of -m"),
        (["seed=range(0)"], r"seed=range\(0\) with -m: that is no value at all"),
        (["monitor.metric=val/loss,test/loss"], r"monitor\.metric=test/loss.*\(job 1 of -m: "),
    ],
)
def test_a_mistake_of_any_job_is_told_before_the_first(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_jobs(CONF, overrides)


@pytest.mark.skipif(torch.cuda.device_count() > 0, reason="this machine has a GPU")
def test_hardware_is_that_of_this_machine_where_jobs_run_here() -> None:
    with pytest.raises(UserError, match=r"trainer\.gpus=1: this machine shows no GPU"):
        check_jobs(CONF, ["trainer.gpus=0,1"])


def test_right_jobs_pass_and_are_those_of_hydra() -> None:
    assert jobs_of(CONF, ["seed=0,1", "data.normal='a,b.txt'"]) == [
        ["seed=0", "data.normal='a,b.txt'"],
        ["seed=1", "data.normal='a,b.txt'"],
    ]
    check_jobs(CONF, ["seed=0,1", "model=gru"])


def test_overrides_are_told_from_options() -> None:
    line = read_arguments(["model=gru", "--config-dir", "mine", "-m", "seed=0"])
    assert line.overrides == ["model=gru", "seed=0"]
    assert line.search == [f"hydra.searchpath=['file://{Path.cwd() / 'mine'}']"]
    assert line.trains
    assert not read_arguments(["--cfg", "job"]).trains


def test_the_folder_of_a_run_that_never_began_goes_unless_a_user_had_it(
    composed: Callable[..., Any], tmp_path: Path
) -> None:
    mine, new = tmp_path / "mine", tmp_path / "new"
    mine.mkdir()
    for folder in (mine, new):
        Folders().on_run_start(composed(f"hydra.run.dir={folder}", hydra=True))
        folder.mkdir(exist_ok=True)
        (folder / "train.log").touch()
        remove_unstarted(folder)
    assert not new.exists()
    assert (mine / "train.log").exists()


def test_the_folder_of_a_run_with_a_checkpoint_stays(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "train.log").touch()
    remove_unstarted(tmp_path)
    assert (tmp_path / "checkpoints").exists()


def test_an_interrupted_run_names_the_packages_to_trust(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    config = OmegaConf.create({"model": {"_target_": "mylab.Net", "act": {"_target_": "torch.nn.ReLU"}}})
    tell_interrupted(RunInterruptedError(signal.SIGINT, 3), tmp_path, config)
    said = capsys.readouterr().err
    assert said.startswith("interrupted (SIGINT); saved after step 3. Go on: python train.py resume=")
    assert said.endswith(f"{tmp_path.name} --trust mylab\n")


@pytest.fixture
def multirun(root: Path, python: Any, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs ``python train.py -m ...`` in the repository, into ``tmp_path/sweep``."""

    def run(*overrides: str) -> subprocess.CompletedProcess:
        return python.run("train.py", "-m", *overrides, f"hydra.sweep.dir={tmp_path / 'sweep'}", cwd=root)

    return run


def test_several_jobs_end_with_a_table_and_the_command_that_compares(
    multirun: Callable[..., subprocess.CompletedProcess], tmp_path: Path
) -> None:
    done = multirun("model=name_classifier", "trainer.fast=true", "seed=0,1", "data.sample.num_names=300")
    assert done.returncode == 0, done.stderr
    figures = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("sweep/*/metrics.json"))]
    said = done.stdout.splitlines()
    mean = (figures[0]["test/accuracy"] + figures[1]["test/accuracy"]) / 2
    assert f"{mean:.3f}"[:4] in done.stdout
    assert said[-2] == "jobs: 2 of 2 finished"
    assert said[-1].startswith("next: seqlab compare ")
    assert said[-1].endswith(f"{tmp_path.name}/sweep --html")


def test_failed_jobs_leave_their_logs_and_the_others_go_on(
    multirun: Callable[..., subprocess.CompletedProcess], tmp_path: Path
) -> None:
    done = multirun("data.normal=nowhere.txt,없음.txt")
    assert done.returncode == 2
    for number, name in enumerate(["nowhere.txt", "없음.txt"]):
        log = tmp_path / "sweep" / str(number) / "train.log"
        assert f"failed: {name}: no such file" in log.read_text(encoding="utf-8")
        assert f"error: {name}: no such file" in done.stderr
        assert f"job {number} of -m failed (data.normal=" in done.stderr
    assert done.stderr.count("the others go on") == 2
    assert "jobs: 0 of 2 finished" in done.stdout
    assert "  0: failed: nowhere.txt: no such file" in done.stdout
    assert (tmp_path / "sweep" / "0" / ".hydra" / "overrides.yaml").exists()


def test_an_error_of_the_program_is_in_the_log_too(
    multirun: Callable[..., subprocess.CompletedProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = (
        "data.sample.num_blocks=300",
        "detection.scores=[nll_max,combined]",
        "trainer.limit_train_batches=1",
        "trainer.max_epochs=1",
    )
    (tmp_path / "badlab.py").write_text(
        "from pytorch_lightning import Callback\n\n\nclass Bad(Callback):\n"
        "    def on_train_start(self, *_):\n        1 / 0\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    done = multirun("+callbacks.extra.x._target_=badlab.Bad,pytorch_lightning.callbacks.Timer", *small)
    assert done.returncode == 1
    log = (tmp_path / "sweep" / "0" / "train.log").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert "ZeroDivisionError" in log
    assert "job 0 of -m failed (+callbacks.extra.x._target_=badlab.Bad" in done.stderr
    assert (tmp_path / "sweep" / "1" / "metrics.json").exists()


def test_a_mistyped_job_is_refused_before_anything_is_written(
    multirun: Callable[..., subprocess.CompletedProcess], tmp_path: Path
) -> None:
    done = multirun("model=gru,gruu")
    assert done.returncode == 2
    assert done.stderr.startswith("error: model=gruu: choose ")
    assert done.stderr.endswith("(job 1 of -m: model=gruu; no job was started)\n")
    assert not (tmp_path / "sweep").exists()
