"""A comparison: groups of runs, their settings that differ, and the figures to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cached_property

from seqlab.comparing.groups import ALWAYS_SHOWN, Differences, Group, find_differences, group_runs
from seqlab.comparing.runs import Run, some
from seqlab.errors import UserError
from seqlab.results.intervals import INTERVAL_NOTE, is_interval


@dataclass(frozen=True)
class Comparison:
    """What the table, the page and the files show. Row n of each is ``groups[n - 1]``."""

    groups: Sequence[Group]
    differences: Differences
    metrics: Sequence[str]
    notices: Sequence[str]

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
        """Model, data and the settings that tell rows of the same model and data from each other."""
        values: dict[tuple[str, str], set[str]] = {}
        for group in self.groups:
            choice = repr([group.settings[name] for name in ALWAYS_SHOWN])
            for key in self.differences.shown:
                values.setdefault((key, choice), set()).add(repr(group.settings[key]))
        return frozenset(ALWAYS_SHOWN) | {key for (key, _), found in values.items() if len(found) > 1}

    @property
    def constant(self) -> list[str]:
        """``model=gru`` and ``data=hdfs_window`` where all rows have the same."""
        settings = self.groups[0].settings
        return [f"{key}={settings[key]}" for key in self.differences.shown if key not in self.varying]

    @property
    def has_seeds(self) -> bool:
        return any(len(group.finished) > 1 for group in self.groups)

    @property
    def order(self) -> str:
        """How the rows are sorted, as a sentence."""
        monitors = dict.fromkeys(group.monitor for group in self.groups if group.monitor)
        if not monitors:
            return "not sorted: no run names a monitored metric"
        names = ", then ".join(
            f"{metric} ({'lowest' if mode == 'min' else 'highest'} first)" for metric, mode in monitors
        )
        return f"sorted by the monitored validation metric, {names}"

    @property
    def reading(self) -> list[str]:
        """How to read the table, as sentences."""
        spread = ["mean ± standard deviation over seeds, [95 % bootstrap interval of the mean]"]
        alone = [group for group in self.groups if len(group.finished) == 1]
        figures = [group.figure(metric) for group in alone for metric in self.metrics]
        is_bounded = any(each is not None and each.low is not None for each in figures)
        bounds = [f"of a single run: [{INTERVAL_NOTE}]"] if is_bounded else []
        return [self.order, *(spread if self.has_seeds else []), *bounds]


def compare_runs(
    runs: Sequence[Run], patterns: Sequence[str] = (), notices: Sequence[str] = ()
) -> Comparison:
    """Find what differs, group by it, choose the figures.

    Args:
        runs: one or more.
        patterns: of figures to show instead of the default ones.
        notices: what was found while the runs were read.

    Raises:
        UserError: no run, or a pattern that matches nothing.
    """
    if not runs:
        raise UserError("no run can be compared: " + "; ".join(notices))
    differences = find_differences(runs)
    groups, repeated = group_runs(runs, differences)
    told = [*notices, *repeated, *_notices_about(groups, differences)]
    return Comparison(groups, differences, _choose_metrics(groups, patterns), told)


def _notices_about(groups: Sequence[Group], differences: Differences) -> list[str]:
    runs = [run for group in groups for run in group.runs]
    unfinished = [run.name for group in groups for run in group.unfinished]
    found = []
    if unfinished:
        found.append(
            f"{len(unfinished)} of {len(runs)} runs {'is' if len(unfinished) == 1 else 'are'} unfinished "
            f"{'(no metrics.json)' if runs[0].folder else '(by their state)'}: {some(unfinished)}"
        )
    commits = sorted({run.commit for run in runs if run.commit})
    if len(commits) > 1:
        found.append(f"the runs come from {len(commits)} commits of the code: {some(commits)}")
    if few := [len(group.finished) for group in groups if 1 < len(group.finished) < 5]:
        found.append(f"intervals of {min(few)} seeds are too narrow: they know no value but those {min(few)}")
    for choice in ("data", "model"):
        if len({group.settings[choice] for group in groups}) > 1:
            found.append(
                f"rows of another {choice} may mean another thing by the same metric, such as val/loss"
            )
            break
    if differences.implied:
        found.append(f"not shown because a choice brings them: {some(list(differences.implied))}")
    return found


def _choose_metrics(groups: Sequence[Group], patterns: Sequence[str]) -> list[str]:
    """The monitored validation metrics, then the test figures of the run itself or what the patterns name.

    ``test/f1`` is a figure of the run; ``test/rank/f1`` belongs to one of several scores and is shown on
    demand. Figures that looked at test labels, ``oracle/``, and bounds, ``.../ci_low``, are matched only by a
    pattern that says so.
    """
    available = list({name: None for group in groups for run in group.finished for name in run.metrics or ()})
    monitored = dict.fromkeys(group.monitor[0] for group in groups if group.monitor)
    chosen = [name for name in monitored if name in available]
    if not patterns:
        chosen += [name for name in available if name.startswith("test/") and name.count("/") == 1]
    for pattern in patterns:
        found = [
            name
            for name in available
            if fnmatchcase(name, pattern)
            and (pattern.startswith("oracle") or not name.startswith("oracle/"))
            and ("/ci_" in pattern or not is_interval(name))
        ]
        if not found and available:
            raise UserError(_unmatched(pattern, available))
        chosen += found
    return list(dict.fromkeys(chosen))


def _unmatched(pattern: str, available: Sequence[str]) -> str:
    heads = sorted({name.split("/", 1)[0] + "/*" for name in available})
    near = get_close_matches(pattern, available, n=3, cutoff=0.5) or heads
    return f"--metrics {pattern}: no run has such a figure; did you mean {' or '.join(near)}?"
