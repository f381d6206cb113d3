"""What a run left behind, as one record; and where run folders lie below a folder."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from seqlab.comparing.states import FINISHED, OPEN, state_of
from seqlab.errors import UserError, shown
from seqlab.progress import track
from seqlab.project import resume_line
from seqlab.schemas import Reads, read_json

SEED, CONFIG = "seed", "config.json"
NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Run:
    """One run, from its folder or from a server."""

    name: str
    config: Mapping[str, Any]  # flat, {"optimizer.lr": 0.01}, without values that refer to others
    choices: Mapping[str, str]  # the option of each config group
    metrics: Mapping[str, float] | None  # None: it has not finished
    folder: Path | None = None  # None: a run of a server
    finished_at: float = 0.0  # seconds since the epoch; tells a rerun from what it repeats
    started_at: float = 0.0
    commit: str = ""
    state: str = FINISHED  # or running, stopped, failed; a server has words of its own
    why: str = ""  # it failed
    command: str = ""  # that goes on with it, or where nothing was saved starts it again
    figures: Sequence[str] = ()  # names in ``metrics`` that its own table shows
    rows: Sequence[Mapping[str, Any]] = ()  # of a server: the records of its curves

    @property
    def seed(self) -> Any:
        return self.config.get(SEED)

    @property
    def label(self) -> str:
        """The setting ``name``."""
        return str(self.config.get("name") or "")

    @property
    def tags(self) -> list[str]:
        found = self.config.get("tags") or ()
        return [str(tag) for tag in found] if isinstance(found, list | tuple) else []

    @property
    def report(self) -> Path | None:
        return (
            self.folder / "report.html" if self.folder and (self.folder / "report.html").is_file() else None
        )

    @property
    def monitor(self) -> tuple[str, str] | None:
        """The metric that the run is judged by and its mode, ``min`` or ``max``."""
        metric, mode = self.config.get("monitor.metric"), self.config.get("monitor.mode")
        return (str(metric), str(mode)) if metric and mode in ("min", "max") else None


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
                f"{path}: no run in it or below it; a run folder holds .hydra/ and {CONFIG}, such as "
                "runs/gru-hdfs_window/2026-01-31_12-00-00"
            )
        for run in sorted(below, key=_natural):
            found.setdefault(run.resolve(), run)
    return list(found.values())


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sort key that puts trial-2 before trial-10."""
    parts = re.split(r"(\d+)", str(path))
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def names_of(folders: Sequence[Path]) -> list[str]:
    """Short names: the paths without what all of them start with."""
    paths = [os.path.abspath(folder) for folder in folders]
    if len(paths) < 2:
        return [os.path.basename(path) for path in paths]
    common = os.path.commonpath(paths)
    return [os.path.relpath(path, common) for path in paths]


def read_runs(folders: Sequence[Path]) -> tuple[list[Run], list[str]]:
    """Each run that has a config.json, and notices about what could not be read."""
    notices: list[str] = []
    runs, without = [], []
    named = zip(folders, names_of(folders), strict=True)
    for folder, name in track(named, "reading", len(folders), "runs"):
        record = _read_json(Record, folder / CONFIG, name, notices)
        if record is None:
            without.append(name)
        else:
            runs.append(_run(folder, name, record, notices))
    if without:
        notices.append(
            f"{len(without)} left out, without a {CONFIG} that holds the run's config: {some(without)}"
        )
    return runs, notices


class Record(TypedDict):
    """A run's config.json: see ``config_record``."""

    config: Annotated[dict[str, Any], Reads(partial(json.dumps, allow_nan=False))]
    references: NotRequired[dict[str, str]]
    choices: NotRequired[dict[str, str]]


class Environment(TypedDict):
    """What is read of a run's environment.json."""

    commit: NotRequired[Any]
    command: NotRequired[str]
    figures: NotRequired[list[str]]


def _run(folder: Path, name: str, record: Mapping[str, Any], notices: list[str]) -> Run:
    path = folder / "metrics.json"
    metrics = _read_json(dict[str, Any], path, name, notices)
    figures = None if metrics is None else numbers_of(metrics)
    if dropped := [key for key in metrics or {} if key not in (figures or {})]:
        notices.append(f"{name}: metrics.json holds no number for {shown(some(dropped))}")
    environment = _read_json(Environment, folder / "environment.json", name, notices) or {}
    state, why = (FINISHED, "") if metrics is not None else state_of(folder)
    command = ""
    if state in OPEN:  # where nothing was saved, as it was begun
        command = resume_line(folder, record["config"]) or environment.get("command", "")
    return Run(
        name=name,
        config=flatten(record["config"], record.get("references", ())),
        choices=record.get("choices", {}),
        metrics=figures,
        folder=folder,
        finished_at=0.0 if figures is None else _written(path),
        started_at=_written(folder / CONFIG),
        commit=shown(environment.get("commit", "")),
        state=state,
        why=why,
        command=command,
        figures=environment.get("figures", ()),
    )


def _written(path: Path) -> float:
    """When a file was written; 0 where it has vanished since it was read."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _read_json(schema: Any, path: Path, name: str, notices: list[str]) -> Any:
    """A JSON file; None where there is no such file, and with a notice where it is another."""
    try:
        return read_json(schema, path, "it is passed over")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UserError as error:
        notices.append(f"{name}: {path.name} is broken: {str(error).removeprefix(f'{path}: ')}")
        return None


def flatten(nested: Mapping[str, Any], references: Collection[str] = (), prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` as ``{"a.b": 1}``; a list and an empty mapping are values.

    Args:
        references: dotted keys that follow another, such as the seed; they are no settings of their own.
    """
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and name not in references:
            flat.update(flatten(value, references, f"{name}."))
        elif name not in references:
            flat[name] = value
    return flat


def numbers_of(found: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a record that a float holds; a bool is none."""
    return {
        key: float(value)
        for key, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    }


def some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more:,} more" if more > 0 else "")
