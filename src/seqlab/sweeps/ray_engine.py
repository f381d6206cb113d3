"""A sweep on a Ray cluster: Ray Tune places trials on nodes, Optuna proposes, ASHA ends the hopeless ones."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqlab.errors import UserError
from seqlab.privacy import hidden
from seqlab.sweeps.optuna_engine import sampler_of
from seqlab.sweeps.sweep_file import Sweep
from seqlab.sweeps.trials import CRASHED, FINISHED, PRUNED, RUNNING, Plan, Trial, run_trial, trial_context

_VALUE = "objective"


def run_on_ray(
    plan: Plan, folder: Path, wanted: int, threads: int, gpus: int, arguments: argparse.Namespace
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
            f"--storage {hidden(arguments.storage)}: with --engine ray the cluster itself shares the study"
        )
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
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
    sweep = plan.sweep
    mode = "min" if sweep.goal == "minimize" else "max"
    is_grid = sweep.method == "grid"
    trainable = tune.with_parameters(_train, plan=plan, folder=folder.absolute())
    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": threads, "gpu": gpus}),
        param_space={name: tune.grid_search(each) for name, each in sweep.grids().items()} if is_grid else {},
        tune_config=tune.TuneConfig(
            metric=_VALUE,
            mode=mode,
            num_samples=1 if is_grid else wanted,
            max_concurrent_trials=arguments.jobs,
            search_alg=None if is_grid else _search(sweep, mode, arguments.seed),
            scheduler=_scheduler(sweep),
        ),
        run_config=tune.RunConfig(name="ray", storage_path=str(folder.absolute()), verbose=1),
    )
    try:
        results = tuner.fit()
    finally:
        ray.shutdown()
    return [_record(sweep, number, results[number]) for number in range(len(results))]


def _record(sweep: Sweep, number: int, result: Any) -> Trial:
    """What a trial reported last, and how Ray ended it."""
    metrics = result.metrics or {}
    trial = Trial(number, sweep.values(result.config))
    if "trial" in metrics:
        trial = Trial(**(metrics["trial"] | {"number": number}))
    if result.error is not None:
        trial.outcome, trial.error = CRASHED, "its Ray worker has died"
    elif trial.outcome == RUNNING:  # ASHA ended it
        trial.outcome, trial.seconds = PRUNED, float(metrics.get("time_total_s", 0.0))
    if trial.outcome not in (FINISHED, PRUNED):
        trial.value = None
    return trial


def _search(sweep: Sweep, mode: str, seed: int) -> Any:
    import optuna
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return OptunaSearch(sweep.distributions(), metric=_VALUE, mode=mode, sampler=sampler_of(sweep, seed))


def _scheduler(sweep: Sweep) -> Any:
    from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

    if sweep.early is None:
        return FIFOScheduler()
    return ASHAScheduler(grace_period=sweep.early.min_iter, reduction_factor=sweep.early.eta, max_t=10**6)


def _train(config: Mapping[str, Any], plan: Plan, folder: Path) -> None:
    """On a node: one trial, its validations handed to Ray, which may end it from within."""
    from ray import tune

    here = tune.get_context()
    trial = Trial(0, plan.sweep.values(config))  # numbered in the end
    context = trial_context(int(here.get_trial_resources().required_resources.get("CPU", 1)), [])

    def report(step: int, value: float) -> bool:
        tune.report({_VALUE: value, "step": step, "trial": vars(trial) | {"value": value}})
        return False

    run_trial(trial, plan, folder / f"trial-{here.get_trial_id()}", context, {}, report, lambda: False)
    worst = float("inf") if plan.sweep.goal == "minimize" else float("-inf")
    tune.report({_VALUE: worst if trial.value is None else trial.value, "trial": vars(trial)})
