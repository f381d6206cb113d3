"""A search space in W&B's terms: what each distribution draws, and which of Optuna's draws it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from seqlab.errors import UserError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_EDGE = 1e-6  # a normal distribution has no value at probability 0 or 1
_BOUNDS = ("min", "max")
# Which keys each distribution takes beside its own name: those it needs, then those with a default.
DISTRIBUTIONS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "constant": (("value",), ()),
    "categorical": (("values",), ()),
    "categorical_w_probabilities": (("values", "probabilities"), ()),
    "int_uniform": (_BOUNDS, ()),
    "uniform": (_BOUNDS, ()),
    "q_uniform": (_BOUNDS, ("q",)),
    "log_uniform": (_BOUNDS, ()),
    "q_log_uniform": (_BOUNDS, ("q",)),
    "inv_log_uniform": (_BOUNDS, ()),
    "log_uniform_values": (_BOUNDS, ()),
    "q_log_uniform_values": (_BOUNDS, ("q",)),
    "inv_log_uniform_values": (_BOUNDS, ()),
    "normal": ((), ("mu", "sigma")),
    "q_normal": ((), ("mu", "sigma", "q")),
    "log_normal": ((), ("mu", "sigma")),
    "q_log_normal": ((), ("mu", "sigma", "q")),
    "beta": ((), ("a", "b")),
    "q_beta": ((), ("a", "b", "q")),
}
_DEFAULTS = {"mu": 0.0, "sigma": 1.0, "q": 1.0, "a": 1.0, "b": 1.0}
_KEYS = {key for needed, more in DISTRIBUTIONS.values() for key in (*needed, *more)} | {"distribution"}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a sweep.

    Args:
        name: a key of the config, such as ``optimizer.lr``, or a group, such as ``model``.
        kind: W&B's name of the distribution.
        settings: its keys, defaults filled in.
    """

    name: str
    kind: str
    settings: Mapping[str, Any]

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values of a constant or categorical parameter; empty for any other."""
        if self.kind == "constant":
            return (self.settings["value"],)
        return tuple(self.settings.get("values", ()))

    @property
    def is_logarithmic(self) -> bool:
        """Whether a picture of its values wants a logarithmic axis."""
        return "log_" in self.kind

    def grid(self) -> list[Any]:
        """Every value, for ``method: grid``.

        Raises:
            UserError: a distribution without an end of values.
        """
        if self.choices:
            return list(self.choices)
        low, high = self.settings.get("min"), self.settings.get("max")
        if self.kind == "int_uniform":
            return list(range(int(low), int(high) + 1))  # type: ignore[arg-type]
        if self.kind == "q_uniform":
            step = self.settings["q"]
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            return [_quantized(place * step, step) for place in range(first, last + 1)]
        raise UserError(
            f"parameters.{self.name}: method=grid wants every value, and distribution={self.kind} has no end "
            "of them; give values: [...], or method: random"
        )

    def drawn_by(self) -> BaseDistribution:  # noqa: PLR0911  one return for each kind
        """The distribution of Optuna's that draws it; ``value`` turns what was drawn into the value.

        Distributions that Optuna does not have are drawn as a probability.
        """
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        low, high = self.settings.get("min"), self.settings.get("max")
        if self.kind in ("constant", "categorical"):
            return CategoricalDistribution([_key(choice) for choice in self.choices])
        if self.kind == "int_uniform":
            return IntDistribution(int(low), int(high))  # type: ignore[arg-type]
        if self.kind in ("uniform", "q_uniform"):
            return FloatDistribution(low, high)  # type: ignore[arg-type]
        if self.kind in ("log_uniform", "q_log_uniform"):
            return FloatDistribution(math.exp(low), math.exp(high), log=True)  # type: ignore[arg-type]
        if self.kind == "inv_log_uniform":
            return FloatDistribution(math.exp(-high), math.exp(-low), log=True)  # type: ignore[operator]
        if self.is_logarithmic and low is not None:
            return FloatDistribution(low, high, log=True)  # type: ignore[arg-type]
        return FloatDistribution(_EDGE, 1 - _EDGE)

    def value(self, drawn: Any) -> Any:
        """What a trial is given for what Optuna drew."""
        if self.choices:
            if self.kind == "categorical_w_probabilities":
                return self._weighted(drawn)
            return next(choice for choice in self.choices if _key(choice) == drawn)
        quantile = _QUANTILES.get(self.kind.removeprefix("q_"))
        value = quantile(self.settings, drawn) if quantile else drawn
        return _quantized(value, self.settings["q"]) if self.kind.startswith("q_") else value

    def _weighted(self, probability: float) -> Any:
        total, reached = sum(self.settings["probabilities"]), 0.0
        for choice, share in zip(self.choices, self.settings["probabilities"], strict=True):
            reached += share / total
            if probability <= reached:
                return choice
        return self.choices[-1]


def _key(choice: Any) -> Any:
    """A choice as Optuna stores it: lists as text."""
    return choice if isinstance(choice, bool | int | float | str) else json.dumps(choice)


def _quantized(value: float, step: float) -> float:
    """The nearest multiple of ``step``: whole where the step is, else without binary dust."""
    count = round(value / step)
    return count * step if isinstance(step, int) else float(f"{count * step:.12g}")


def _beta(settings: Mapping[str, Any], probability: float) -> float:
    from scipy.stats import beta

    return float(beta.ppf(probability, settings["a"], settings["b"]))


def _normal(settings: Mapping[str, Any], probability: float) -> float:
    return settings["mu"] + settings["sigma"] * NormalDist().inv_cdf(probability)


_QUANTILES: Mapping[str, Callable[[Mapping[str, Any], float], float]] = {
    "normal": _normal,
    "log_normal": lambda settings, probability: math.exp(_normal(settings, probability)),
    "beta": _beta,
}


def read_parameters(node: Any, prefix: str = "") -> list[Parameter]:
    """The ``parameters`` of a sweep file; those nested under ``parameters:`` get dotted names.

    Raises:
        UserError: names the parameter, what came and what is accepted.
    """
    if not isinstance(node, Mapping) or not node:
        raise UserError(f"parameters: {node!r} is no mapping of names to distributions")
    found: list[Parameter] = []
    for key, settings in node.items():
        name = f"{prefix}{key}"
        if not isinstance(settings, Mapping):
            raise UserError(f"parameters.{name}: {settings!r}; write value:, values:, or min: and max:")
        if "parameters" in settings:
            found += read_parameters(settings["parameters"], f"{name}.")
        else:
            found.append(_parameter(name, dict(settings)))
    return found


def _parameter(name: str, given: dict[str, Any]) -> Parameter:
    where = f"parameters.{name}"
    for key in given:
        if key not in _KEYS:
            raise UserError(f"{where}.{key}: no such key; choose {', '.join(sorted(_KEYS))}, parameters")
    settings: dict[str, Any] = {
        key: _number(f"{where}.{key}", value) for key, value in given.items() if key in _numeric()
    }
    settings |= {key: value for key, value in given.items() if key not in settings}
    kind = str(settings.pop("distribution", None) or _implied(where, settings))
    if kind == "categorical" and "probabilities" in settings:
        kind = "categorical_w_probabilities"
    if kind not in DISTRIBUTIONS:
        raise UserError(f"{where}.distribution={kind}: choose {', '.join(DISTRIBUTIONS)}")
    needed, more = DISTRIBUTIONS[kind]
    for key in needed:
        if key not in settings:
            raise UserError(f"{where}: distribution={kind} needs {' and '.join(needed)}; {key} is missing")
    for key in settings:
        if key not in (*needed, *more):
            raise UserError(f"{where}.{key}: distribution={kind} takes {', '.join((*needed, *more))}")
    settings |= {key: _DEFAULTS[key] for key in more if key not in settings}
    _check(where, kind, settings)
    return Parameter(name, kind, settings)


def _numeric() -> set[str]:
    return {"min", "max", *_DEFAULTS}


def _number(where: str, value: Any) -> float:
    """A number; YAML 1.1 takes ``1e-3``, without a point, for text, and here it is a number all the same."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{where}: give a number, such as 0.01 or 1.0e-2")
    return value


