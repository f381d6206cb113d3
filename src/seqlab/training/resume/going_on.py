"""Where a run that was stopped goes on, what has changed since, and how each process gets its state back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.seed import _set_rng_states
from omegaconf import DictConfig, OmegaConf

from seqlab.errors import CheckpointError, UserError
from seqlab.privacy import told
from seqlab.training.checkpoints import KEY, LAST, PREVIOUS, read_checkpoint
from seqlab.training.resume import Start
from seqlab.training.run_folder import EARLIER_METRICS, METRICS, RunFolder, is_writer, tell

NOT_SETTINGS = ("resume", "trainer.enable_progress_bar", "trainer.progress_bar_refresh_rate")
_ABSENT = object()


def check_not_finished(folder: Path, config: DictConfig) -> None:
    """Raise UserError where the run is finished, and no more epochs or steps are asked for than it had."""
    if not (folder / "metrics.json").exists():
        return
    _, checkpoint, _ = _readable(folder / "checkpoints")
    if checkpoint is not None:
        before = checkpoint[KEY]["config"]["trainer"]
        more_epochs = (config.trainer.max_epochs or 0) > (before["max_epochs"] or 0)
        if more_epochs or config.trainer.max_steps > before["max_steps"]:
            return
    raise UserError(
        f"resume={folder}: this run is finished (it has metrics.json); nothing was trained again. To "
        "train it further give a larger trainer.max_epochs or trainer.max_steps"
    )


def last_start(config: DictConfig, folder: RunFolder) -> Start:
    """The last whole checkpoint of the run folder; says which it is and which settings have changed.

    Raises:
        UserError: checkpoints are there, and none can be read.
    """
    path, checkpoint, broken = _readable(folder.checkpoints)
    if checkpoint is None or path is None:
        if broken:
            raise UserError(
                f"resume={config.resume}: no checkpoint can be read ({'; '.join(broken)}); begin anew in "
                "another folder"
            )
        tell("no checkpoint was written before the run stopped: it begins again")
        return Start()
    for reason in broken:
        tell(f"{reason}; going on from {path.name}, the one before")
    finished = folder.path / METRICS
    if is_writer() and finished.exists():  # figures of the shorter training
        finished.replace(folder.path / EARLIER_METRICS)
    step = int(checkpoint["global_step"])
    tell(f"going on after step {step} (epoch {int(checkpoint['epoch']) + 1})")
    for change in changed_settings(checkpoint[KEY]["config"], config):
        tell(f"changed: {change}")
    return Start(path, step, checkpoint[KEY]["trackers"])


def _readable(directory: Path) -> tuple[Path | None, dict[str, Any] | None, list[str]]:
    """The first of last.ckpt and previous.ckpt that can be read, and why others cannot."""
    broken: list[str] = []
    for path in (directory / LAST, directory / PREVIOUS):
        if not path.exists():
            continue
        try:
            checkpoint = read_checkpoint(path)
            if "loops" not in checkpoint:
                raise CheckpointError(path, "it holds weights alone")
            return path, checkpoint, broken
        except CheckpointError as error:
            broken.append(f"{path.name} is broken ({error.reason})")
    return None, None, broken


def changed_settings(before: Mapping[str, Any], config: DictConfig) -> list[str]:
    """``key: old -> new`` of every setting that differs, by name."""
    return list(_changes(before, told(OmegaConf.to_container(config, resolve=True))))


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key in sorted(old.keys() | new.keys()):
        name, before, after = f"{prefix}{key}", old.get(key, _ABSENT), new.get(key, _ABSENT)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _changes(before, after, f"{name}.")
        elif before != after and name not in NOT_SETTINGS:
            yield f"{name}: {_shown(before)} -> {_shown(after)}"


def _shown(value: Any) -> str:
    return "not set" if value is _ABSENT else "null" if value is None else str(value)


def fit_on(trainer: pl.Trainer, task: Any, datamodule: Any, start: Start) -> None:
    """Train on from a checkpoint.

    Raises:
        UserError: the checkpoint's weights do not fit the network as it is configured now.
    """
    for logger in trainer.loggers:
        if hasattr(logger, "go_on"):
            logger.go_on(start.step)
    try:
        trainer.fit(task, datamodule=datamodule, ckpt_path=str(start.checkpoint), weights_only=True)
    except RuntimeError as error:
        if "loading state_dict" not in str(error):
            raise
        reason = str(error).split("\n", maxsplit=2)[1].strip()
        raise UserError(
            f"resume: the network has another shape than {start.checkpoint} ({reason}); go on with the "
            "settings it was begun with"
        ) from error


def restore_process(module: pl.LightningModule, states: list[dict[str, Any]], rank: int) -> None:
    """Give this process its state back; one that did not exist then begins with its own."""
    if rank >= len(states):
        return
    restore_random_states(states[rank]["random"])
    for name, counts in states[rank]["counted"].items():
        metric: Any = module.get_submodule(name)
        for key, value in counts.items():
            getattr(metric, key).copy_(value)
        metric._update_count = 1  # or torchmetrics warns of a mean over nothing
    if states[rank]["extra"] is not None:
        module.set_extra_state(states[rank]["extra"])


def restore_random_states(states: dict[str, Any]) -> None:
    """Set every generator as ``random_states`` found it; those of CUDA where there are as many GPUs."""
    kind, words, *rest = states["numpy"]
    states = states | {"numpy": (kind, words.numpy().astype(np.uint32), *rest)}
    if len(states.get("torch.cuda", ())) != torch.cuda.device_count():
        states.pop("torch.cuda", None)
    _set_rng_states(states)
