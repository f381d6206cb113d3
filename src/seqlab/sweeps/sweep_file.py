"""sweep.yaml: W&B's own format, read, and held against the configs of the models that it reaches."""

from __future__ import annotations

import itertools
import math
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

from annotated_types import Interval
from typing_extensions import TypedDict

from seqlab.errors import UserError, missing_file, shown
from seqlab.project import package_folder, project_folder, train_words
from seqlab.schemas import Size, checked
from seqlab.sweeps.space import Parameter, plain, read_parameters

MOST_VALUES = 100_000
METHODS = ("grid", "random", "bayes")
_GOALS = {"min": "minimize", "max": "maximize"}
_KEYS = (
    *("program", "method", "metric", "parameters", "early_terminate", "command", "run_cap", "name"),
    *("description", "project", "entity", "kind", "apiVersion", "controller"),
)
DEFAULT_TRIALS = 20
_MOST_CORNERS = 24  # compositions take a third of a second each


@dataclass(frozen=True)
class EarlyTermination:
    """Successive halving: of the trials that reach validation min_iter * eta^k, the best 1 / eta go on."""

    min_iter: int
    eta: int


@dataclass(frozen=True)
class Sweep:
    """What a sweep file says."""

    path: Path
    program: Path
    method: str
    metric: str
    goal: str
    parameters: tuple[Parameter, ...]
    early: EarlyTermination | None
    run_cap: int | None
    name: str

    @property
    def searched(self) -> tuple[Parameter, ...]:
        """The parameters that differ between trials."""
        return tuple(parameter for parameter in self.parameters if parameter.kind != "constant")

    @property
    def constants(self) -> dict[str, Any]:
        return {each.name: each.settings["value"] for each in self.parameters if each.kind == "constant"}

    @property
    def grid_size(self) -> int:
        """Combinations of a grid."""
        return math.prod(len(parameter.grid()) for parameter in self.searched)

    def trials(self, asked: int | None) -> int:
        """How many trials to run: what was asked for, ``run_cap``, the whole grid, or 20."""
        default = self.grid_size if self.method == "grid" else DEFAULT_TRIALS
        number = asked if asked is not None else min(default, self.run_cap or default)
        return min(number, self.grid_size) if self.method == "grid" else number

    def grids(self) -> dict[str, list[Any]]:
        """Every value of each searched parameter, as Optuna stores it."""
        return {each.name: [plain(value) for value in each.grid()] for each in self.searched}

    def distributions(self) -> dict[str, Any]:
        """Searched parameter to what Optuna draws it from; of a grid, its values."""
        from optuna.distributions import CategoricalDistribution

        if self.method == "grid":
            return {name: CategoricalDistribution(values) for name, values in self.grids().items()}
        return {each.name: each.distribution() for each in self.searched}

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What a trial is given for what Optuna drew."""
        return {each.name: each.value(params[each.name]) for each in self.searched}

    def overrides(self, values: Mapping[str, Any]) -> list[str]:
        """A trial's part of the command line, written as an agent of W&B writes ${args_no_hyphens}."""
        return [f"{name}={value}" for name, value in (self.constants | dict(values)).items()]


class Metric(TypedDict):
    """What a sweep is judged by."""

    name: str
    goal: NotRequired[Literal["minimize", "maximize"]]


class Hyperband(TypedDict):
    """W&B's hyperband, as the rounds of successive halving that it stands for."""

    type: Literal["hyperband"]
    min_iter: Size
    eta: NotRequired[Annotated[int, Interval(ge=2, lt=2**31)]]


class Content(TypedDict):
    """A sweep file, its parameters left to ``read_parameters``."""

    program: str
    method: Literal[METHODS]  # type: ignore[valid-type]
    metric: Metric
    parameters: dict[str, Any]
    early_terminate: NotRequired[Hyperband | None]
    run_cap: NotRequired[Size | None]
    name: NotRequired[str | None]


