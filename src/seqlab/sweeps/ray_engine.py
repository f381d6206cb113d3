"""A sweep on a Ray cluster: Ray Tune places trials on nodes, Optuna proposes, ASHA ends the hopeless ones."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqlab.errors import UserError
from seqlab.sweeps.study import distributions, grid, sampler_of, values_of
from seqlab.sweeps.sweep_file import Sweep
from seqlab.sweeps.table import LiveTable
from seqlab.sweeps.trials import CRASHED, FINISHED, PRUNED, Plan, Running, Trial

_LOOK_SECONDS = 0.05
_STEP, _VALUE = "training_iteration", "objective"


def run_on_ray(
    sweep: Sweep,
    plan: Plan,
    folder: Path,
    wanted: int,
    threads: int,
    gpus: int,
    arguments: argparse.Namespace,
) -> list[Trial]:
    """Run a sweep with Ray Tune; trials lie in ``folder``, which all nodes must see.

    Args:
        threads: CPUs of a trial.
        gpus: GPUs of a trial.

    Raises:
        UserError: Ray is not installed, no cluster answers at the address, or an option that Ray has not.
    """
    try:
        import ray
        from ray import tune
    except ImportError:
        raise UserError("--engine ray: Ray is not installed: pip install 'seqlab[ray]'") from None
    if arguments.storage is not None:
        raise UserError(
            f"--storage {arguments.storage}: with --engine ray the cluster itself shares the study"
        )
    for name, value in {
        "RAY_AIR_NEW_OUTPUT": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }.items():
        os.environ.setdefault(name, value)
    try:
        ray.init(
            address=arguments.address,
            num_cpus=None if arguments.address else max(arguments.jobs * threads, 1),
            include_dashboard=None if arguments.address else False,
            log_to_driver=False,
            configure_logging=False,
            runtime_env={"env_vars": {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}},
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UserError(
            f"--address {arguments.address}: no cluster there: {str(error).splitlines()[0]}"
        ) from None
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = [each.name for each in sweep.searched]
    try:
        with LiveTable(names, sweep.metric, sweep.goal, wanted) as table:
            watcher = _watcher(sweep, table)
            is_grid = sweep.method == "grid"
            space = (
                {name: tune.grid_search(values) for name, values in grid(sweep).items()} if is_grid else {}
            )
            settings = tune.TuneConfig(
                metric=_VALUE,
                mode="min" if sweep.goal == "minimize" else "max",
                num_samples=1 if is_grid else wanted,
                max_concurrent_trials=arguments.jobs,
                search_alg=_search(sweep, arguments.seed),
                scheduler=_scheduler(sweep),
            )
            trainable = tune.with_resources(
                tune.with_parameters(_train, sweep=sweep, plan=plan, folder=folder.absolute()),
                {"cpu": threads, "gpu": gpus},
            )
            run = tune.RunConfig(
                name="ray", storage_path=str(folder.absolute()), verbose=0, callbacks=[watcher]
            )
            tuner = tune.Tuner(trainable, param_space=space, tune_config=settings, run_config=run)
            tuner.fit()
            return list(watcher.trials.values())
    finally:
        ray.shutdown()


def _search(sweep: Sweep, seed: int) -> Any:
    from ray.tune.search.optuna import OptunaSearch

    if sweep.method == "grid":
        return None
    mode = "min" if sweep.goal == "minimize" else "max"
    return OptunaSearch(distributions(sweep), metric=_VALUE, mode=mode, sampler=sampler_of(sweep, seed))


def _scheduler(sweep: Sweep) -> Any:
    from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

    if sweep.early is None:
        return FIFOScheduler()
    return ASHAScheduler(grace_period=sweep.early.min_iter, reduction_factor=sweep.early.eta, max_t=10**6)


def _train(config: Mapping[str, Any], sweep: Sweep, plan: Plan, folder: Path) -> None:
    """On a node: one trial, its processes started anew, its validations handed to Ray."""
    from ray import tune

    from seqlab.sweeps.launch import Fresh

    launcher = Fresh()
    name = f"trial-{tune.get_context().get_trial_id()}"
    trial = Trial(0, values_of(sweep, config))  # numbered by the watcher
    cpus = int(tune.get_context().get_trial_resources().required_resources.get("CPU", 1))

    def report(step: int, value: float) -> bool:
        tune.report({_VALUE: value, "step": step, "trial": vars(trial) | {"value": value}})
        return False

    try:
        running = Running(trial, plan, folder / name, launcher, {"OMP_NUM_THREADS": str(cpus)}, report)
        while not running.poll():
            time.sleep(_LOOK_SECONDS)
    finally:  # Ray ends a trial from within
        launcher.close()
    worst = float("inf") if sweep.goal == "minimize" else float("-inf")
    tune.report({_VALUE: worst if trial.value is None else trial.value, "trial": vars(trial), "ended": True})


def _watcher(sweep: Sweep, table: LiveTable) -> Any:
    """Ray's callback that keeps what each trial has reported."""
    from ray.tune import Callback

    class Watcher(Callback):
        def __init__(self) -> None:
            self.trials: dict[str, Trial] = {}

        def __reduce__(self) -> Any:
            return dict, ()  # Ray keeps a copy of the tuner to restore, a table on a terminal is none of it

        def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: Any, **_: Any) -> None:
            self.trials[trial.trial_id] = Trial(**(result["trial"] | {"number": self._known(trial).number}))
            table.show(list(self.trials.values()))

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            known = self._known(trial)
            if known.outcome == "running":  # ASHA ended it
                known.outcome, known.seconds = PRUNED, float(trial.last_result.get("time_total_s", 0.0))
            elif known.outcome != FINISHED:
                known.value = None
            table.ended(known, list(self.trials.values()))

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            known = self._known(trial)
            known.outcome, known.error, known.value = CRASHED, "its Ray worker has died", None
            table.ended(known, list(self.trials.values()))

        def _known(self, trial: Any) -> Trial:
            fresh = Trial(len(self.trials), values_of(sweep, trial.config))
            return self.trials.setdefault(trial.trial_id, fresh)

    return Watcher()
