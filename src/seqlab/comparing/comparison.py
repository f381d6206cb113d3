"""A comparison: groups of runs, their settings that differ, the figures to show; as a table of pandas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seqlab.comparing.differences import ALWAYS_SHOWN, Differences, find_differences
from seqlab.comparing.groups import Group, group_runs
from seqlab.comparing.metrics import choose_metrics
from seqlab.comparing.runs import Run, some

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """What the table, the page and the files show. Row n of each is ``groups[n - 1]``."""

    groups: Sequence[Group]
    differences: Differences
    metrics: Sequence[str]
    notices: Sequence[str]

    @property
    def settings(self) -> tuple[str, ...]:
        return self.differences.shown

    @cached_property
    def varying(self) -> list[str]:
        """The settings that are not the same in all rows; model and data are shown even then."""
        return [key for key in self.settings if len({repr(group.settings[key]) for group in self.groups}) > 1]

    @cached_property
    def needed(self) -> frozenset[str]:
        """Model, data and the settings that tell rows of the same model and data from each other."""
        values: dict[tuple[str, str], set[str]] = {}
        for group in self.groups:
            choice = repr([group.settings[name] for name in ALWAYS_SHOWN])
            for key in self.settings:
                values.setdefault((key, choice), set()).add(repr(group.settings[key]))
        return frozenset(ALWAYS_SHOWN) | {key for (key, _), found in values.items() if len(found) > 1}

    @property
    def constant(self) -> dict[str, str]:
        """Model and data where all rows have the same."""
        varying = self.varying
        return {key: text(self.groups[0].settings[key]) for key in self.settings if key not in varying}

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
    def reading(self) -> str:
        """What ± and brackets mean, as a sentence; empty where each row is one run."""
        if not self.has_seeds:
            return ""
        return "mean ± standard deviation over seeds, [95 % bootstrap interval of the mean]"


def compare_runs(
    runs: Sequence[Run], patterns: Sequence[str] = (), notices: Sequence[str] = ()
) -> Comparison:
    """Find what differs, group by it, choose the figures.

    Args:
        runs: one or more.
        patterns: of figures to show instead of the default ones.
        notices: what was found while the runs were read.

    Raises:
        UserError: a pattern matches nothing.
    """
    differences = find_differences(runs)
    groups, repeated = group_runs(runs, differences)
    told = [*notices, *repeated, *_notices_about(groups, differences)]
    return Comparison(groups, differences, choose_metrics(groups, patterns), told)


def _notices_about(groups: Sequence[Group], differences: Differences) -> list[str]:
    runs = [run for group in groups for run in group.runs]
    unfinished = [run.name for group in groups for run in group.unfinished]
    found = []
    if unfinished:
        found.append(
            f"{len(unfinished)} of {len(runs)} runs {'is' if len(unfinished) == 1 else 'are'} unfinished "
            f"{'(no metrics.json)' if runs[0].place else '(by their state)'}: {some(unfinished)}"
        )
    commits = sorted({run.commit for run in runs if run.commit})
    if len(commits) > 1:
        found.append(f"the runs come from {len(commits)} commits of the code: {some(commits)}")
    if few := [group for group in groups if 1 < len(group.finished) < 5]:
        least = min(len(group.finished) for group in few)
        found.append(f"intervals of {least} seeds are too narrow: they know no value but those {least}")
    for group in ("data", "model"):
        kinds = {repr(one.settings.get(group)) for one in groups}
        if len(kinds) > 1:
            found.append(
                f"rows of another {group} may mean another thing by the same metric, such as val/loss"
            )
            break
    if differences.implied:
        found.append(f"not shown because a choice brings them: {some(list(differences.implied))}")
    return found


def text(value: Any) -> str:
    """A setting as a reader types it on the command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(text, value))}]"
    return str(value)


def plain(value: Any) -> Any:
    """Numbers as numbers, everything else as text: a cell of the table."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else text(value)


def to_frame(comparison: Comparison) -> pd.DataFrame:
    """One row per group: row number, settings, seeds, unfinished runs, figures, names of the runs.

    A figure is the column of its name; with more than one seed somewhere ``<name> std``, ``<name> low``
    and ``<name> high`` follow. What does not exist is NaN.
    """
    import pandas as pd

    rows = []
    for number, group in enumerate(comparison.groups, start=1):
        row: dict[str, Any] = {"row": number} | {key: plain(value) for key, value in group.settings.items()}
        row |= {"seeds": len(group.finished), "unfinished": len(group.unfinished)}
        for metric in comparison.metrics:
            row |= _figure_cells(group, metric, comparison.has_seeds)
        row["runs"] = "; ".join(run.name for run in group.runs)
        rows.append(row)
    return pd.DataFrame(rows)


def _figure_cells(group: Group, metric: str, with_spread: bool) -> dict[str, float]:
    figure = group.figure(metric)
    parts = {"": "mean", " std": "std", " low": "low", " high": "high"} if with_spread else {"": "mean"}
    found = {f"{metric}{suffix}": getattr(figure, name, None) for suffix, name in parts.items()}
    return {name: float("nan") if value is None else value for name, value in found.items()}
