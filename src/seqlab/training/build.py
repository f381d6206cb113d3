"""From config to objects: every argument is checked against its signature before anything is built."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import nn, zeros

from seqlab.data.module import SequenceDataModule
from seqlab.errors import UserError, shown
from seqlab.evaluation.base import Evaluation
from seqlab.tasks.base import OF_TEST, SequenceTask
from seqlab.training.setting_types import annotations_of, misfit
from seqlab.trust import EVALUATIONS, check_own_config, imported, package_of

EVALUATION = (
    "name a class that derives from seqlab.evaluation.base.Evaluation, one of seqlab, such as "
    "seqlab.evaluation.classification.ClassificationEvaluation, or your own"
)
HYDRA_KEYS = ("_target_", "_partial_", "_args_", "_recursive_", "_convert_")


def config_folders() -> list[Path]:
    """Folders that packages of those who wrote the configs may lie in: beside their folders, or in them."""
    if not HydraConfig.initialized():
        return []
    sources = HydraConfig.get().runtime.config_sources
    folders = [Path(source.path) for source in sources if source.path and source.schema == "file"]
    return [place for folder in folders for place in (folder.parent, folder)]


def accepted_arguments(target: Any) -> list[str] | None:
    """Argument names of a callable, of base classes too where ``**settings`` go up; None: it takes any."""
    is_class = inspect.isclass(target)
    if is_class and target.__init__ is object.__init__ and target.__new__ is object.__new__:
        return []
    names: list[str] = []
    for layer in target.__mro__[:-1] if is_class else (target,):
        function = vars(layer).get("__init__") if is_class else target
        if function is None:
            continue
        parameters = list(inspect.signature(function).parameters.values())[is_class:]
        names += [
            part.name for part in parameters if part.kind not in (part.VAR_KEYWORD, part.VAR_POSITIONAL)
        ]
        if all(part.kind is not part.VAR_KEYWORD for part in parameters):
            return list(dict.fromkeys(names))
    return None


def check_arguments(target: Any, given: Mapping[str, Any], where: str) -> None:
    """Raise UserError where ``target`` takes no argument of a given name, or not its value.

    Args:
        given: names and values; of ``???``, which is filled later, the name alone counts.
    """
    accepted = accepted_arguments(target) if callable(target) else None
    for name in given:
        if accepted is not None and name not in accepted:
            near = difflib.get_close_matches(name, accepted, n=1)
            meant = f"; did you mean {near[0]}?" if near else "."
            raise UserError(
                f"{where}.{name}: {getattr(target, '__name__', target)} takes no such argument{meant} "
                f"It takes {', '.join(accepted) or 'none'}"
            )
    annotations = annotations_of(target) if callable(target) else {}
    for name, value in given.items():
        instead = misfit(value, annotations[name]) if name in annotations and value != "???" else None
        if instead:
            raise UserError(f"{where}.{name}={shown('null' if value is None else value)}: give {instead}")


def check_config(node: Any, where: str) -> Any:
    """Check every ``_target_`` at and below a config node, without building anything.

    Returns:
        What the node's own ``_target_`` names; None where it has none.

    Raises:
        UserError: a target that cannot be imported, or an argument that it does not take.
    """
    if not isinstance(node, DictConfig):
        return None
    target = None
    if "_target_" in node:
        target = imported(node["_target_"], f"{where}._target_", config_folders())
        missing = [key for key in node if OmegaConf.is_missing(node, key)]
        given = {
            str(key): "???" if key in missing or isinstance(node[key], DictConfig) else node[key]
            for key in node
            if key not in HYDRA_KEYS
        }
        check_arguments(target, given, where)
    for key in node:
        if not OmegaConf.is_missing(node, key):
            check_config(node[key], f"{where}.{key!s}")
    return target


def data_choices(conf: Path) -> dict[str, type]:
    """{name: batch type} of the configs in ``conf/data``; without those that only rename another."""
    found = {}
    for path in sorted((conf / "data").glob("*.yaml")):
        node = OmegaConf.to_container(OmegaConf.load(path))
        if isinstance(node, dict) and "_target_" in node:
            found[path.stem] = _batch_type(node["_target_"], f"data={path.stem}: _target_")
    return found


def _batch_type(target: str, where: str) -> type:
    found = imported(target, where, config_folders())
    if not hasattr(found, "batch_type"):
        raise UserError(
            f"{where}={target} has no batch_type, which says what batches it takes or gives: one of those in "
            "seqlab/data/batches.py, or of your own"
        )
    return found.batch_type


def _own_conf() -> Path:
    """The project's own ``conf``."""
    sources = HydraConfig.get().runtime.config_sources
    return next(Path(source.path) for source in sources if source.provider == "main")


def check_pair(config: DictConfig) -> None:
    """Raise UserError where the task cannot take the data's batches; names both and the data that fits."""
    takes = _batch_type(config.model["_target_"], "model._target_")
    gives = _batch_type(config.data["_target_"], "data._target_")
    if takes is gives:
        return
    names = HydraConfig.get().runtime.choices
    fitting = [f"data={name}" for name, kind in data_choices(_own_conf()).items() if kind is takes]
    raise UserError(
        f"model={names['model']} takes {takes.__name__}, data={names['data']} gives {gives.__name__}; "
        f"use {' or '.join(fitting) or 'another model'}"
    )


