"""A sweep on this machine: Optuna proposes, prunes and remembers; N processes train."""

from __future__ import annotations

import json
import queue
import signal
import threading
import time
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from platform import node
from typing import TYPE_CHECKING, Any

from seqlab.errors import UserError
from seqlab.privacy import hidden
from seqlab.sweeps.space import draw
from seqlab.sweeps.sweep_file import Sweep
from seqlab.sweeps.table import live_table, tell_ended
from seqlab.sweeps.trials import FINISHED, INTERRUPTED, PRUNED, RUNNING, Plan, Trial, run_trial

if TYPE_CHECKING:
    import optuna

_RECORD, _SETTINGS = "seqlab", "settings"


class TrialFailedError(Exception):
    """Tells Optuna that a trial has failed; what went wrong stands in its record."""


def open_study(sweep: Sweep, storage: str, name: str, settings: Mapping[str, Any], seed: int) -> optuna.Study:
    """Make the study, or go on with the one that is there; trials of killed sweeps are queued again.

    Args:
        storage: a URL of SQLAlchemy.
        settings: all that must be the same for two trials to be compared: search space, overrides, seeds.
        seed: of the sampler.

    Raises:
        UserError: the storage cannot be opened, or holds a study of another sweep under this name.
    """
    import optuna
    from optuna.pruners import NopPruner, SuccessiveHalvingPruner
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    is_local = storage.startswith("sqlite")
    shown = hidden(storage)  # without its password
    beat, grace = (1, 4) if is_local else (10, 60)  # seconds between signs of life, and without any
    try:
        database = optuna.storages.RDBStorage(
            storage,
            engine_kwargs={"connect_args": {"timeout": 60}} if is_local else {"pool_pre_ping": True},
            heartbeat_interval=beat,
            grace_period=grace,
            heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(),
        )
        study = optuna.create_study(
            storage=database,
            study_name=name,
            pruner=NopPruner()
            if sweep.early is None
            else SuccessiveHalvingPruner(min_resource=sweep.early.min_iter, reduction_factor=sweep.early.eta),
            direction=sweep.goal,  # type: ignore[arg-type]
            load_if_exists=True,
        )
    except ImportError as error:  # Optuna's, which wraps the one that names the driver
        missing = getattr(error.__cause__ or error.__context__ or error, "name", None) or "its driver"
        raise UserError(f"--storage {shown}: its driver is missing: pip install {missing}") from None
    except SQLAlchemyError as error:
        reason = hidden(str(error).split("\n", 1)[0])
        advice = "give sqlite:///FILE or postgresql://..."
        raise UserError(f"--storage {shown}: cannot be opened: {reason}; {advice}") from None
    _check_settings(study, shown, name, json.dumps(settings, sort_keys=True, default=str))
    if is_local:
        _wait_for_signs_of_life(study, beat + grace)
    # Begun again with the same seed, a sampler would draw what it has drawn before; so would two machines.
    shift = len(study.trials) + (0 if is_local else zlib.crc32(f"{node()}{time.time_ns()}".encode()))
    study.sampler = sampler_of(sweep, (seed + 7919 * shift) % 2**32)
    return study


def _check_settings(study: optuna.Study, storage: str, name: str, now: str) -> None:
    before = study.user_attrs.get(_SETTINGS)
    if before is None:
        study.set_user_attr(_SETTINGS, now)
    elif before != now:
        old, new = json.loads(before), json.loads(now)
        difference = "; ".join(f"{key} was {old[key]}, is {new[key]}" for key in new if old[key] != new[key])
        raise UserError(
            f"the study {name!r} in {storage} was begun with other settings: {difference}; "
            "give the same, or another --output and --study"
        )


def _wait_for_signs_of_life(study: optuna.Study, seconds: float) -> None:
    """Until what a killed sweep left running is queued again; the trials of a live one stay."""
    from optuna.storages import fail_stale_trials
    from optuna.trial import TrialState

    deadline = time.monotonic() + seconds
    while study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)) and time.monotonic() < deadline:
        time.sleep(0.2)
        fail_stale_trials(study)


