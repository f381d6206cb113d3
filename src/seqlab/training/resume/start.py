"""Where a run that was stopped goes on, and what has changed since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf

from seqlab.errors import UserError
from seqlab.training.checkpoint_files import LAST, PREVIOUS
from seqlab.training.checkpoint_mistakes import CheckpointError
from seqlab.training.checkpoints import KEY, read_checkpoint
from seqlab.training.processes import is_writer, tell
from seqlab.training.run_folder import RunFolder

NOT_SETTINGS = ("resume", "trainer.enable_progress_bar", "trainer.progress_bar_refresh_rate")


@dataclass(frozen=True)
class Start:
    """Where training begins.

    Args:
        checkpoint: the file to go on from; None at the beginning.
        step: optimizer steps that are done.
        baggage: what seqlab keeps in the checkpoint; empty at the beginning.
    """

    checkpoint: Path | None = None
    step: int = 0
    baggage: Mapping[str, Any] | None = None

    @property
    def tracker_ids(self) -> Mapping[str, str]:
        """Runs of W&B and MLflow that go on."""
        return (self.baggage or {}).get("trackers", {})


def check_not_finished(folder: Path, config: DictConfig) -> None:
    """Raise UserError where the run folder holds a run that this one would train again or overwrite."""
    if not is_writer():
        return
    finished = (folder / "metrics.json").exists()
    if config.resume is None:
        if finished or (folder / "checkpoints" / LAST).exists():
            state = "a finished run" if finished else "a run that was stopped"
            raise UserError(
                f"hydra.run.dir={folder}: {state} lies there. To go on with it: python train.py "
                f"resume={folder}; to begin anew choose another folder, or remove that one"
            )
    elif finished:
        longer = _asks_for_more(folder, config)
        if not longer:
            raise UserError(
                f"resume={folder}: this run is finished (it has metrics.json); nothing was trained again. To "
                "train it further give a larger trainer.max_epochs or trainer.max_steps"
            )


def _asks_for_more(folder: Path, config: DictConfig) -> bool:
    """Whether more epochs or steps are asked for than the finished run had."""
    before = _readable(folder / "checkpoints")[1]
    if before is None or "config" not in before[KEY]:
        return False
    trainer = before[KEY]["config"]["trainer"]
    more_epochs = (config.trainer.max_epochs or 0) > (trainer["max_epochs"] or 0)
    return more_epochs or config.trainer.max_steps > trainer["max_steps"]


def find_start(config: DictConfig, folder: RunFolder) -> Start:
    """The last whole checkpoint of the run folder; says which it is and which settings have changed.

    Raises:
        UserError: checkpoints are there, and none can be read.
    """
    if config.resume is None:
        return Start()
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
    baggage = checkpoint[KEY]
    step = int(checkpoint["global_step"])
    tell(f"going on after step {step} of epoch {int(checkpoint['epoch']) + 1}")
    for change in changed_settings(baggage.get("config", {}), config):
        tell(f"changed: {change}")
    return Start(path, step, baggage)


def _readable(directory: Path) -> tuple[Path | None, dict[str, Any] | None, list[str]]:
    """The first of last.ckpt and previous.ckpt that can be read, and why others cannot."""
    broken: list[str] = []
    for name in (LAST, PREVIOUS):
        path = directory / name
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
    plain: Any = OmegaConf.to_container(config, resolve=True)
    return list(_changes(before, plain)) if before else []


_ABSENT = object()


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key in sorted(old.keys() | new.keys()):
        name, before, after = f"{prefix}{key}", old.get(key, _ABSENT), new.get(key, _ABSENT)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _changes(before, after, f"{name}.")
        elif before != after and name not in NOT_SETTINGS:
            yield f"{name}: {_shown(before)} -> {_shown(after)}"


def _shown(value: Any) -> str:
    return "not set" if value is _ABSENT else "null" if value is None else str(value)


def fit(trainer: pl.Trainer, task: Any, datamodule: Any, start: Start) -> None:
    """Train from ``start`` to the end.

    Raises:
        UserError: the checkpoint's weights do not fit the network as it is configured now.
    """
    path = None if start.checkpoint is None else str(start.checkpoint)
    for logger in trainer.loggers:
        if path is not None and hasattr(logger, "go_on"):
            logger.go_on(start.step)
    try:
        trainer.fit(task, datamodule=datamodule, ckpt_path=path, weights_only=None if path is None else True)
    except RuntimeError as error:
        if path is not None and "loading state_dict" in str(error):
            reason = str(error).split("\n", maxsplit=2)[1].strip()
            raise UserError(
                f"resume: the network has another shape than {path} ({reason}); go on with the settings it "
                "was begun with"
            ) from error
        raise
