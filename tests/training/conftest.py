"""Reads what trackers left in a run folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

BLOCK = 32 * 1024
FILE_HEADER, CHUNK_HEADER = 7, 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
PATIENCE = 10.0  # seconds


class WandbRun(NamedTuple):
    """What a .wandb file holds."""

    id: str
    project: str
    name: str
    group: str
    tags: list[str]
    config: dict[str, Any]
    history: list[dict[str, Any]]
    summary: dict[str, Any]
    artifacts: dict[str, Any]  # name to its record
    exit_code: int | None  # None where the run was never finished


def _messages(content: bytes) -> Iterator[bytes]:
    """The records of a file in LevelDB's log format: blocks of 32 KiB, chunks of length and kind."""
    assert content[:4] == b":W&B"
    place, parts = FILE_HEADER, b""
    while place + CHUNK_HEADER <= len(content):
        left = BLOCK - place % BLOCK
        if left < CHUNK_HEADER:
            place += left
            continue
        length = int.from_bytes(content[place + 4 : place + 6], "little")
        kind = content[place + 6]
        if kind == 0:
            place += left
            continue
        chunk = content[place + CHUNK_HEADER : place + CHUNK_HEADER + length]
        place += CHUNK_HEADER + length
        parts = chunk if kind in (FULL, FIRST) else parts + chunk
        if kind in (FULL, LAST):
            yield parts


def _put(target: dict[str, Any], item: Any) -> None:
    keys = list(item.nested_key) or [item.key]
    for key in keys[:-1]:
        target = target.setdefault(key, {})
    target[keys[-1]] = json.loads(item.value_json)


def _flat(items: Iterable[Any]) -> dict[str, Any]:
    return {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


def _read(path: Path) -> WandbRun:
    """The run of a file, once its end is in it: W&B's process writes the last block after ``finish``."""
    deadline = time.monotonic() + PATIENCE
    while (found := _parse(path)) is None or found.exit_code is None:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert found is not None, f"{path} holds no run"
    return found


def _parse(path: Path) -> WandbRun | None:
    from wandb.proto.wandb_internal_pb2 import Record

    first = None
    config: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    artifacts: dict[str, Any] = {}
    exit_code = None
    for message in _messages(path.read_bytes()):
        record = Record.FromString(message)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            first = first or record.run
        elif kind == "history":
            history.append(_flat(record.history.item))
        elif kind == "summary":
            summary |= _flat(record.summary.update)
        elif kind == "artifact":
            artifacts[record.artifact.name] = record.artifact
        elif kind == "request" and record.request.HasField("log_artifact"):
            artifacts[record.request.log_artifact.artifact.name] = record.request.log_artifact.artifact
        elif kind == "exit":
            exit_code = record.exit.exit_code
        for item in {"run": record.run.config, "config": record.config}.get(kind, record.config).update:
            _put(config, item)
    if first is None:
        return None
    return WandbRun(
        first.run_id,
        first.project,
        first.display_name,
        first.run_group,
        list(first.tags),
        config,
        history,
        summary,
        artifacts,
        exit_code,
    )


@pytest.fixture
def wandb_runs() -> Callable[[Path], list[WandbRun]]:
    """Reads every offline run below a folder, oldest first."""
    return lambda folder: [
        _read(path)
        for path in sorted(folder.rglob("wandb/offline-run-*/*.wandb"), key=lambda path: path.stat().st_mtime)
    ]
