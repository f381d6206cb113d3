"""Runs that differ by seed alone, as one row of the table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqlab.comparing.differences import Differences, setting
from seqlab.comparing.runs import Run, some
from seqlab.comparing.statistics import Spread, spread


@dataclass(frozen=True)
class Group:
    """Runs of one setting: ``finished`` holds one run per seed, ``unfinished`` those without metrics.json."""

    settings: Mapping[str, Any]
    finished: tuple[Run, ...]
    unfinished: tuple[Run, ...] = ()

    @property
    def runs(self) -> tuple[Run, ...]:
        return (*self.finished, *self.unfinished)

    @property
    def monitor(self) -> tuple[str, str] | None:
        return self.runs[0].monitor

    def figure(self, metric: str) -> Spread | None:
        """Over the finished runs that have the metric; None where none has."""
        values = [run.metrics[metric] for run in self.finished if run.metrics and metric in run.metrics]
        return spread(values) if values else None


def group_runs(runs: Sequence[Run], differences: Differences) -> tuple[list[Group], list[str]]:
    """One group per setting, best first by the monitored validation metric, and notices.

    Of a seed that was run twice with the same setting the last counts: a figure that is there twice would
    make the interval too narrow.
    """
    members: dict[tuple[Hashable, ...], list[Run]] = {}
    for run in runs:
        members.setdefault(differences.group_key(run), []).append(run)
    repeated: list[str] = []
    groups = [_group(found, differences, repeated) for found in members.values()]
    notices = []
    if repeated:
        are = "run is" if len(repeated) == 1 else "runs are"
        notices.append(
            f"{len(repeated)} {are} left out, as a later one has the same setting and seed: {some(repeated)}"
        )
    return sorted(groups, key=_rank), notices


def _group(runs: Sequence[Run], differences: Differences, repeated: list[str]) -> Group:
    by_seed: dict[str, Run] = {}
    for run in sorted((run for run in runs if run.metrics is not None), key=lambda run: run.finished_at):
        earlier = by_seed.get(str(run.seed))
        if earlier is not None:
            repeated.append(earlier.name)
        by_seed[str(run.seed)] = run
    kept = set(map(id, by_seed.values()))
    settings = {key: setting(runs[0], key) for key in differences.shown}
    return Group(
        settings,
        tuple(run for run in runs if id(run) in kept),
        tuple(run for run in runs if run.metrics is None),
    )


def _rank(group: Group) -> tuple[int, str, float]:
    """Runs judged by another metric stand together, those without a figure last. Never by a test metric."""
    if group.monitor is None:
        return (1 if group.finished else 2, "", 0.0)
    metric, mode = group.monitor
    figure = group.figure(metric)
    if figure is None:
        return (1 if group.finished else 2, metric, 0.0)
    return (0, f"{metric} {mode}", figure.mean if mode == "min" else -figure.mean)