def _implied(where: str, settings: Mapping[str, Any]) -> str:
    """The distribution that W&B takes where none is named."""
    if "value" in settings:
        return "constant"
    if "values" in settings:
        return "categorical"
    if {"min", "max"} <= set(settings):
        whole = all(isinstance(settings[key], int) for key in _BOUNDS)
        return "int_uniform" if whole else "uniform"
    raise UserError(f"{where}: give value:, values:, or min: and max:")


def _check(where: str, kind: str, settings: Mapping[str, Any]) -> None:
    """Raise UserError for values that the distribution cannot draw from."""
    if "values" in settings and (not isinstance(settings["values"], list) or not settings["values"]):
        raise UserError(f"{where}.values={settings['values']!r}: give a list with at least one value")
    chosen: Sequence[Any] = settings.get("values", [settings.get("value", "")])
    if any(choice is None for choice in chosen):
        raise UserError(
            f"{where}: an agent of W&B writes an empty value as the word None; write 'null' with quotes"
        )
    if len({_key(choice) if isinstance(choice, str) else json.dumps(choice) for choice in chosen}) != len(
        chosen
    ):
        raise UserError(f"{where}.values={chosen}: a value stands there twice")
    if kind == "categorical_w_probabilities":
        shares = settings["probabilities"]
        is_list = isinstance(shares, list) and len(shares) == len(chosen)
        if (
            not is_list
            or any(not isinstance(share, int | float) or share < 0 for share in shares)
            or not sum(shares)
        ):
            raise UserError(f"{where}.probabilities={shares}: give a share of 0 or more for each value")
    if "min" in settings and settings["min"] > settings["max"]:
        raise UserError(f"{where}: min={settings['min']} is more than max={settings['max']}")
    if kind == "int_uniform" and any(settings[key] != int(settings[key]) for key in _BOUNDS):
        raise UserError(f"{where}: distribution=int_uniform wants whole numbers for min and max")
    if kind.endswith("log_uniform_values") and settings["min"] <= 0:
        raise UserError(f"{where}.min={settings['min']}: distribution={kind} starts above 0")
    for key in ("q", "sigma", "a", "b"):
        if key in settings and settings[key] <= 0:
            raise UserError(f"{where}.{key}={settings[key]}: give a number above 0")
    if kind.removeprefix("q_").removeprefix("inv_") == "log_uniform" and settings["max"] > 50:
        raise UserError(
            f"{where}.max={settings['max']}: log_uniform takes exponents of e; for values take "
            f"log_uniform_values"
        )
