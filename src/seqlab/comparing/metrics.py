"""Which figures a comparison shows."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from seqlab.comparing.groups import Group
from seqlab.errors import UserError

ORACLE = "oracle/"


def choose_metrics(groups: Sequence[Group], patterns: Sequence[str] = ()) -> list[str]:
    """The monitored validation metrics, then the test figures of the run itself or what the patterns name.

    ``test/f1`` is a figure of the run; ``test/rank/f1`` belongs to one of several scores and is shown on
    demand. Figures that looked at test labels, ``oracle/``, are matched only by a pattern that says so.

    Raises:
        UserError: a pattern matches nothing.
    """
    available = metric_names(groups)
    monitored = dict.fromkeys(group.monitor[0] for group in groups if group.monitor)
    chosen: dict[str, None] = {name: None for name in monitored if name in available}
    if not patterns:
        chosen.update(
            dict.fromkeys(name for name in available if name.startswith("test/") and name.count("/") == 1)
        )
    for pattern in patterns:
        found = [name for name in available if _matches(name, pattern)]
        if not found and available:
            raise UserError(_unmatched(pattern, available))
        chosen.update(dict.fromkeys(found))
    return list(chosen)


def metric_names(groups: Sequence[Group]) -> list[str]:
    """Every figure that a run has, in the order of its metrics.json."""
    names: dict[str, None] = {}
    for group in groups:
        for run in group.finished:
            names.update(dict.fromkeys(run.metrics or ()))
    return list(names)


def _matches(name: str, pattern: str) -> bool:
    if name.startswith(ORACLE) and not pattern.startswith("oracle"):
        return False
    return fnmatchcase(name, pattern)


def _unmatched(pattern: str, available: Sequence[str]) -> str:
    near = get_close_matches(pattern, available, n=3, cutoff=0.5)
    heads = sorted({name.split("/", 1)[0] + "/*" for name in available})
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return (
        f"--metrics {pattern}: no run has such a figure; {hint}"
        f"a name of metrics.json or a pattern is accepted, such as {', '.join(heads)}"
    )
