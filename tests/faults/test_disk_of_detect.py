"""A watch whose disk runs full says so; with room again it goes on, and no alert is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import main

from ..alerts.conftest import Process, export, exported, start  # noqa: F401  fixtures
from .disk import fill


def alerts(path: Path) -> set[str]:
    return {json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()}


@pytest.mark.soak
@pytest.mark.parametrize("full", ["state", "output"])
def test_a_watch_on_a_full_disk_goes_on_once_there_is_room(
    full: str,
    start: Callable[..., Process],  # noqa: F811
    export: Callable[..., Path],  # noqa: F811
    sample_log: Any,
    disk: Path,
    tmp_path: Path,
) -> None:
    model, log = export(threshold=3.3), tmp_path / "grow.log"
    whole = tmp_path / "whole.jsonl"
    assert main(["detect", "--onnx", str(model), str(sample_log.log), "--json", "--output", str(whole)]) == 0
    files = {name: (disk if name == full else tmp_path) / name for name in ("state", "output")}
    words = ("detect", "--onnx", model, log, "--json", "--idle", "100000")
    words = (*words, *(part for name, path in files.items() for part in (f"--{name}", path)))
    content = sample_log.log.read_bytes()
    cut = content.index(b"\n", len(content) // 2) + 1
    log.write_bytes(content[:cut])
    watch = start(*words, "--follow")
    watch.wait_until(lambda: files["state"].exists() and files["output"].exists() and alerts(files["output"]))
    filler = fill(disk)
    with log.open("ab") as file:
        file.write(content[cut:])
    assert watch.end() == 2
    last = watch.said.strip().splitlines()[-1]
    assert last.startswith(f"error: --{full} {disk}")
    assert "No space left on device" in last or "the disk is full" in last
    assert "Traceback" not in watch.said
    filler.unlink()
    again = start(*words, "--close")
    assert again.end() == 0, again.said
    assert alerts(files["output"]) == alerts(whole)
