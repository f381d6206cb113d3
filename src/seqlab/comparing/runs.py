"""What a run left behind, as one record; and where run folders lie below a folder."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.comparing.configs import choices_of, read_config
from seqlab.errors import UserError

SEED = "seed"
UNKNOWN = "?"
NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Run:
    """One run, wherever its record came from.

    ``config`` is flat, ``{"optimizer.lr": 0.01}``, with interpolations as they were written. ``choices``
    names the option of each config group. ``metrics`` is None for a run that has not finished. ``place``
    is its folder, None for a run that was read from a server; ``rows`` are then its curve's records.
    """

    name: str
    config: Mapping[str, Any]
    choices: Mapping[str, str]
    metrics: Mapping[str, float] | None
    place: Path | None = None
    finished_at: float = 0.0  # seconds since the epoch; tells a rerun from what it repeats
    commit: str = ""
    rows: Sequence[Mapping[str, Any]] = ()

    @property
    def seed(self) -> Any:
        return self.config.get(SEED)

    @property
    def monitor(self) -> tuple[str, str] | None:
        """The metric that the run is judged by and its mode, ``min`` or ``max``."""
        metric, mode = self.config.get("monitor.metric"), self.config.get("monitor.mode")
        return (str(metric), str(mode)) if metric and mode in {"min", "max"} else None


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sort key that puts trial-2 before trial-10."""
    parts = re.split(r"(\d+)", str(path))
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def find_run_folders(paths: Iterable[Path]) -> list[Path]:
    """The run folders that are named or lie below a named folder at any depth, each once.

    Raises:
        UserError: a path does not exist, is a file, or holds no run.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such folder; the path is relative to {Path.cwd()}")
        if not path.is_dir():
            raise UserError(f"{path} is a file: give a run folder, or a folder that holds run folders")
        below = []
        for folder, names, _ in os.walk(path):
            if ".hydra" in names:
                below.append(Path(folder))
                names.clear()  # checkpoints and logs of a run hold no other runs
        if not below:
            raise UserError(
                f"{path}: no run in it or below it; a run folder holds .hydra/config.yaml, such as "
                "runs/gru-hdfs_window/2026-01-31_12-00-00"
            )
        for run in sorted(below, key=_natural):
            found.setdefault(run.resolve(), run)
    return list(found.values())


def read_runs(folders: Sequence[Path]) -> tuple[list[Run], list[str]]:
    """Each run that has a readable config, and a notice for each file that could not be read."""
    notices: list[str] = []
    read = (read_run(folder, name, notices) for folder, name in zip(folders, names_of(folders), strict=True))
    return [run for run in read if run is not None], notices


def names_of(folders: Sequence[Path]) -> list[str]:
    """Short names: the paths without what all of them start with."""
    paths = [os.path.abspath(folder) for folder in folders]
    if len(paths) < 2:
        return [os.path.basename(path) for path in paths]
    common = os.path.commonpath(paths)
    return [os.path.relpath(path, common) for path in paths]


def read_run(folder: Path, name: str, notices: list[str]) -> Run | None:
    """The record of a run folder; None, with a notice, where its config cannot be read."""
    path = folder / ".hydra" / "config.yaml"
    try:
        config = read_config(path.read_text(encoding="utf-8"))
    except OSError as error:
        notices.append(f"{name}: left out: .hydra/config.yaml cannot be read: {error.strerror}")
        return None
    except ValueError as error:
        notices.append(f"{name}: left out: .hydra/config.yaml is broken: {error}")
        return None
    if not config:
        notices.append(f"{name}: left out: .hydra/config.yaml is empty")
        return None
    target = folder / "metrics.json"
    metrics = _read_metrics(target, name, notices)
    return Run(
        name=name,
        config=config,
        choices=_read_choices(folder, config, name, notices),
        metrics=metrics,
        place=folder,
        finished_at=target.stat().st_mtime if metrics is not None else 0.0,
        commit=_read_commit(folder, name, notices),
    )


def _read_choices(folder: Path, config: Mapping[str, Any], name: str, notices: list[str]) -> dict[str, str]:
    try:
        return choices_of((folder / ".hydra" / "hydra.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        notices.append(f"{name}: .hydra/hydra.yaml cannot be read: model and data are named by their class")
        return class_choices(config)


def class_choices(config: Mapping[str, Any]) -> dict[str, str]:
    """The class behind each group, where no record says which option was chosen."""
    groups = ("model", "data", "optimizer", "scheduler")
    found = {group: str(config.get(f"{group}._target_", UNKNOWN)).rpartition(".")[2] for group in groups}
    network = config.get("model.network._target_")
    return found | ({"model": str(network).rpartition(".")[2]} if network else {})


def _read_json(path: Path, name: str, notices: list[str]) -> dict[str, Any] | None:
    """A JSON object; None where there is no such file, and with a notice where it is not one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
        problem = f"an object is expected, not a {type(found).__name__}"
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = str(error.strerror)
    except ValueError as error:
        problem = str(error)
    notices.append(f"{name}: {path.name} is broken: {problem}")
    return None


def _read_metrics(path: Path, name: str, notices: list[str]) -> dict[str, float] | None:
    found = _read_json(path, name, notices)
    if found is None:
        return None
    figures = numbers_of(found)
    if dropped := [key for key in found if key not in figures]:
        notices.append(f"{name}: metrics.json holds no number for {', '.join(dropped)}")
    return figures


def numbers_of(found: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a record; a bool is none."""
    return {
        key: float(value)
        for key, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _read_commit(folder: Path, name: str, notices: list[str]) -> str:
    found = _read_json(folder / "environment.json", name, notices) or {}
    return str(found.get("commit", ""))


def some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more:,} more" if more > 0 else "")
