"""Checks before training: the model takes the data's batches; a network of another package works."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from seqlab.contracts import full_name
from seqlab.data.module import SequenceDataModule
from seqlab.errors import UserError
from seqlab.tasks.base import SequenceTask
from seqlab.trust import imported, package_of

OWN = package_of(__name__)


def config_folder() -> Path:
    """The project's own ``conf``."""
    return next(_folders("main"))


def config_folders() -> list[Path]:
    """Folders that packages of those who wrote the configs may lie in: beside their folders, or in them."""
    if not HydraConfig.initialized():
        return []
    return [place for folder in _folders() for place in (folder.parent, folder)]


def _folders(provider: str | None = None) -> Iterator[Path]:
    for source in HydraConfig.get().runtime.config_sources:
        if source.path and source.schema == "file" and provider in (None, source.provider):
            yield Path(source.path)


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


def check_pair(config: DictConfig) -> None:
    """Raise UserError where the task cannot take the data's batches; names both and the data that fits."""
    takes = _batch_type(config.model["_target_"], "model._target_")
    gives = _batch_type(config.data["_target_"], "data._target_")
    if takes is gives:
        return
    names = HydraConfig.get().runtime.choices
    fitting = [f"data={name}" for name, kind in data_choices(config_folder()).items() if kind is takes]
    raise UserError(
        f"model={names['model']} takes {takes.__name__}, data={names['data']} gives {gives.__name__}; "
        f"use {' or '.join(fitting) or 'another model'}"
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


def try_network(task: SequenceTask, datamodule: SequenceDataModule) -> None:
    """Run a network, or a task, that is not seqlab's own on one training batch.

    Weights, generators and the order of batches stay as they were.

    Args:
        datamodule: set up.

    Raises:
        UserError: the network fails, or gives other shapes than its task expects.
    """
    if all(package_of(type(part).__module__) == OWN for part in (task, task.network)):
        return
    was_training = task.training
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        batch: Any = next(iter(datamodule.train_dataloader()))
        task.eval()
        try:
            task.try_network(batch, datamodule.sizes)
        except UserError:
            raise
        except Exception as error:  # of code that is not ours
            said = " ".join(str(error).split())
            raise UserError(
                f"{full_name(task.network)} fails on the first batch: {type(error).__name__}: {said}. "
                f"{type(task).__name__} gave it {shapes(batch)}{_contract(task)}; "
                "HYDRA_FULL_ERROR=1 shows where"
            ) from error
        finally:
            task.train(was_training)


def shapes(batch: Iterable[Any]) -> str:
    """``a TextBatch: inputs (32, 64), targets (32, 64), ...``"""
    fields = getattr(batch, "_fields", None) or [str(place) for place, _ in enumerate(batch)]
    found = [
        f"{name} {tuple(part.shape)}"
        for name, part in zip(fields, batch, strict=True)
        if isinstance(part, Tensor)
    ]
    return f"parts of a {type(batch).__name__}: {', '.join(found)}"


def _contract(task: SequenceTask) -> str:
    return "" if task.contract is None else f"; see {task.contract.__name__} in seqlab/networks/contracts.py"
