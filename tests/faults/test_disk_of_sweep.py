"""A sweep on a disk that cannot be written says so before any trial."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..sweeps.conftest import run, start, sweep_file  # noqa: F401  fixtures
from .disk import make_read_only


@pytest.mark.soak
def test_a_read_only_disk_takes_no_sweep(
    sweep_file: Callable[..., Path],  # noqa: F811
    run: Callable[..., subprocess.CompletedProcess[str]],  # noqa: F811
    disk: Path,
) -> None:
    make_read_only(disk)
    done = run(sweep_file(), "--trials", "1", "--output", str(disk / "sweep"))
    assert done.returncode == 2
    told = f"error: --output {disk / 'sweep'}: cannot be made: Read-only file system\n"
    assert done.stderr == told