def read_sweep(path: Path) -> Sweep:
    """Read and check a sweep file.

    Raises:
        UserError: no such file, no YAML, or a key that says what cannot be run.
    """
    import yaml

    if not path.is_file():
        raise missing_file(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8: {error.reason} at byte {error.start}; save it so") from None
    except (OSError, RecursionError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: no YAML: {shown(' '.join(str(error).split()))}") from None
    _refuse_endless(path, content)
    if not isinstance(content, dict):
        raise UserError(f"{path}: give a mapping with program, method, metric and parameters")
    for key in content:
        if key not in _KEYS:
            raise UserError(f"{path}: {shown(key)}: no such key; choose {', '.join(_KEYS)}")
    content = checked(Content, content, path, "docs/sweeps.md has an example")
    early = content.get("early_terminate")
    for key in early or ():
        if key not in ("type", "min_iter", "eta", "strict"):
            raise UserError(f"{path}: early_terminate.{shown(key)}: not known; choose min_iter, eta, strict")
    parameters = read_parameters(content["parameters"])
    sweep = Sweep(
        path=path,
        program=_program(path, content["program"]),
        method=content["method"],
        metric=content["metric"]["name"],
        goal=content["metric"].get("goal", "minimize"),
        # `logger: wandb` is meant for W&B's agents; `--set logger=wandb` still counts
        parameters=tuple(each for each in parameters if (each.name, each.choices) != ("logger", ("wandb",))),
        early=early and EarlyTermination(early["min_iter"], early.get("eta", 3)),
        run_cap=content.get("run_cap"),
        name=content.get("name") or path.stem,
    )
    if not sweep.searched:
        raise UserError(f"{path}: parameters: every one has a single value, so there is nothing to search")
    if sweep.method == "grid":
        sweep.grid_size  # noqa: B018  raises where a distribution has no end
    return sweep


def _refuse_endless(path: Path, content: Any) -> None:
    """Raise UserError where aliases of aliases make more values than a sweep can have, or an endless list."""
    waiting, left = [content], MOST_VALUES
    while waiting:
        node = waiting.pop()
        left -= 1
        if left < 0:
            raise UserError(f"{path}: more than {MOST_VALUES:,} values, those counted that aliases repeat")
        waiting += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


def _program(path: Path, name: str) -> Path:
    for folder in (Path.cwd(), path.absolute().parent, package_folder()):
        if os.path.isfile(folder / name):  # False for what can be no name
            return (folder / name).resolve()
    raise UserError(f"{path}: program={shown(name)}: no such file, neither here nor beside {path.name}")


@dataclass(frozen=True)
class Checked:
    """What the composed configs say that a sweep has to know."""

    seed: int
    gpus: int | str
    modules: tuple[str, ...]  # that their configs name


def check_objective(sweep: Sweep, fixed: Sequence[str]) -> Checked:
    """Compose the config at every choice of groups under ``fixed``, and hold metric and keys against it.

    Raises:
        UserError: a test metric, another metric or goal than the model's own, or a key that a model of the
            space does not have.
    """
    if not sweep.metric.startswith("val/"):
        raise UserError(
            f"metric.name={sweep.metric}: a sweep is judged by a validation metric (val/...); the test set "
            "is locked for all that decides, and a search over test figures would report its own luck"
        )
    from omegaconf import OmegaConf

    from seqlab.composing.grammar import readable_overrides

    conf = sweep.program.parent / "conf"
    modules: set[str] = set()
    for corner in _corners(sweep, conf):
        overrides = readable_overrides([*fixed, *sweep.overrides(corner)])
        config = _composed(conf, overrides)
        monitor, where = config.monitor, " ".join(sweep.overrides(corner)[:4])
        if sweep.metric != monitor.metric:
            raise UserError(
                f"metric.name={sweep.metric}: this config is judged by {monitor.metric} ({where}); "
                "name that one"
            )
        if sweep.goal != _GOALS.get(monitor.mode):
            raise UserError(
                f"metric.goal={sweep.goal}: monitor.mode={monitor.mode} says {_GOALS[monitor.mode]}"
            )
        modules |= set(re.findall(r"_target_: ([\w.]+)\.\w+", OmegaConf.to_yaml(config)))
        seed, gpus = config.seed, config.trainer.gpus
    return Checked(int(seed), gpus, tuple(sorted(modules)))


def _corners(sweep: Sweep, conf: Path) -> list[dict[str, Any]]:
    """Values at which to compose: every choice of groups, the first value of all else."""
    from seqlab.composing.mistakes import is_group

    first = {each.name: each.first for each in sweep.searched}
    groups = [each for each in sweep.searched if each.choices and is_group(conf, each.name)]
    products = itertools.product(*(each.choices for each in groups))
    names = [each.name for each in groups]
    found = [first | dict(zip(names, values, strict=True)) for values in products]
    return found[:_MOST_CORNERS]


def _composed(conf: Path, overrides: Sequence[str]) -> Any:
    from seqlab.composing import compose_config
    from seqlab.composing.mistakes import user_message

    try:
        return compose_config(conf, overrides, hydra=True)
    except Exception as error:
        message = user_message(error, conf, overrides)
        if message is None:
            raise
        raise UserError(f"{message}; composed at {' '.join(overrides)}") from None


def command(sweep: Sweep, values: Mapping[str, Any], fixed: Sequence[str]) -> str:
    """A trial as a line to type: the same run with its test figures and its report."""
    is_usual = sweep.program == (project_folder() / "train.py").resolve()
    words = train_words() if is_usual else ["python", str(sweep.program)]
    return shlex.join([*words, *fixed, *sweep.overrides(values)])
