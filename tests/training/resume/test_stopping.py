"""Signals to a real process: it saves, leaves, and goes on to the same end."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.training.resume import RunInterruptedError, interruptible

SETTINGS = (
    "data.sample.num_blocks=300",
    "data.batch_size=4",
    "model.network.hidden_size=8",
    "model.network.dropout=0.2",
    "trainer.max_epochs=60",
    "detection.scores=[nll_max,combined]",
    "trainer.enable_progress_bar=false",
)
Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start(root: Path, python: Any) -> Start:
    """Starts ``python train.py``."""

    def begin(*arguments: str, **variables: str) -> subprocess.Popen:
        return python.popen(
            *("train.py", *arguments),
            cwd=root,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


def stop_in_training(process: subprocess.Popen, folder: Path, number: int) -> str:
    """Send a signal once training is under way; what the process said on stderr."""
    deadline = time.monotonic() + 60
    while not (folder / "checkpoints" / "last.ckpt").exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    return process.communicate(timeout=60)[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_says_how_to_go_on(start: Start, tmp_path: Path, number: int) -> None:
    process = start(*SETTINGS, f"hydra.run.dir={tmp_path / 'run'}")
    said = stop_in_training(process, tmp_path / "run", number)
    assert process.returncode == 128 + number
    last_line = said.strip().splitlines()[-1]
    assert last_line.startswith(f"interrupted ({signal.Signals(number).name}); saved after step ")
    assert "Traceback" not in said
    step = int(last_line.split("after step ")[1].split(".")[0])
    saved = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert saved["global_step"] == step
    command = last_line.split("python train.py ")[1]
    resumed = start(command, f"trainer.max_epochs={saved['epoch'] + 1}")
    out, err = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, err
    assert f"going on after step {step} (epoch" in out


@pytest.mark.soak
def test_slurm_s_warning_saves_and_queues_the_job_again(start: Start, tmp_path: Path) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    scontrol = bin_folder / "scontrol"
    scontrol.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path / "asked"}\n', encoding="utf-8")
    scontrol.chmod(0o755)
    slurm = {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "SLURM_JOB_ID": "4711",
        "SLURM_JOB_NAME": "train",
        "SLURM_NTASKS": "1",
        "SLURM_NTASKS_PER_NODE": "1",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
        "SLURM_NODELIST": "localhost",
    }
    line = (*SETTINGS, f"hydra.run.dir={tmp_path / 'run'}", "resume=auto")
    process = start(*line, **slurm)
    said = stop_in_training(process, tmp_path / "run", signal.SIGUSR1)
    assert "saved after step" in said
    assert (tmp_path / "asked").read_text(encoding="utf-8") == "requeue 4711\n"
    again = start(*line, "trainer.max_epochs=3", **slurm)  # what the queue runs then: the same line
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert "going on after step" in out


def test_an_error_that_an_interruption_was_turned_into_is_an_interruption() -> None:
    def turn_into_another() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except RunInterruptedError:
            raise AttributeError("half imported") from None

    with pytest.raises(RunInterruptedError, match="SIGTERM"), interruptible():
        turn_into_another()


def test_an_error_of_the_run_stays_what_it_is() -> None:
    with pytest.raises(AttributeError, match="a bug"), interruptible():
        raise AttributeError("a bug")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
