"""A sweep on this machine: Optuna proposes, N processes train, the storage remembers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.sweeps import study as studies
from seqlab.sweeps.launch import Launcher
from seqlab.sweeps.sweep_file import Sweep
from seqlab.sweeps.table import LiveTable
from seqlab.sweeps.trials import Plan, Running, Trial

if TYPE_CHECKING:
    import optuna

_LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Slot:
    """A place where one trial at a time runs: its share of threads, or its own GPU."""

    environment: dict[str, str]


class Engine:
    """Runs trials until the study has as many as wanted.

    Args:
        wanted: trials that count when the sweep is done, those of earlier calls included.
    """

    def __init__(
        self,
        sweep: Sweep,
        study: optuna.Study,
        plan: Plan,
        launcher: Launcher,
        slots: Sequence[Slot],
        folder: Path,
        wanted: int,
        table: LiveTable,
    ) -> None:
        self._sweep, self._study, self._plan, self._launcher = sweep, study, plan, launcher
        self._slots, self._folder, self._wanted, self._table = list(slots), folder, wanted, table
        self._running: dict[int, tuple[optuna.Trial, Running]] = {}  # slot to what runs there
        self._spaces = studies.distributions(sweep)
        self._known = studies.records(study)
        self._is_full = False

    def run(self) -> None:
        """Run to the end; an interrupt ends what is under way and queues it again."""
        try:
            while self._fill() or self._running:
                for slot in list(self._running):
                    self._look(slot)
                self._table.show(self._trials())
                time.sleep(_LOOK_SECONDS)
        except BaseException:
            self._interrupt()
            raise

    def _trials(self) -> list[Trial]:
        own = [running.trial for _, running in self._running.values()]
        numbers = {trial.number for trial in own}
        return [trial for trial in self._known if trial.number not in numbers] + own

    def _fill(self) -> bool:
        """Start trials where there is room; False when none was to start."""
        if self._is_full:
            return False
        for place in (place for place in range(len(self._slots)) if place not in self._running):
            if studies.active(self._study) >= self._wanted or self._is_exhausted():
                self._is_full = True
                return False
            self._start(place)
        return True

    def _is_exhausted(self) -> bool:
        """Whether a grid has been walked through; a queued trial is walked first."""
        from optuna.samplers import GridSampler
        from optuna.trial import TrialState

        sampler = self._study.sampler
        if not isinstance(sampler, GridSampler):
            return False
        waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return not waiting and sampler.is_exhausted(self._study)

    def _start(self, place: int) -> None:
        asked = self._study.ask(self._spaces)
        values = studies.values_of(self._sweep, asked.params)
        asked.set_user_attr(studies._OWNER, studies.owner())
        asked.set_user_attr("values", values)
        trial = Trial(asked.number, values)
        running = Running(
            trial,
            self._plan,
            self._folder / f"trial-{asked.number}",
            self._launcher,
            self._slots[place].environment,
            (lambda step, value: self._judge(asked, step, value)) if self._plan.prunes else None,
        )
        self._running[place] = (asked, running)

    @staticmethod
    def _judge(asked: optuna.Trial, step: int, value: float) -> bool:
        asked.report(value, step)
        return asked.should_prune()

    def _look(self, place: int) -> None:
        asked, running = self._running[place]
        if not running.poll():
            return
        del self._running[place]
        studies.keep(self._study, asked.number, asked._trial_id, running.trial)
        self._known = studies.records(self._study)
        self._table.ended(running.trial, self._trials())

    def _interrupt(self) -> None:
        for asked, running in self._running.values():
            running.interrupt()
            with contextlib.suppress(Exception):  # the storage may be what failed
                studies.keep(self._study, asked.number, asked._trial_id, running.trial)
                studies.again(self._study, asked.params)
        self._running.clear()
