"""The Optuna study of a sweep: its storage, its sampler, and how a trial is kept in it."""

from __future__ import annotations

import json
import os
import socket
import time
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlab.errors import UserError
from seqlab.sweeps.sweep_file import Sweep
from seqlab.sweeps.trials import FINISHED, INTERRUPTED, PRUNED, Trial

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_RECORD, _OWNER, _SETTINGS = "seqlab", "owner", "settings"


def open_study(sweep: Sweep, storage: str, name: str, settings: Mapping[str, Any], seed: int) -> Study:
    """Make the study, or go on with the one that is there.

    Args:
        storage: an URL of SQLAlchemy.
        settings: all that must be the same for two trials to be compared: search space, overrides, seeds.
        seed: of the sampler.

    Raises:
        UserError: the storage cannot be opened, or holds a study of another sweep under this name.
    """
    import optuna
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    try:
        study = _created(sweep, storage, name)
    except ImportError as error:  # of Optuna's, which wraps the one that names the driver
        missing = getattr(error.__cause__ or error.__context__ or error, "name", None)
        raise UserError(
            f"--storage {storage}: its driver is missing: pip install {_driver(missing)}"
        ) from None
    except (ArgumentError, SQLAlchemyError) as error:
        reason = str(error).split("\n", 1)[0]
        raise UserError(
            f"--storage {storage}: cannot be opened: {reason}; give sqlite:///FILE or postgresql://..."
        ) from None
    # Begun again with the same seed, a sampler would draw what it has drawn before; so would two machines.
    shift = len(study.get_trials(deepcopy=False)) + (0 if is_local(storage) else zlib.crc32(owner().encode()))
    study.sampler = sampler_of(sweep, (seed + 7919 * shift) % 2**32)
    text = json.dumps(settings, sort_keys=True, default=str)
    before = study.user_attrs.get(_SETTINGS)
    if before is None:
        study.set_user_attr(_SETTINGS, text)
    elif before != text:
        raise UserError(
            f"the study {name!r} in {storage} was begun with other settings: {_difference(before, text)}; "
            "give the same, or another --output and --study"
        )
    return study


def _created(sweep: Sweep, storage: str, name: str, tries: int = 5) -> Study:
    """The study; tried again where another machine makes the tables of a new database at the same time."""
    import optuna
    from sqlalchemy.exc import IntegrityError, ProgrammingError

    try:
        return optuna.create_study(
            storage=optuna.storages.RDBStorage(storage, engine_kwargs=_engine_settings(storage)),
            study_name=name,
            pruner=_pruner(sweep),
            direction=sweep.goal,  # type: ignore[arg-type]
            load_if_exists=True,
        )
    except (IntegrityError, ProgrammingError):
        if tries == 1:
            raise
        time.sleep(1)
        return _created(sweep, storage, name, tries - 1)


def is_local(storage: str) -> bool:
    return storage.startswith("sqlite")


def _engine_settings(storage: str) -> dict[str, Any]:
    return {"connect_args": {"timeout": 60}} if is_local(storage) else {"pool_pre_ping": True}


def _driver(module: str | None) -> str:
    return {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}.get(
        module or "", module or "the driver of this URL"
    )


def _difference(before: str, now: str) -> str:
    old, new = json.loads(before), json.loads(now)
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return "; ".join(f"{name} was {old.get(name)}, is {new.get(name)}" for name in names)


def sampler_of(sweep: Sweep, seed: int) -> Any:
    from optuna.samplers import GridSampler, RandomSampler, TPESampler

    if sweep.method == "grid":

        class Grid(GridSampler):
            """Does not stop a study by itself, which it may only do within Optuna's own loop."""

            def after_trial(self, *_: Any) -> None:
                pass

        return Grid(grid(sweep), seed=seed)
    if sweep.method == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, multivariate=True, constant_liar=True)


def grid(sweep: Sweep) -> dict[str, list[Any]]:
    """The values of each parameter, lists among them as text, as Optuna keeps them."""
    return {
        each.name: [
            value if isinstance(value, bool | int | float | str) else json.dumps(value)
            for value in each.grid()
        ]
        for each in sweep.searched
    }


def distributions(sweep: Sweep) -> dict[str, Any]:
    """Parameter to the distribution that draws it; of a grid, its values."""
    if sweep.method == "grid":
        from optuna.distributions import CategoricalDistribution

        return {name: CategoricalDistribution(values) for name, values in grid(sweep).items()}
    return {each.name: each.drawn_by() for each in sweep.searched}


def values_of(sweep: Sweep, params: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial is given for what Optuna drew."""
    if sweep.method == "grid":
        return {
            each.name: next(value for value in each.grid() if params[each.name] in (value, json.dumps(value)))
            for each in sweep.searched
        }
    return {each.name: each.value(params[each.name]) for each in sweep.searched}


def _pruner(sweep: Sweep) -> Any:
    from optuna.pruners import NopPruner, SuccessiveHalvingPruner

    if sweep.early is None:
        return NopPruner()
    return SuccessiveHalvingPruner(min_resource=sweep.early.min_iter, reduction_factor=sweep.early.eta)


def keep(study: Study, number: int, trial_id: int, trial: Trial) -> None:
    """Write a trial that has ended into the study."""
    from optuna.trial import TrialState

    study._storage.set_trial_user_attr(trial_id, _RECORD, asdict(trial))
    if trial.outcome == FINISHED:
        study.tell(number, trial.value)
    elif trial.outcome == PRUNED:
        study.tell(number, state=TrialState.PRUNED)
    else:
        study.tell(number, state=TrialState.FAIL)


def records(study: Study) -> list[Trial]:
    """The trials of a study, those of other machines too."""
    return [_record(each) for each in study.get_trials(deepcopy=False) if each.state.name != "WAITING"]


def _record(frozen: FrozenTrial) -> Trial:
    kept = frozen.user_attrs.get(_RECORD)
    if kept is None:
        return Trial(frozen.number, dict(frozen.user_attrs.get("values", frozen.params)))
    return Trial(**(kept | {"curve": [tuple(point) for point in kept["curve"]]}))


def counted(study: Study) -> int:
    """Trials that have ended and count: finished, pruned or failed, but not interrupted."""
    return sum(trial.counts for trial in records(study))


def active(study: Study) -> int:
    """Trials that count or are under way, on this machine or another."""
    return sum(trial.outcome != INTERRUPTED for trial in records(study))


def owner() -> str:
    """This process, told apart from an earlier one with its number."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def _started(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""


def _is_gone(who: str) -> bool:
    """Whether a process of this machine has ended; of another machine nothing is known."""
    host, pid, started = who.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _started(int(pid)) != started


def revive(study: Study) -> int:
    """Mark what a killed sweep left running as interrupted, and queue its parameters again.

    Returns:
        How many there were.
    """
    from optuna.trial import TrialState

    found = 0
    for each in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        who = each.user_attrs.get(_OWNER)
        if who is not None and _is_gone(who):
            trial = Trial(each.number, dict(each.user_attrs.get("values", {})), INTERRUPTED)
            trial.error = "the sweep was killed"
            keep(study, each.number, each._trial_id, trial)
            again(study, each.params)
            found += 1
    return found


def again(study: Study, params: Mapping[str, Any]) -> None:
    """Queue the parameters of an interrupted trial."""
    study.enqueue_trial(dict(params))
