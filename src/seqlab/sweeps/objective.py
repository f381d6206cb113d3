"""What a sweep may be judged by: the config's own validation metric, never a figure of the test set."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.errors import UserError
from seqlab.project import package_folder
from seqlab.sweeps.sweep_file import Sweep

_GOALS = {"min": "minimize", "max": "maximize"}
_MOST_CORNERS = 24  # compositions take a third of a second each


@dataclass(frozen=True)
class Checked:
    """What the composed configs say that a sweep has to know."""

    seed: int
    gpus: int | str
    names: tuple[str, ...]  # models and data that the space reaches, as model-data
    modules: tuple[str, ...]  # that their configs name


def check_objective(sweep: Sweep, fixed: Sequence[str]) -> Checked:
    """Compose the config at every choice of groups, and hold metric and parameters against it.

    Args:
        fixed: overrides that every trial gets.

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
    names: list[str] = []
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
        choices = config.hydra.runtime.choices
        names.append(f"{choices.model}-{choices.data}")
        seed, gpus = config.seed, config.trainer.gpus
    return Checked(int(seed), gpus, tuple(dict.fromkeys(names)), tuple(sorted(modules)))


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
    here, path = Path.cwd(), sweep.program
    words = ["python", str(path.relative_to(here) if path.is_relative_to(here) else path)]
    if path == package_folder() / "train.py" and not path.is_relative_to(here):
        words = ["seqlab", "train"]
    return shlex.join([*words, *fixed, *sweep.overrides(values)])
