"""Which settings differ between runs; runs that differ by seed alone are one group, a row of the table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqlab.comparing.runs import SEED, Run
from seqlab.comparing.statistics import Spread, spread
from seqlab.results.intervals import HIGH, LOW

CHOICES = ("model", "data", "optimizer", "scheduler")
ALWAYS_SHOWN = ("model", "data")
ABSENT, UNKNOWN = "–", "?"
# What a run says about where it writes, what it shows and what it is called, not about what it computes.
_IGNORED = (
    *("logger.", "resume.", "callbacks.extra.sweep.", "name.", "notes.", "tags.", "cautions."),
    *("verbose.", "safe_csv.", "trainer.enable_progress_bar."),
)


@dataclass(frozen=True)
class Differences:
    """The settings that differ."""

    shown: tuple[str, ...]  # columns of the table
    implied: tuple[str, ...]  # those that a choice such as ``model`` brings with it

    def group_key(self, run: Run) -> tuple[Hashable, ...]:
        """Equal for runs that differ by seed alone."""
        return tuple(_hashable(setting(run, key)) for key in (*CHOICES, *self.shown, *self.implied))


@dataclass(frozen=True)
class Group:
    """Runs of one setting."""

    settings: Mapping[str, Any]
    finished: tuple[Run, ...]  # one per seed
    unfinished: tuple[Run, ...] = ()  # those without metrics.json

    @property
    def runs(self) -> tuple[Run, ...]:
        return (*self.finished, *self.unfinished)

    @property
    def monitor(self) -> tuple[str, str] | None:
        return self.runs[0].monitor

    def figure(self, metric: str) -> Spread | None:
        """Over the finished runs that have the metric; None where none has. Of one run, with its interval."""
        having = [run.metrics for run in self.finished if run.metrics and metric in run.metrics]
        if len(having) == 1:
            bounds = (having[0].get(f"{metric}/{bound}") for bound in (LOW, HIGH))
            return Spread(1, having[0][metric], None, *bounds)
        return spread(tuple(each[metric] for each in having)) if having else None


def setting(run: Run, key: str) -> Any:
    """A choice, or a value of the config."""
    return run.choices.get(key, UNKNOWN) if key in CHOICES else run.config.get(key, ABSENT)


def settings_apart(first: Run, second: Run) -> list[tuple[str, Any, Any]]:
    """The settings that two runs do not have alike, choices first: name and both values."""
    keys = dict.fromkeys((*CHOICES, *first.config, *second.config))
    pairs = (
        (key, setting(first, key), setting(second, key)) for key in keys if not f"{key}.".startswith(_IGNORED)
    )
    return [(key, one, other) for key, one, other in pairs if _hashable(one) != _hashable(other)]


def _hashable(value: Any) -> Hashable:
    """Numbers compare as numbers, 1 and 1.0 alike; a bool and a number do not."""
    if isinstance(value, list | dict):
        return repr(value)
    return ("bool", value) if isinstance(value, bool) else value


def find_differences(runs: Sequence[Run]) -> Differences:
    """The settings that differ, in the order of the config; choices of groups come first."""

    def differs(key: str) -> bool:
        return len({_hashable(setting(run, key)) for run in runs}) > 1

    keys = list({key: None for run in runs for key in run.config})
    groups = list(dict.fromkeys(key.split(".", 1)[0] for key in keys))
    keys.sort(key=lambda key: groups.index(key.split(".", 1)[0]))  # also what only a later run has
    differing = [key for key in keys if key != SEED and not f"{key}.".startswith(_IGNORED) and differs(key)]
    choices = [group for group in CHOICES if group in ALWAYS_SHOWN or differs(group)]
    implied = tuple(key for key in differing if _follows_choice(runs, key))
    return Differences((*choices, *(key for key in differing if key not in implied)), implied)


def _follows_choice(runs: Sequence[Run], key: str) -> bool:
    """Whether a setting comes with a choice and says no more than the choice does.

    A class or a setting that only some models have is such; a value that all have, such as a hidden size, is
    shown even where it goes with the model, because it may be what makes the difference.
    """
    structural = key.rpartition(".")[2].startswith("_") or key.startswith("monitor.")
    if not structural and all(key in run.config for run in runs):
        return False
    found: dict[tuple[str, ...], Hashable] = {}
    for run in runs:
        choice = tuple(run.choices.get(group, UNKNOWN) for group in CHOICES)
        value = _hashable(setting(run, key))
        if found.setdefault(choice, value) != value:
            return False
    return True


def group_runs(runs: Sequence[Run], differences: Differences, repeated: list[str]) -> list[Group]:
    """One group per setting, best first by the monitored validation metric.

    Of a seed that was run twice with the same setting the last counts: a figure that is there twice would
    make the interval too narrow.

    Args:
        repeated: gets the names of runs that were repeated.
    """
    members: dict[tuple[Hashable, ...], list[Run]] = {}
    for run in runs:
        members.setdefault(differences.group_key(run), []).append(run)
    return sorted((_group(found, differences, repeated) for found in members.values()), key=_rank)


def _group(runs: Sequence[Run], differences: Differences, repeated: list[str]) -> Group:
    by_seed: dict[str, Run] = {}
    for run in sorted((run for run in runs if run.metrics is not None), key=lambda run: run.finished_at):
        if earlier := by_seed.get(str(run.seed)):
            repeated.append(earlier.name)
        by_seed[str(run.seed)] = run
    kept = set(map(id, by_seed.values()))
    settings = {key: setting(runs[0], key) for key in differences.shown}
    finished = tuple(run for run in runs if id(run) in kept)
    return Group(settings, finished, tuple(run for run in runs if run.metrics is None))


def _rank(group: Group) -> tuple[int, str, float]:
    """Runs judged by another metric stand together, those without a figure last. Never by a test metric."""
    metric, mode = group.monitor or ("", "")
    figure = group.figure(metric)
    if figure is None:
        return (1 if group.finished else 2, metric, 0.0)
    return (0, f"{metric} {mode}", figure.mean if mode == "min" else -figure.mean)