def sampler_of(sweep: Sweep, seed: int) -> Any:
    """What proposes values; the same ones for the same seed."""
    from optuna.samplers import GridSampler, RandomSampler, TPESampler

    sampler: Any
    if sweep.method == "grid":
        sampler = GridSampler(sweep.grids(), seed)
        sampler.after_trial = lambda *_: None  # it would stop before a trial that was queued again has run
    elif sweep.method == "random":
        sampler = RandomSampler(seed=seed)
    else:
        sampler = TPESampler(seed=seed, multivariate=True, constant_liar=True)
    sampler.reseed_rng = lambda: None  # Optuna does so, at random, for each of several jobs
    return sampler


def records(study: optuna.Study) -> list[Trial]:
    """The trials of a study that have begun, those of other machines too."""
    found = []
    for each in study.get_trials(deepcopy=False):
        known = each.user_attrs.get(_RECORD)
        if each.state.name == "WAITING":
            continue
        if known is not None:
            curve = list(each.intermediate_values.items())
            found.append(Trial(**(known | {"number": each.number, "curve": curve})))
        else:
            outcome = RUNNING if each.state.name == "RUNNING" else INTERRUPTED
            error = "" if outcome == RUNNING else "the sweep was killed"
            found.append(Trial(each.number, dict(each.params), outcome, error=error))
    return found


class LocalSweep:
    """Optuna's loop over the trials of a plan, each in processes of this machine.

    Args:
        context: of ``trial_context``.
        slots: the environment of each job; a trial takes one and gives it back.
    """

    def __init__(
        self, plan: Plan, study: optuna.Study, context: Any, slots: Sequence[dict[str, str]], folder: Path
    ) -> None:
        self._plan, self._study, self._context = plan, study, context
        self._folder, self._jobs = folder, len(slots)
        self._slots: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        for slot in slots:
            self._slots.put(slot)
        self._spaces = plan.sweep.distributions()
        self._trials = {trial.number: trial for trial in records(study)}
        self._over = threading.Event()

    def run(self, wanted: int) -> bool:
        """Run trials until the study has ``wanted`` that count, those of earlier calls included.

        Returns:
            False where Ctrl-C or SIGTERM ended it; what was under way is queued again.
        """
        self._wanted = wanted
        before = sum(trial.counts for trial in self._trials.values())
        if before:
            print(f"{before} trials are there already")
        if before >= wanted:
            return True
        with live_table(self._plan.sweep, wanted, self._known), _told_to_end(self._over):
            self._study.optimize(
                self._objective,
                n_trials=wanted - before,
                n_jobs=self._jobs,
                catch=TrialFailedError,
                callbacks=[self._stop_when_enough],
            )
        return not self._over.is_set()

    def _objective(self, asked: optuna.Trial) -> float:
        """Train a trial and tell Optuna how it ended."""
        from optuna import TrialPruned

        for name, distribution in self._spaces.items():
            draw(asked, name, distribution)
        trial = Trial(asked.number, self._plan.sweep.values(asked.params))
        self._trials[trial.number] = trial

        def judge(step: int, value: float) -> bool:
            asked.report(value, step)
            return asked.should_prune()

        slot = self._slots.get()
        try:
            folder = self._folder / f"trial-{trial.number}"
            run_trial(trial, self._plan, folder, self._context, slot, judge, self._over.is_set)
        finally:
            self._slots.put(slot)
        asked.set_user_attr(_RECORD, asdict(trial) | {"curve": []})
        if trial.outcome == INTERRUPTED:
            self._study.stop()
            self._study.enqueue_trial(asked.params)
        tell_ended(self._plan.sweep, trial, self._known())
        if trial.outcome == PRUNED:
            raise TrialPruned
        if trial.outcome != FINISHED:
            raise TrialFailedError(trial.error)
        assert trial.value is not None
        return trial.value

    def _stop_when_enough(self, study: optuna.Study, _: Any) -> None:
        """Count the trials of other machines, too."""
        known = records(study)
        self._trials |= {trial.number: trial for trial in known if trial.number not in self._trials}
        if sum(trial.outcome != INTERRUPTED for trial in known) >= self._wanted:
            study.stop()

    def _known(self) -> list[Trial]:
        return [self._trials[number] for number in sorted(self._trials)]


@contextmanager
def _told_to_end(over: threading.Event) -> Iterator[None]:
    """Set ``over`` at Ctrl-C and at SIGTERM, which a cluster sends before it ends a job."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: over.set()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
