"""The callbacks around fit: checkpoints, early stopping, history, timing, and the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback, EarlyStopping

from seqlab.data.coders import check_plain
from seqlab.data.module import SequenceDataModule
from seqlab.evaluation.base import Contents
from seqlab.training.build import check_config, fill_sizes
from seqlab.training.checkpoints import SaveContents, best_checkpoint
from seqlab.training.debugging import SameBatches
from seqlab.training.history import History
from seqlab.training.nonfinite import NonFiniteStop
from seqlab.training.processes import OwnNoise
from seqlab.training.resume.last_checkpoint import LastCheckpoint
from seqlab.training.timing import Stopwatch


@dataclass(frozen=True)
class Callbacks:
    """All callbacks of a run, and the two whose records are read afterwards."""

    all: list[Callback]
    history: History
    stopwatch: Stopwatch


def build_callbacks(config: DictConfig, checkpoints: Path, datamodule: SequenceDataModule) -> Callbacks:
    """Callbacks of the config's ``callbacks`` group; they read the one monitored metric of the model.

    Raises:
        UserError: a callback of ``callbacks.extra`` that cannot be built.
    """
    metric, mode = config.monitor.metric, config.monitor.mode
    history, stopwatch = History(), Stopwatch()
    plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=False)
    writes_checkpoints = config.trainer.enable_checkpointing and not config.trainer.fast_dev_run
    found: list[Callback] = [
        NonFiniteStop(checkpoints if writes_checkpoints else None, metric),  # before any that reads figures
        history,
        stopwatch,
        OwnNoise(config.seed),
        SaveContents(
            Contents(
                fill_sizes(config.model, datamodule.sizes),
                plain["evaluation"],
                datamodule.sizes,
                plain_state(datamodule),
                config=plain,
            )
        ),
    ]
    if writes_checkpoints:
        every = config.callbacks.checkpoint
        found += [
            best_checkpoint(checkpoints, metric, mode),
            LastCheckpoint(checkpoints, every.every_steps, every.every_minutes),
        ]
    stopping = config.callbacks.early_stopping
    if config.trainer.overfit is not None:
        found.append(SameBatches())
    elif stopping is not None and stopping.patience is not None:
        found.append(
            EarlyStopping(metric, mode=mode, patience=stopping.patience, min_delta=stopping.min_delta)
        )
    for name, node in (config.callbacks.extra or {}).items():
        check_config(node, f"callbacks.extra.{name}")
        found.append(instantiate(OmegaConf.to_container(node, resolve=True)))
    return Callbacks(found, history, stopwatch)


def plain_state(datamodule: SequenceDataModule) -> dict[str, Any]:
    """The data's state, which every checkpoint holds.

    Raises:
        UserError: a value that no checkpoint can hold; told before training.
    """
    state, kind = datamodule.state(), type(datamodule)
    check_plain(state, f"{kind.__module__}.{kind.__qualname__}.state()")
    return state
