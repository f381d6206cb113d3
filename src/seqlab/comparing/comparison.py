"""A comparison: groups of runs, their settings that differ, and the figures to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cached_property

from seqlab.comparing.groups import ALWAYS_SHOWN, UNKNOWN, Differences, Group, find_differences, group_runs
from seqlab.comparing.runs import Run, some
from seqlab.errors import UserError
from seqlab.results.intervals import INTERVAL_NOTE, is_interval

_FEW_SEEDS = 5


@dataclass(frozen=True)
class Ranking:
    """The rows of one task and data, whose figures mean the same: row n of a page is that of ``numbered``."""

    groups: Sequence[Group]
    differences: Differences
    metrics: Sequence[str]
    first_row: int = 1

    @property
    def numbered(self) -> Iterator[tuple[int, Group]]:
        return enumerate(self.groups, start=self.first_row)

    @property
    def title(self) -> str:
        """``gru on hdfs_window``."""
        models, data = (
            dict.fromkeys(str(group.settings[key]) for group in self.groups) for key in ALWAYS_SHOWN
        )
        return f"{some(list(models))} on {some(list(data))}"

    @property
    def num_runs(self) -> int:
        return sum(len(group.runs) for group in self.groups)

    @cached_property
    def varying(self) -> list[str]:
        """The shown settings that are not the same in all rows."""
        return [
            key
            for key in self.differences.shown
            if len({repr(group.settings[key]) for group in self.groups}) > 1
        ]

    @cached_property
    def needed(self) -> frozenset[str]:
        """The settings that tell rows of the same model from each other, and the model itself."""
        values: dict[tuple[str, str], set[str]] = {}
        for group in self.groups:
            choice = repr([group.settings[name] for name in ALWAYS_SHOWN])
            for key in self.differences.shown:
                values.setdefault((key, choice), set()).add(repr(group.settings[key]))
        return frozenset(ALWAYS_SHOWN) | {key for (key, _), found in values.items() if len(found) > 1}

    @property
    def has_seeds(self) -> bool:
        return any(len(group.finished) > 1 for group in self.groups)

    @property
    def monitor(self) -> tuple[str, str] | None:
        return next((group.monitor for group in self.groups if group.monitor), None)

    @property
    def summary(self) -> str:
        """How many runs, and how the rows are sorted."""
        runs, rows = self.num_runs, len(self.groups)
        counted = f"{runs:,} run{'s' * (runs > 1)}" + (
            f" in {rows:,} row{'s' * (rows > 1)}" if rows < runs else ""
        )
        if self.monitor is None:
            return f"{counted}, not sorted: no run names a monitored metric"
        metric, mode = self.monitor
        return f"{counted}, best {metric} first ({'lowest' if mode == 'min' else 'highest'})"


@dataclass(frozen=True)
class Comparison:
    """What the table, the page and the files show: a ranking for each task and data."""

    rankings: Sequence[Ranking]
    notices: Sequence[str]

    @property
    def groups(self) -> list[Group]:
        """Row n of all tables is ``groups[n - 1]``."""
        return [group for ranking in self.rankings for group in ranking.groups]

    @property
    def runs(self) -> list[tuple[int, Run]]:
        """Each run with the number of its row."""
        return [(number, run) for number, group in enumerate(self.groups, start=1) for run in group.runs]

    @property
    def has_seeds(self) -> bool:
        return any(ranking.has_seeds for ranking in self.rankings)

    def reading(self, *, with_bounds: bool = True) -> list[str]:
        """How to read the tables, as sentences.

        Args:
            with_bounds: whether the intervals of single runs are shown.
        """
        found = []
        if self.has_seeds:
            few = min(len(group.finished) for group in self.groups if len(group.finished) > 1)
            narrow = f"; too narrow, as it knows no value but those {few}" if few < _FEW_SEEDS else ""
            found.append(
                f"mean ± standard deviation over seeds, [95 % bootstrap interval of the mean{narrow}]"
            )
        alone = [
            group.figure(metric)
            for ranking in self.rankings
            for group in ranking.groups
            if len(group.finished) == 1
            for metric in ranking.metrics
        ]
        if with_bounds and any(each is not None and each.low is not None for each in alone):
            found.append(f"of a single run: [{INTERVAL_NOTE}]")
        if len(self.rankings) > 1:
            found.append("tables of other tasks or data: val/loss in one says nothing about the other")
        return found


def compare_runs(
    runs: Sequence[Run], patterns: Sequence[str] = (), notices: Sequence[str] = ()
) -> Comparison:
    """Put runs of the same task and data together, find what differs, group by it, choose the figures.

    Args:
        runs: one or more.
        patterns: of figures to show instead of the default ones.
        notices: what was found while the runs were read.

    Raises:
        UserError: no run, or a pattern that matches nothing.
    """
    if not runs:
        raise UserError("no run can be compared: " + "; ".join(notices))
    kinds: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        kinds.setdefault(_kind(run), []).append(run)
    available = list({name: None for run in runs for name in run.metrics or ()})
    for pattern in patterns if available else ():
        if not _matching(pattern, available):
            raise UserError(_unmatched(pattern, available))
    rankings: list[Ranking] = []
    repeated: list[str] = []
    for found in kinds.values():
        differences = find_differences(found)
        groups = group_runs(found, differences, repeated)
        first = 1 + sum(len(ranking.groups) for ranking in rankings)
        rankings.append(Ranking(groups, differences, _choose_metrics(groups, patterns), first))
    return Comparison(rankings, [*notices, *_notices_about(runs, repeated)])


def _kind(run: Run) -> tuple[str, ...]:
    """What must be alike for two figures of one name to mean the same: task, data, the judged metric."""
    task = str(run.config.get("model._target_", run.choices.get("model", UNKNOWN)))
    return (task, str(run.choices.get("data", UNKNOWN)), *(run.monitor or ()))


def _notices_about(runs: Sequence[Run], repeated: Sequence[str]) -> list[str]:
    found = []
    if unfinished := [f"{run.name} ({run.state})" for run in runs if run.metrics is None]:
        are = "is" if len(unfinished) == 1 else "are"
        found.append(f"{len(unfinished)} of {len(runs)} runs {are} not finished: {some(unfinished)}")
    if repeated:
        are = "run is" if len(repeated) == 1 else "runs are"
        found.append(
            f"{len(repeated)} {are} left out, as a later one has the same setting and seed: {some(repeated)}"
        )
    commits = sorted({run.commit for run in runs if run.commit})
    if len(commits) > 1:
        found.append(f"the runs come from {len(commits)} commits of the code: {some(commits)}")
    return found


def _choose_metrics(groups: Sequence[Group], patterns: Sequence[str]) -> list[str]:
    """The figures of the runs' own tables, or what the patterns name; then what the rows are sorted by.

    Where no run says which figures its table has, all like ``test/f1``: ``test/rank/f1`` belongs to one of
    several scores. Figures that looked at test labels, ``oracle/``, and bounds, ``.../ci_low``, are matched
    only by a pattern that says so.
    """
    runs = [run for group in groups for run in group.finished]
    available = list({name: None for run in runs for name in run.metrics or ()})
    chosen = [name for pattern in patterns for name in _matching(pattern, available)]
    if not patterns:
        named = dict.fromkeys(name for run in runs for name in run.figures)
        chosen = [name for name in named if name in available] or [
            name for name in available if name.startswith("test/") and name.count("/") == 1
        ]
    monitored = [group.monitor[0] for group in groups if group.monitor]
    return list(dict.fromkeys([*chosen, *(name for name in monitored if name in available)]))


def _matching(pattern: str, available: Sequence[str]) -> list[str]:
    return [
        name
        for name in available
        if fnmatchcase(name, pattern)
        and (pattern.startswith("oracle") or not name.startswith("oracle/"))
        and ("/ci_" in pattern or not is_interval(name))
    ]


def _unmatched(pattern: str, available: Sequence[str]) -> str:
    heads = sorted({name.split("/", 1)[0] + "/*" for name in available})
    near = get_close_matches(pattern, available, n=3, cutoff=0.5) or heads
    return f"--metrics {pattern}: no run has such a figure; did you mean {' or '.join(near)}?"
