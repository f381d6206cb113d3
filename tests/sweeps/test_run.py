"""Options of a sweep, its share of the machine, and its table."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seqlab.errors import UserError
from seqlab.sweeps.run import slots, threads_of_each
from seqlab.sweeps.table import best_trial, counts
from seqlab.sweeps.trials import Trial, classify, last_error

Run = Callable[..., subprocess.CompletedProcess]


def test_jobs_share_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert threads_of_each(3) == 2
    assert threads_of_each(16) == 1
    monkeypatch.delattr("os.sched_getaffinity")  # as on macOS
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    assert threads_of_each(2) == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert threads_of_each(2) == 5


def test_each_job_has_gpus_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5,GPU-7,9")
    assert [slot["CUDA_VISIBLE_DEVICES"] for slot in slots(3, 1)] == ["2", "5", "GPU-7"]
    assert [slot["CUDA_VISIBLE_DEVICES"] for slot in slots(2, 2)] == ["2,5", "GPU-7,9"]
    assert [slot["CUDA_VISIBLE_DEVICES"] for slot in slots(4, "auto")] == ["2", "5", "GPU-7", "9"]
    assert "CUDA_VISIBLE_DEVICES" not in slots(2, 0)[0]
    with pytest.raises(
        UserError, match=r"^--jobs 3 with trainer.gpus=2: 6 GPUs are wanted, 4 are seen; give --jobs 2"
    ):
        slots(3, 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert slots(2, "auto") == [{}, {}]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--jobs", "0"], "--jobs 0: give a whole number, at least 1"),
        (["--storage", "nonsense"], "--storage nonsense: cannot be opened: "),
        (["--seeds", "2", "--set", "seed=4"], "--seeds 2: the sweep sets seed itself"),
        (["--set", "optimizer.lr=4"], "--set optimizer.lr=4: optimizer.lr is a parameter of the sweep"),
        (["--set", "lr"], "--set lr: write NAME=VALUE"),
        (
            ["--set", "trainer.max_epoch=4"],
            "trainer.max_epoch: no such key; did you mean trainer.max_epochs?",
        ),
    ],
)
def test_an_option_that_cannot_be_is_told_in_one_line(
    sweep_file: Callable[..., Path], run: Run, words: list[str], message: str
) -> None:
    done = run(sweep_file(), *words, overrides=())
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1


def test_the_best_trial_is_a_finished_one() -> None:
    trials = [
        Trial(0, {}, "finished", 0.5),
        Trial(1, {}, "pruned", 0.1),
        Trial(2, {}, "finished", 0.7),
        Trial(3, {}, "finished", 0.5),
        Trial(4, {}, "crashed"),
    ]
    assert best_trial(trials, "minimize") is trials[0]
    assert best_trial(trials, "maximize") is trials[2]
    assert best_trial(trials[4:], "maximize") is None
    assert counts(trials) == "3 finished, 1 pruned, 1 crashed"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "out of memory"),
        (
            "RuntimeError: [enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory",
            "out of memory",
        ),
        ("error: train/loss=nan at step 3: not finite", "not finite"),
        ("ValueError: val/loss=nan: a metric must be finite", "not finite"),
        ("error: nandrolone.txt: no such file", "crashed"),
    ],
)
def test_an_error_is_given_a_word(error: str, outcome: str) -> None:
    assert classify(error) == outcome


def test_the_line_that_says_what_went_wrong(tmp_path: Path) -> None:
    log = tmp_path / "output.log"
    log.write_text(
        "a\nTraceback (most recent call last):\n  File x\nKeyError: 'b'\nclosing down\n", encoding="utf-8"
    )
    assert last_error(log) == "KeyError: 'b'"
    log.write_text("nothing like an error\n\n", encoding="utf-8")
    assert last_error(log) == "nothing like an error"