def check_seed(seed: Any) -> None:
    """Raise UserError where the seed is no whole number from 0; says how several are given."""
    if misfit(seed, int) is None and 0 <= seed < 2**32:
        return
    run = re.fullmatch(r"(\d+)\D{1,3}(\d+)", str(seed))
    first, last = (int(run[1]), int(run[2])) if run else (0, 3)
    raise UserError(
        f"seed={shown(seed)}: give a whole number from 0; several seeds are several runs: -m seed="
        f"{first},{first + 1},... or -m 'seed=range({first},{last + 1})'"
    )


def check_words(config: DictConfig) -> None:
    """Raise UserError where name and notes are no text, or tags no list of texts."""
    for key in ("name", "notes"):
        if not isinstance(config[key], str | None):
            raise UserError(f"{key}={shown(config[key])}: give a text that is no number, such as {key}=base")
    tags = OmegaConf.to_container(config)["tags"]  # type: ignore[call-overload, index]
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise UserError(f"tags={shown(config.tags)}: give a list of texts, such as tags=[baseline,paper]")


def check_optimizer(config: DictConfig) -> None:
    """Raise UserError for a setting that the config's optimizer does not take."""
    check_config(config, "optimizer")
    try:
        instantiate(config)([nn.Parameter(zeros(1))])
    except Exception as error:  # what is raised is the optimizer's choice
        settings = ", ".join(f"{key!s}={value}" for key, value in config.items() if str(key)[0] != "_")
        raise UserError(f"optimizer: {settings}: {error}") from error


def check_monitor(config: DictConfig) -> None:
    """Raise UserError unless the model is judged by a validation metric, and validated.

    No callback of ``callbacks.extra`` may watch a figure of the test split.
    """
    metric, mode = config.monitor.metric, config.monitor.mode
    watched = {
        f"callbacks.extra.{name}.monitor": OmegaConf.select(config, f"callbacks.extra.{name}.monitor")
        for name in config.callbacks.extra or {}
    }
    refused = {key: other for key, other in watched.items() if str(other).startswith(OF_TEST)}
    if not str(metric).startswith("val/"):
        refused = {"monitor.metric": metric, **refused}
    for key, other in refused.items():
        raise UserError(
            f"{key}={shown(other)}: a model is judged by a validation metric (val/...); the test set is "
            "locked for all that decides"
        )
    if mode not in ("min", "max"):
        raise UserError(f"monitor.mode={mode}: choose min or max")
    if config.trainer.limit_val_batches == 0:
        raise UserError(
            f"trainer.limit_val_batches=0: the model is judged by {metric}, which needs validation"
        )
    every, epochs = config.trainer.check_val_every_n_epoch, config.trainer.max_epochs
    if 0 < (epochs or 0) < (every or 0) and not config.trainer.fast_dev_run:
        raise UserError(
            f"trainer.check_val_every_n_epoch={every} with trainer.max_epochs={epochs}: the model would "
            f"never be validated; add trainer.check_val_every_n_epoch={epochs} or less"
        )


def fill_sizes(config: DictConfig, sizes: Mapping[str, int]) -> dict[str, Any]:
    """The config as plain values, every ``???`` below it filled from the data's sizes.

    Raises:
        UserError: a ``???`` that the data does not supply.
    """
    return filled(OmegaConf.to_container(config, resolve=True), sizes, "model")


def filled(node: Any, sizes: Mapping[str, int], where: str) -> Any:
    """The same for plain values, which stand at the key ``where``."""
    if isinstance(node, dict):
        return {str(name): filled(value, sizes, f"{where}.{name!s}") for name, value in node.items()}
    name = where.rpartition(".")[2]
    if node != "???":
        return node
    if name not in sizes:
        raise UserError(f"{where} is not set, and the data knows only {', '.join(sizes)}")
    return sizes[name]


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
    if config.trainer.compile:  # in place: names in checkpoints stay; dynamic, as batches differ in size
        task.network.compile(dynamic=True)
    return task


def try_network(task: SequenceTask, datamodule: SequenceDataModule) -> None:
    """Try a network, or a task, that is not seqlab's own on one batch: see seqlab.training.first_batch."""
    if any(package_of(type(part).__module__) != "seqlab" for part in (task, task.network)):
        from seqlab.training import first_batch

        first_batch.try_network(task, datamodule)


def build_evaluation(config: DictConfig) -> Evaluation:
    """What judges the model: the config's ``evaluation``; with ``test=false`` its check of the data alone.

    Raises:
        UserError: there is none, it is no Evaluation, a setting that is not taken, or a
            ``_target_`` that no checkpoint may name.
    """
    node = OmegaConf.select(config, "evaluation")
    if not isinstance(node, DictConfig) or "_target_" not in node:
        came = "evaluation is missing" if node is None else f"evaluation={node}"
        raise UserError(
            f"{came}: the model config names no class that judges the model; add `evaluation:` with a "
            f"`_target_` to it, and there {EVALUATION}"
        )
    key = "evaluation"
    if OmegaConf.is_interpolation(config, key):  # the user types keys of what it refers to: detection.score
        key = str(OmegaConf.to_container(config, resolve=False)[key]).strip("${}")  # type: ignore[call-overload,index]
    found = check_config(node, key)
    if not (inspect.isclass(found) and issubclass(found, Evaluation)):
        raise UserError(
            f"{key}._target_={node['_target_']}: this is no class that judges a model; {EVALUATION}"
        )
    check_own_config(OmegaConf.to_container(node, resolve=True), "evaluation", EVALUATIONS)
    evaluation: Evaluation = instantiate(node, _convert_="all")
    if config.test:
        return evaluation
    from seqlab.evaluation.validation_only import ValidationOnly

    return ValidationOnly(evaluation)
