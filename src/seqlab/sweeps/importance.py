"""Which parameters set the better trials apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqlab.sweeps.sweep_file import Sweep
from seqlab.sweeps.trials import FINISHED, Trial


def importances(trials: Sequence[Trial], sweep: Sweep) -> dict[str, float]:
    """Share of each parameter in what sets the better trials apart, by PED-ANOVA; empty where it cannot tell.

    Computed from records alone, so that it is the same for every engine. Watanabe et al., 2023.
    """
    import optuna

    finished = [trial for trial in trials if trial.outcome == FINISHED and trial.value is not None]
    if len(finished) < 4 or len({trial.value for trial in finished}) < 2:
        return {}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=sweep.goal)  # type: ignore[arg-type]
    spaces = {name: _covering(name, finished, sweep) for name in finished[0].values}
    for trial in finished:
        params = {name: _plain(value) for name, value in trial.values.items()}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=spaces, value=trial.value))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.25)
    try:
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    except (ValueError, RuntimeError):
        return {}
    return {name: float(share) for name, share in found.items()}


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)


def _covering(name: str, trials: Sequence[Trial], sweep: Sweep) -> Any:
    """A distribution that holds all values of a parameter that were tried."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    parameter = next(each for each in sweep.searched if each.name == name)
    values = [_plain(trial.values[name]) for trial in trials]
    if parameter.choices or not all(isinstance(value, int | float) for value in values):
        return CategoricalDistribution(sorted(set(values), key=str))
    return FloatDistribution(min(values), max(values), log=parameter.is_logarithmic and min(values) > 0)
