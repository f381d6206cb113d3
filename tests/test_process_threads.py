"""How many threads a run has, and how they wait: the rule by hand, and what a real process has of it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from seqlab.errors import UserError
from seqlab.process import COUNT, WAITING, free_idle_cores, threads_of

SAID_BY_USER = (COUNT, "OMP_WAIT_POLICY", *WAITING)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing of threads, on 64 cores of which 16 may be used."""
    for name in SAID_BY_USER:
        monkeypatch.setenv(name, "")  # so that what the code sets goes again
        monkeypatch.delenv(name)
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)), raising=False)
    return monkeypatch


def test_auto_is_a_few_and_fewer_than_cores(plain: pytest.MonkeyPatch) -> None:
    assert threads_of("auto") == 4
    assert threads_of("auto", processes=7) == 2
    assert threads_of("auto", processes=8) == 1  # a core is left to others
    assert threads_of("auto", processes=40) == 1
    for number, threads in ((1, 1), (2, 1), (3, 2), (5, 4), (6, 4)):
        plain.setattr("os.sched_getaffinity", lambda _, n=number: set(range(n)))
        assert threads_of("auto") == threads
    plain.delattr("os.sched_getaffinity")  # as on macOS
    assert threads_of("auto", processes=31) == 2


def test_what_a_user_says_counts(plain: pytest.MonkeyPatch) -> None:
    assert threads_of(7) == 7
    plain.setenv(COUNT, "12")
    assert threads_of("auto") is None
    assert threads_of(7) == 7


@pytest.mark.parametrize("wanted", [0, -1, 1.5, True, "all", None])
def test_no_number_of_threads(wanted: object) -> None:
    with pytest.raises(
        UserError, match=r"^trainer\.threads=.*: give auto, or a number of threads, at least 1$"
    ):
        threads_of(wanted)  # type: ignore[arg-type]


def test_idle_threads_sleep_unless_a_user_says_how_they_wait(plain: pytest.MonkeyPatch) -> None:
    plain.setenv("GOMP_SPINCOUNT", "77")
    free_idle_cores()
    assert {name: os.environ[name] for name in WAITING} == WAITING | {"GOMP_SPINCOUNT": "77"}
    for name in WAITING:
        plain.delenv(name)
    plain.setenv("OMP_WAIT_POLICY", "active")
    free_idle_cores()
    assert not WAITING.keys() & os.environ.keys()


@pytest.mark.skipif(sys.platform != "linux", reason="other OpenMP libraries do not show what they read")
def test_a_run_has_the_threads_it_names_and_openmp_reads_how_they_wait(root: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in SAID_BY_USER}
    done = subprocess.run(
        [
            *(sys.executable, "train.py", "model=lstm", "trainer.threads=3", "trainer.fast=true"),
            *("trainer.enable_progress_bar=false", "test=false", f"hydra.run.dir={tmp_path}"),
        ],
        cwd=root,
        env=environment | {"PYTHONPATH": str(root / "src"), "OMP_DISPLAY_ENV": "VERBOSE"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts = set(re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr))  # of each OpenMP that is loaded
    assert counts == {WAITING["GOMP_SPINCOUNT"]}
    assert json.loads((tmp_path / "environment.json").read_text(encoding="utf-8"))["cpu_threads"] == 3
    assert re.search(
        r"3 threads on \d+ cores \(trainer\.threads=3\)", (tmp_path / "train.log").read_text("utf-8")
    )
