"""Which settings differ between runs, apart from the seed and from what follows out of a choice."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqlab.comparing.runs import SEED, UNKNOWN, Run

CHOICES = ("model", "data", "optimizer", "scheduler")
ALWAYS_SHOWN = ("model", "data")
ABSENT = "–"
# What a run says about where it writes, not about what it computes.
_IGNORED = ("logger", "resume")
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
_TO_SEED = "${" + SEED + "}"


@dataclass(frozen=True)
class Differences:
    """The settings that differ.

    ``shown`` are columns of the table, ``implied`` those that a choice such as ``model`` brings with it;
    runs that are equal in both differ by seed alone.
    """

    shown: tuple[str, ...]
    implied: tuple[str, ...]

    def group_key(self, run: Run) -> tuple[Hashable, ...]:
        """Equal for runs that differ by seed alone."""
        return tuple(_hashable(setting(run, key)) for key in (*CHOICES, *self.shown, *self.implied))


def setting(run: Run, key: str) -> Any:
    """A choice, or a value of the config with a reference to another value resolved.

    ``${seed}`` stays as it is written, so that it is the same in all runs that follow their seed.
    """
    if key in CHOICES:
        return run.choices.get(key, UNKNOWN)
    value = run.config.get(key, ABSENT)
    for _ in range(10):  # references to references; a circle ends here
        match = _REFERENCE.fullmatch(value) if isinstance(value, str) and value != _TO_SEED else None
        if match is None or match[1] not in run.config:
            return value
        value = run.config[match[1]]
    return value


def _hashable(value: Any) -> Hashable:
    """Numbers compare as numbers, 1 and 1.0 alike; a bool and a number do not."""
    if isinstance(value, list | dict):
        return repr(value)
    return ("bool", value) if isinstance(value, bool) else value


def _ignored(key: str) -> bool:
    return key == SEED or key.split(".", 1)[0] in _IGNORED


def find_differences(runs: Sequence[Run]) -> Differences:
    """The settings that differ, in the order of the config; choices of groups come first."""
    keys = _all_keys(runs)
    followers = _seed_followers(runs, keys)
    differing = []
    for key in keys:
        if _ignored(key) or key in followers:
            continue
        if len({_hashable(run.config.get(key, ABSENT)) for run in runs}) == 1:
            continue  # also a reference that is written alike: what it refers to has a column of its own
        if len({_hashable(setting(run, key)) for run in runs}) > 1:
            differing.append(key)
    choices = [
        group
        for group in CHOICES
        if group in ALWAYS_SHOWN or len({run.choices.get(group, UNKNOWN) for run in runs}) > 1
    ]
    implied = [key for key in differing if _follows_choice(runs, key)]
    shown = [*choices, *(key for key in differing if key not in implied)]
    return Differences(tuple(shown), tuple(implied))


def _all_keys(runs: Sequence[Run]) -> dict[str, None]:
    """The keys of all runs; what only a later run has stands with the others of its group."""
    keys: dict[str, None] = {}
    for run in runs:
        keys.update(dict.fromkeys(run.config))
    groups: dict[str, list[str]] = {}
    for key in keys:
        groups.setdefault(key.split(".", 1)[0], []).append(key)
    return {key: None for members in groups.values() for key in members}


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


def _seed_followers(runs: Sequence[Run], keys: Mapping[str, None]) -> set[str]:
    """Keys named ``seed`` that follow the run's seed although the record holds them resolved.

    A folder's record says ``${seed}``. A server's holds numbers: there a key follows if it equals the run's
    seed in every run and more than one seed was run.
    """
    resolved = [run for run in runs if run.place is None]
    if len({_hashable(run.seed) for run in resolved}) < 2:
        return set()
    named = [key for key in keys if key.endswith(f".{SEED}")]
    return {key for key in named if all(run.config.get(key, run.seed) == run.seed for run in resolved)}
