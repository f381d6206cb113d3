"""A search space in W&B's terms, and which of Optuna's distributions draws each parameter."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqlab.errors import UserError, shown

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import BaseDistribution

_BOUNDS = ("min", "max")
# The keys that each distribution needs. W&B has more of them; those are refused by name.
DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    "constant": ("value",),
    "categorical": ("values",),
    "int_uniform": _BOUNDS,
    "uniform": _BOUNDS,
    "log_uniform_values": _BOUNDS,
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a sweep."""

    name: str  # a key of the config, such as optimizer.lr, or a group, such as model
    kind: str  # W&B's name of the distribution
    settings: Mapping[str, Any]  # its keys

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values of a constant or categorical parameter; empty for any other."""
        return (
            (self.settings["value"],) if self.kind == "constant" else tuple(self.settings.get("values", ()))
        )

    @property
    def first(self) -> Any:
        """A value at which the config can be checked."""
        return self.choices[0] if self.choices else self.settings["min"]

    def grid(self) -> list[Any]:
        """Every value, for ``method: grid``.

        Raises:
            UserError: there is no end of values.
        """
        if self.choices:
            return list(self.choices)
        if self.kind != "int_uniform":
            raise UserError(
                f"parameters.{self.name}: method=grid wants every value, and distribution={self.kind} has no "
                "end of them; give values: [...], or method: random"
            )
        return list(range(int(self.settings["min"]), int(self.settings["max"]) + 1))

    def distribution(self) -> BaseDistribution:
        """What Optuna draws it from."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.choices:
            return CategoricalDistribution([plain(choice) for choice in self.choices])
        low, high = self.settings["min"], self.settings["max"]
        if self.kind == "int_uniform":
            return IntDistribution(int(low), int(high))
        return FloatDistribution(low, high, log=self.kind == "log_uniform_values")

    def value(self, drawn: Any) -> Any:
        """What a trial is given for what Optuna drew."""
        return next((choice for choice in self.choices if plain(choice) == drawn), drawn)


def plain(choice: Any) -> Any:
    """A choice as Optuna stores it: lists as text."""
    return choice if isinstance(choice, bool | int | float | str) else json.dumps(choice, default=str)


def draw(trial: Trial, name: str, distribution: Any) -> None:
    """Draw a parameter of a trial."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        trial.suggest_categorical(name, distribution.choices)
    elif isinstance(distribution, IntDistribution):
        trial.suggest_int(name, distribution.low, distribution.high)
    else:
        trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)


def read_parameters(node: Any) -> list[Parameter]:
    """The ``parameters`` of a sweep file.

    Raises:
        UserError: names the parameter, what came and what is accepted.
    """
    if not isinstance(node, Mapping) or not node:
        raise UserError(f"parameters: {shown(node)} is no mapping of names to distributions")
    return [_parameter(str(name), settings) for name, settings in node.items()]


def _parameter(name: str, given: Any) -> Parameter:
    where = f"parameters.{shown(name)}"
    if not isinstance(given, Mapping):
        raise UserError(f"{where}: {shown(given)}; write value:, values:, or min: and max:")
    if "parameters" in given:
        raise UserError(f"{where}: W&B's agent passes nested parameters as a dict; write {shown(name)}.KEY:")
    settings: dict[str, Any] = {
        key: _number(f"{where}.{key}", value) if key in _BOUNDS else value for key, value in given.items()
    }
    kind = settings.pop("distribution", None) or _implied(where, settings)
    if not isinstance(kind, str) or kind not in DISTRIBUTIONS:
        raise UserError(
            f"{where}.distribution={shown(kind)}: not drawn here; choose {', '.join(DISTRIBUTIONS)}"
        )
    needed = DISTRIBUTIONS[kind]
    if set(settings) != set(needed):
        got = shown(", ".join(map(str, settings)))
        raise UserError(f"{where}: distribution={kind} takes {', '.join(needed)}; got {got}")
    if "min" in needed:
        _check_bounds(where, kind, **settings)
    else:
        _check_choices(where, settings.get("values", [settings.get("value")]))
    return Parameter(name, kind, settings)


def _number(where: str, value: Any) -> float:
    """A number; YAML 1.1 takes ``1e-3``, without a point, for text, and here it is a number all the same."""
    try:
        number = float(value) if isinstance(value, str) else value
        if not isinstance(number, bool) and math.isfinite(number):
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise UserError(f"{where}: give a number, such as 0.01 or 1.0e-2")


def _implied(where: str, settings: Mapping[str, Any]) -> str:
    """The distribution that W&B takes where none is named."""
    if "value" in settings:
        return "constant"
    if "values" in settings:
        return "categorical"
    if {*_BOUNDS} <= set(settings):
        return "int_uniform" if all(isinstance(settings[key], int) for key in _BOUNDS) else "uniform"
    raise UserError(f"{where}: give value:, values:, or min: and max:")


def _check_choices(where: str, chosen: Any) -> None:
    if not isinstance(chosen, list) or not chosen:
        raise UserError(f"{where}.values={shown(chosen)}: give a list with at least one value")
    if None in chosen:
        raise UserError(f"{where}: W&B's agent writes an empty value as the word None; write 'null' quoted")
    if len({json.dumps(choice, default=str) for choice in chosen}) != len(chosen):
        raise UserError(f"{where}.values={shown(chosen)}: a value stands there twice")


def _check_bounds(where: str, kind: str, min: float, max: float) -> None:
    if min > max:
        raise UserError(f"{where}: min={min} is more than max={max}")
    if kind == "int_uniform" and (min != int(min) or max != int(max)):
        raise UserError(f"{where}: distribution=int_uniform wants whole numbers for min and max")
    if kind == "log_uniform_values" and min <= 0:
        raise UserError(f"{where}.min={min}: distribution={kind} starts above 0")
