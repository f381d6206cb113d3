"""The trials of a sweep on the terminal, while it runs, and in trials.csv."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from seqlab.files import whole_file
from seqlab.sweeps.trials import FINISHED, PRUNED, Trial

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN = 15
_STYLES = {FINISHED: "", PRUNED: "dim", "running": "cyan", "best": "bold green"}


def shown(value: Any) -> str:
    """A parameter's value or a metric, short."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def best_trial(trials: Sequence[Trial], goal: str) -> Trial | None:
    """The finished trial with the best mean; the first of equals."""
    done = [trial for trial in trials if trial.outcome == FINISHED and trial.value is not None]
    sign = 1 if goal == "minimize" else -1
    return min(done, key=lambda trial: (sign * (trial.value or 0.0), trial.number), default=None)


def counts(trials: Sequence[Trial]) -> str:
    """``12 finished, 3 pruned, 1 crashed``."""
    order = list(dict.fromkeys([FINISHED, PRUNED, *(trial.outcome for trial in trials)]))
    numbers = {name: sum(trial.outcome == name for trial in trials) for name in order}
    return ", ".join(f"{number} {name}" for name, number in numbers.items() if number) or "no trial yet"


class LiveTable:
    """A table that is drawn anew on a terminal; elsewhere one line for each trial that ends.

    Args:
        names: of the searched parameters.
        wanted: trials that the sweep is to have.
    """

    def __init__(self, names: Sequence[str], metric: str, goal: str, wanted: int) -> None:
        from rich.console import Console

        self._names, self._metric, self._goal, self._wanted = list(names), metric, goal, wanted
        self._console = Console(highlight=False, soft_wrap=True)
        self._live: Any = None
        self._drawn = 0.0

    def __enter__(self) -> LiveTable:
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, trials: Sequence[Trial], *, now: bool = False) -> None:
        """Draw the table, at most four times a second."""
        if self._live is None or (not now and time.monotonic() - self._drawn < 0.25):
            return
        self._drawn = time.monotonic()
        self._live.update(self._table(trials), refresh=True)

    def ended(self, trial: Trial, trials: Sequence[Trial]) -> None:
        """A trial has ended."""
        if self._live is not None:
            self.show(trials, now=True)
            return
        settings = " ".join(
            f"{name}={shown(trial.values[name])}" for name in self._names if name in trial.values
        )
        figure = f" {self._metric} {trial.value:.4f}" if trial.value is not None else ""
        best = best_trial(trials, self._goal)
        star = " (best)" if best is not None and best.number == trial.number else ""
        why = f": {trial.error}" if trial.error else ""
        print(
            f"trial {trial.number}: {trial.outcome}{figure}{star} in {trial.seconds:.1f} s  {settings}{why}",
            flush=True,
        )

    def _table(self, trials: Sequence[Trial]) -> Table:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        best = best_trial(trials, self._goal)
        counted = sum(trial.counts for trial in trials)
        table = Table(
            title=f"{counted} of {self._wanted} trials: {counts(trials)}",
            box=SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            title_justify="left",
            title_style="bold",
        )
        last_parts = short_names(self._names)
        for heading in ("trial", "outcome", self._metric, *last_parts, "s"):
            table.add_column(heading, justify="left" if heading == "outcome" else "right", no_wrap=True)
        recent = list(trials)[-_SHOWN:]
        if best is not None and best not in recent:
            recent = [best, *recent[1:]]
        for trial in recent:
            style = "best" if trial is best else trial.outcome
            table.add_row(
                str(trial.number),
                trial.outcome,
                "–" if trial.value is None else f"{trial.value:.4f}",
                *(shown(trial.values.get(name, "–")) for name in self._names),
                f"{trial.seconds:.1f}" if trial.seconds else "",
                style=_STYLES.get(style, "red"),
            )
        return table


def short_names(names: Sequence[str]) -> list[str]:
    """The last part of each dotted name where it tells them apart, else the whole name."""
    last = [name.rsplit(".", 1)[-1] for name in names]
    return [part if last.count(part) == 1 else name for part, name in zip(last, names, strict=True)]


def write_csv(path: Path, names: Sequence[str], metric: str, trials: Sequence[Trial]) -> None:
    """trials.csv: a row per trial, written whole or not at all."""
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        times = ["seconds", "start_seconds", "fit_seconds"]
        writer.writerow(["trial", "outcome", metric, *names, "seeds", *times, "error", "folder"])
        for trial in trials:
            writer.writerow(
                [
                    trial.number,
                    trial.outcome,
                    "" if trial.value is None else repr(trial.value),
                    *(trial.values.get(name, "") for name in names),
                    len(trial.seed_values),
                    *(
                        f"{seconds:.3f}"
                        for seconds in (trial.seconds, trial.start_seconds, trial.fit_seconds)
                    ),
                    trial.error,
                    trial.folder,
                ]
            )
