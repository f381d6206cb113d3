"""A small disk that a test fills, moves or takes away."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEGABYTE = 1 << 20


@contextmanager
def small_disk(folder: Path, *, megabytes: int = 8) -> Iterator[Path]:
    """A tmpfs at ``folder``; the test is skipped where this user may not mount one."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no mount here: {error}")
    if said.returncode:
        pytest.skip(f"mounting is not allowed here: {said.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Write a file until the disk takes no byte more."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (MEGABYTE, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return path


def make_read_only(folder: Path) -> None:
    """From now on the disk refuses every change; no file may be open for writing."""
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
