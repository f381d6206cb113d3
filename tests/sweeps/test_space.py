"""What W&B's distributions draw, and what is said of a parameter that cannot be drawn."""

import math
from typing import Any

import optuna
import pytest

from seqlab.errors import UserError
from seqlab.sweeps.space import Parameter, draw, read_parameters


def parameter(**settings: Any) -> Parameter:
    (found,) = read_parameters({"p": settings})
    return found


def drawn(each: Parameter, number: int = 400) -> list[Any]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    values = []
    for _ in range(number):
        trial = study.ask()
        draw(trial, "p", each.distribution())
        values.append(each.value(trial.params["p"]))
    return values


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"value": 3}, "constant"),
        ({"values": [1, 2]}, "categorical"),
        ({"min": 1, "max": 4}, "int_uniform"),
        ({"min": 1, "max": 4.5}, "uniform"),
        ({"min": "1e-3", "max": "2e-2"}, "uniform"),  # YAML 1.1 reads text where no point stands
    ],
)
def test_a_distribution_that_is_not_named_is_the_one_wandb_takes(settings: dict[str, Any], kind: str) -> None:
    assert parameter(**settings).kind == kind


@pytest.mark.parametrize(
    ("settings", "low", "high", "median"),
    [
        ({"min": 3, "max": 7}, 3, 7, 5),
        ({"min": 2.0, "max": 4.0}, 2, 4, 3),
        ({"distribution": "log_uniform_values", "min": "1e-4", "max": 1}, 1e-4, 1, 1e-2),
    ],
)
def test_a_distribution_draws_within_its_bounds_around_its_median(
    settings: dict[str, Any], low: float, high: float, median: float
) -> None:
    values = sorted(drawn(parameter(**settings)))
    assert low - 1e-9 <= values[0] < values[-1] <= high + 1e-9
    span = math.log(high / low) if low > 0 and high / low > 20 else high - low
    middle = values[len(values) // 2]
    off = math.log(middle / median) if low > 0 and high / low > 20 else middle - median
    assert abs(off) < 0.1 * span


def test_a_grid_has_every_value_or_is_refused() -> None:
    assert parameter(min=2, max=5).grid() == [2, 3, 4, 5]
    with pytest.raises(UserError, match=r"^parameters\.p: method=grid .*; give values"):
        parameter(min=0.1, max=0.2).grid()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min": 1}, "parameters.p: give value:, values:, or min: and max:"),
        (
            {"values": [1], "vals": [1]},
            "parameters.p: distribution=categorical takes values; got values, vals",
        ),
        ({"min": "low", "max": 2}, "parameters.p.min: give a number, such as 0.01"),
        ({"min": 3, "max": 2}, "parameters.p: min=3 is more than max=2"),
        ({"values": []}, "parameters.p.values=[]: give a list with at least one value"),
        ({"values": [1, 1]}, "parameters.p.values=[1, 1]: a value stands there twice"),
        ({"value": None}, "parameters.p: W&B's agent writes an empty value as the word None"),
        ({"distribution": "poisson"}, "parameters.p.distribution=poisson: not drawn here; choose constant, "),
        ({"distribution": "uniform", "min": 1}, "parameters.p: distribution=uniform takes min, max; got min"),
        (
            {"distribution": "uniform", "min": 1, "max": 2, "q": 1},
            "parameters.p: distribution=uniform takes min, max; got min, max, q",
        ),
        ({"distribution": "log_uniform_values", "min": 0, "max": 2}, "parameters.p.min=0: distribution="),
        (
            {"values": [1, 2], "probabilities": [1, 2]},
            "parameters.p: distribution=categorical takes values; got values, probabilities",
        ),
        ({"parameters": {"q": {"value": 1}}}, "parameters.p: W&B's agent passes nested parameters as a dict"),
        (3, "parameters.p: 3; write value:"),
    ],
)
def test_a_parameter_that_cannot_be_drawn_is_told(settings: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_parameters({"p": settings})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "name", ["normal", "log_normal", "beta", "q_uniform", "log_uniform", "inv_log_uniform_values"]
)
def test_a_rare_distribution_is_refused_by_name_with_what_is_accepted(name: str) -> None:
    with pytest.raises(UserError) as caught:
        read_parameters({"p": {"distribution": name, "mu": 0, "sigma": 1}})
    assert str(caught.value) == (
        f"parameters.p.distribution={name}: not drawn here; choose constant, categorical, int_uniform, "
        "uniform, log_uniform_values"
    )
