"""Full and read-only disks under parse: one message, and nothing half-done that looks whole."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from seqlab.cli import main

from .disk import fill, make_read_only


def parse(sample_log: Any, output: Path, *more: str) -> int:
    return main(["parse", str(sample_log.log), "--output", str(output), "--chunk-mb", "0.1", *more])


@pytest.mark.parametrize(
    "room", [0, *(pytest.param(each, marks=pytest.mark.soak) for each in range(20, 420, 20))]
)
def test_a_parse_on_a_full_disk_keeps_the_parse_before(
    room: int, sample_log: Any, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Args: room: KiB that are left on the disk."""
    output = disk / "out"
    shutil.copytree(sample_log.parsed, output)
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    filler = fill(disk)
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - room * 1024)
    code = parse(sample_log, output, "--overwrite")
    said = capsys.readouterr().err
    found = {path.name: path.read_bytes() for path in output.iterdir()}
    if code:
        assert code == 2
        assert said.startswith(f"error: {output}")
        assert said.count("\n") == 1
        assert "the disk is full" in said
        assert found == before
    else:
        assert pl.read_parquet(output / "sessions.parquet").equals(
            pl.read_parquet(sample_log.parsed / "sessions.parquet").with_columns(
                label=pl.lit(None, pl.String)
            )
        )
    assert not [name for name in found if name.startswith(".")]
    filler.unlink()
    assert parse(sample_log, output, "--overwrite") == 0


def test_a_read_only_disk_takes_no_parse(
    sample_log: Any, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_read_only(disk)
    assert parse(sample_log, disk / "out") == 2
    assert (
        capsys.readouterr().err
        == f"error: --output {disk / 'out'}: cannot be written: Read-only file system\n"
    )
