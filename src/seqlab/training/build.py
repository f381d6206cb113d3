"""From config to objects: every argument is checked against its signature before anything is built."""

from __future__ import annotations

import difflib
import inspect
import os
import shutil
from collections.abc import Callable, Mapping
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from seqlab.data.module import SequenceDataModule
from seqlab.errors import UserError
from seqlab.evaluation.base import Evaluation, ValidationOnly
from seqlab.tasks.base import SequenceTask
from seqlab.training.checks import config_folders
from seqlab.trust import EVALUATIONS, check_own_config, imported

_HYDRA_KEYS = ("_target_", "_partial_", "_args_", "_recursive_", "_convert_")


def suggestion(name: str, choices: list[str]) -> str:
    """``; did you mean X?`` for a near miss, else nothing."""
    near = difflib.get_close_matches(name, choices, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def accepted_arguments(target: Callable[..., Any]) -> list[str] | None:
    """Argument names of a callable; those of base classes too where a class passes ``**settings`` up.

    None where a callable without base classes takes any.
    """
    names: list[str] = []
    layers = (
        [layer for layer in target.__mro__ if layer is not object] if inspect.isclass(target) else [target]
    )
    if inspect.isclass(target) and target.__init__ is object.__init__ and target.__new__ is object.__new__:
        return []
    for layer in layers:
        function = layer.__dict__.get("__init__") if inspect.isclass(layer) else layer
        if function is None:
            continue
        parameters = list(inspect.signature(function).parameters.values())
        names += [
            parameter.name
            for parameter in parameters[1 if inspect.isclass(layer) else 0 :]
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        ]
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return list(dict.fromkeys(names))
    return None


def check_arguments(target: Callable[..., Any], given: Mapping[str, Any], where: str) -> None:
    """Raise UserError where ``target`` takes no argument of a given name; names the nearest that it takes."""
    accepted = accepted_arguments(target)
    if accepted is None:
        return
    for name in given:
        if name not in accepted:
            raise UserError(
                f"{where}.{name}: {getattr(target, '__name__', target)} takes no such argument"
                f"{suggestion(str(name), accepted) or '.'} It takes {', '.join(accepted) or 'none'}"
            )


def check_config(node: Any, where: str) -> None:
    """Check every ``_target_`` below a config node, deepest last, without building anything.

    Raises:
        UserError: a target that cannot be imported, or an argument that it does not take.
    """
    if not isinstance(node, DictConfig):
        return
    if "_target_" in node:
        target = imported(node["_target_"], f"{where}._target_", config_folders())
        check_arguments(target, {str(key): None for key in node if key not in _HYDRA_KEYS}, where)
    for key in node:
        if not OmegaConf.is_missing(node, key):
            check_config(node[key], f"{where}.{key!s}")


def fill_sizes(config: DictConfig, sizes: Mapping[str, int]) -> dict[str, Any]:
    """The config as plain values, every ``???`` below it filled from the data's sizes.

    Raises:
        UserError: a ``???`` that the data does not supply.
    """

    def fill(node: DictConfig, where: str) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        for name in map(str, node):
            if OmegaConf.is_missing(node, name):
                if name not in sizes:
                    raise UserError(f"{where}.{name} is not set, and the data knows only {', '.join(sizes)}")
                filled[name] = sizes[name]
            elif isinstance(node[name], DictConfig):
                filled[name] = fill(node[name], f"{where}.{name}")
            else:
                value = node[name]
                filled[name] = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
        return filled

    return fill(config, "model")


def build_data(config: DictConfig) -> SequenceDataModule:
    """The DataModule of the config's ``data`` group, not yet set up."""
    check_config(config, "data")
    return instantiate(config, _convert_="all")


def build_task(config: DictConfig, sizes: Mapping[str, int]) -> SequenceTask:
    """The task of a config: its ``model`` filled with the data's sizes, optimizer and scheduler added.

    Its network is compiled where ``trainer.compile`` says so.

    Raises:
        UserError: a setting that is not taken; a ``_target_`` that no checkpoint may name.
    """
    for group in ("model", "optimizer", "scheduler"):
        check_config(config[group], group)
    model = fill_sizes(config.model, sizes)
    check_own_config(model, "model")
    task: SequenceTask = instantiate(
        model,
        optimizer=instantiate(config.optimizer),
        scheduler=instantiate(config.scheduler),
        monitor=config.monitor.metric,
        _convert_="all",
    )
    compile_network(task, config.trainer)
    return task


def build_evaluation(config: DictConfig) -> Evaluation:
    """What judges the model: the config's ``evaluation``; with ``test=false`` its check of the data alone.

    Raises:
        UserError: there is none, it is no Evaluation or lacks a method, a setting that is not taken, or a
            ``_target_`` that no checkpoint may name.
    """
    node = OmegaConf.select(config, "evaluation")
    _check_evaluation(node)
    check_config(node, "evaluation")
    check_own_config(OmegaConf.to_container(node, resolve=True), "evaluation", EVALUATIONS)
    evaluation: Evaluation = instantiate(node, _convert_="all")
    return evaluation if config.test else ValidationOnly(evaluation)


def _check_evaluation(node: Any) -> None:
    """Raise UserError unless a config node names a whole Evaluation."""
    accepted = (
        "name a class that derives from seqlab.evaluation.base.Evaluation, one of seqlab, such as "
        "seqlab.evaluation.classification.ClassificationEvaluation, or your own"
    )
    name = node.get("_target_") if isinstance(node, DictConfig) else None
    if not isinstance(name, str):
        came = "evaluation is missing" if node is None else f"evaluation={node}"
        raise UserError(
            f"{came}: the model config names no class that judges the model; add `evaluation:` with a "
            f"`_target_` to it, and there {accepted}"
        )
    where = "evaluation._target_"
    try:
        found = imported(name, where, config_folders())
    except UserError as error:
        raise UserError(f"{error}; or {accepted}") from error
    if not (inspect.isclass(found) and issubclass(found, Evaluation)):
        raise UserError(f"{where}={name}: this is no class that judges a model; {accepted}")
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        raise UserError(
            f"{where}={name}: it has no {' and no '.join(missing)}, which judges a model; write it as "
            "Evaluation of seqlab.evaluation.base says, or name another class"
        )


def check_monitor(config: DictConfig) -> None:
    """Raise UserError unless the model is judged by a validation metric."""
    metric, mode = config.monitor.metric, config.monitor.mode
    if not str(metric).startswith("val/"):
        raise UserError(
            f"monitor.metric={metric}: a model is judged by a validation metric (val/...); the test set is "
            "locked for all that decides"
        )
    if config.trainer.limit_val_batches == 0:
        raise UserError(
            f"trainer.limit_val_batches=0: the model is judged by {metric}, which needs validation"
        )
    every, epochs = config.trainer.check_val_every_n_epoch, config.trainer.max_epochs
    if every is not None and epochs is not None and 0 < epochs < every and not config.trainer.fast_dev_run:
        raise UserError(
            f"trainer.check_val_every_n_epoch={every} with trainer.max_epochs={epochs}: the model would "
            f"never be validated; add trainer.check_val_every_n_epoch={epochs} or less"
        )
    if mode not in ("min", "max"):
        raise UserError(f"monitor.mode={mode}: choose min or max")


def check_optimizer(config: DictConfig) -> None:
    """Raise UserError where the optimizer does not take its settings, such as a rate that is no number."""
    from torch import nn, zeros

    check_config(config, "optimizer")
    try:
        instantiate(config)([nn.Parameter(zeros(1))])
    except Exception as error:  # what it raises is its own choice
        settings = ", ".join(f"{key}={config[key]}" for key in map(str, config) if key not in _HYDRA_KEYS)
        raise UserError(f"optimizer: {settings}: {error}") from error


def check_compiler(config: Mapping[str, Any]) -> None:
    """Raise UserError where torch.compile is asked for and its kernels could not be built."""
    if not isinstance(config["compile"], bool):
        raise UserError(f"trainer.compile={config['compile']}: give true or false")
    compiler = os.environ.get("CXX", "g++")  # what torch.compile itself calls
    if config["compile"] and shutil.which(compiler) is None:
        raise UserError(
            f"trainer.compile=true: torch.compile needs a C++ compiler, and {compiler} is not on the PATH; "
            "install g++, name one in CXX, or leave trainer.compile=false"
        )


def compile_network(task: SequenceTask, config: Mapping[str, Any]) -> None:
    """Compile the task's network in place where ``trainer.compile`` says so.

    In place, the names in its checkpoint stay what they are. Batches differ in size, so shapes are dynamic:
    a kernel for each size would be compiled again and again.
    """
    if config["compile"]:
        task.network.compile(dynamic=True)
