"""The trials of a sweep on the terminal, while it runs, and in trials.csv."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlab.errors import escaped
from seqlab.files import whole_file
from seqlab.report.tables import short_names
from seqlab.sweeps.sweep_file import Sweep
from seqlab.sweeps.trials import FINISHED, PRUNED, RUNNING, Trial

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN = 15
_CHOOSERS = ("model", "data", "experiment")
_STYLES = {FINISHED: "", PRUNED: "dim", RUNNING: "cyan", "best": "bold green"}


def shown(value: Any) -> str:
    """A parameter's value or a metric, short."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def best_trial(trials: Sequence[Trial], goal: str) -> Trial | None:
    """The finished trial with the best mean; the first of equals."""
    done = [trial for trial in trials if trial.outcome == FINISHED and trial.value is not None]
    sign = 1 if goal == "minimize" else -1
    return min(done, key=lambda trial: (sign * (trial.value or 0.0), trial.number), default=None)


def kind_of(trial: Trial) -> str:
    """The model, data and recipe that a trial chose, such as ``gru_ae``; empty where none is searched.

    Of another kind the same metric may count other things.
    """
    return " ".join(str(trial.values[name]) for name in _CHOOSERS if name in trial.values)


def best_trials(trials: Sequence[Trial], goal: str) -> dict[str, Trial]:
    """The best trial of each kind that has a finished one."""
    kinds = dict.fromkeys(kind_of(trial) for trial in trials)
    found = {kind: best_trial([each for each in trials if kind_of(each) == kind], goal) for kind in kinds}
    return {kind: trial for kind, trial in found.items() if trial is not None}


def counts(trials: Sequence[Trial]) -> str:
    """``12 finished, 3 pruned, 1 crashed``."""
    order = list(dict.fromkeys([FINISHED, PRUNED, *(trial.outcome for trial in trials)]))
    numbers = {name: sum(trial.outcome == name for trial in trials) for name in order}
    return ", ".join(f"{number} {name}" for name, number in numbers.items() if number) or "no trial yet"


@contextmanager
def live_table(sweep: Sweep, wanted: int, trials: Callable[[], Sequence[Trial]]) -> Iterator[None]:
    """Draw the trials, of ``wanted`` in all, four times a second while the sweep runs on a terminal."""
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        yield
        return
    settings = {"console": console, "refresh_per_second": 4, "vertical_overflow": "crop"}
    with Live(get_renderable=lambda: _table(sweep, wanted, trials()), **settings):  # type: ignore[arg-type]
        yield


def tell_ended(sweep: Sweep, trial: Trial, trials: Sequence[Trial]) -> None:
    """A line for a trial that has ended; a terminal shows the table."""
    if sys.stdout.isatty():
        return
    settings = " ".join(f"{name}={shown(value)}" for name, value in trial.values.items())
    figure = f" {sweep.metric} {trial.value:.4f}" if trial.value is not None else ""
    kind = kind_of(trial)
    of_kind = f" of {kind}" if kind else ""
    star = f" (best{of_kind})" if trial is best_trials(trials, sweep.goal).get(kind) else ""
    why = f": {trial.error}" if trial.error else ""
    took = f"in {trial.seconds:.1f} s"
    said = f"trial {trial.number}: {trial.outcome}{figure}{star} {took}  {settings}{why}"
    print(escaped(said), flush=True)


def _table(sweep: Sweep, wanted: int, trials: Sequence[Trial]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    best, names = list(best_trials(trials, sweep.goal).values()), [each.name for each in sweep.searched]
    title = f"{sum(trial.counts for trial in trials)} of {wanted} trials: {counts(trials)}"
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold")
    for heading in ("trial", "outcome", sweep.metric, *short_names(names).values(), "s"):
        table.add_column(heading, justify="left" if heading == "outcome" else "right", no_wrap=True)
    recent = list(trials)[-_SHOWN:]
    earlier = [trial for trial in best if trial not in recent]
    recent = [*earlier, *recent[len(earlier) :]]
    for trial in recent:
        style = _STYLES.get("best" if trial in best else trial.outcome, "red")
        table.add_row(*map(escaped, cells(trial, names)), style=style)
    return table


def cells(trial: Trial, names: Sequence[str]) -> list[str]:
    """Number, outcome, metric, parameters and seconds of a trial as text."""
    figure = "–" if trial.value is None else f"{trial.value:.4f}"
    values = [shown(trial.values.get(name, "–")) for name in names]
    return [str(trial.number), trial.outcome, figure, *values, f"{trial.seconds:.1f}"]


def write_csv(path: Path, sweep: Sweep, trials: Sequence[Trial]) -> None:
    """trials.csv: a row per trial, written whole or not at all."""
    names = [each.name for each in sweep.searched]
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["trial", "outcome", sweep.metric, *names, "seeds", "seconds", "error", "folder"])
        for trial in trials:
            values = [trial.values.get(name, "") for name in names]
            row = [trial.number, trial.outcome, trial.value, *values, len(trial.seed_values)]
            writer.writerow([*row, f"{trial.seconds:.3f}", trial.error, trial.folder])
