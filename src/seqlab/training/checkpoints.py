"""Checkpoints of plain values: written whole, with all that scoring needs; nothing in them is executed."""

from __future__ import annotations

import logging
import os
import warnings
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.plugins.io import TorchCheckpointIO

from seqlab.contracts import check_plain
from seqlab.data.module import SequenceDataModule
from seqlab.errors import CheckpointError
from seqlab.evaluation.base import Contents
from seqlab.files import PART, whole_file
from seqlab.privacy import told
from seqlab.tasks.base import SequenceTask
from seqlab.training.build import fill_sizes
from seqlab.trust import EVALUATIONS, refuse_untrusted, refuse_untrusted_coders

log = logging.getLogger(__name__)
KEY = "seqlab"
FORMAT = 1
LAST = "last.ckpt"
PREVIOUS = "previous.ckpt"  # what last.ckpt was before; gone when the run is finished


def contents_of(config: DictConfig, datamodule: SequenceDataModule) -> Contents:
    """What every checkpoint of a run holds beside weights.

    Args:
        config: of the whole run.
        datamodule: set up.

    Raises:
        UserError: a state of the data that no checkpoint can hold; told before training.
    """
    plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=False)
    state, kind = datamodule.state(), type(datamodule)
    check_plain(state, f"{kind.__module__}.{kind.__qualname__}.state()")
    sizes = datamodule.sizes
    return Contents(fill_sizes(config.model, sizes), plain["evaluation"], sizes, state, config=told(plain))


class SaveContents(Callback):
    """Puts all that scoring needs beside weights, and the loggers' run ids, into every checkpoint."""

    def __init__(self, contents: Contents) -> None:
        self.contents = {"format": FORMAT} | contents._asdict()

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        # a tracker of its kind goes on with this run when the training is resumed
        ids = {
            logger.tracker: str(logger.version)
            for logger in trainer.loggers
            if hasattr(logger, "tracker") and logger.version is not None
        }
        checkpoint[KEY] = self.contents | {"trackers": ids}


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes to a temporary name, reaches the disk, then renames: a reader finds a whole file or none."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        write_atomically(checkpoint, Path(path))


def write_atomically(content: dict[str, Any], path: Path) -> None:
    """``torch.save`` under a temporary name beside ``path``, flushed to the disk, then renamed."""
    path.parent.mkdir(exist_ok=True)  # a run folder that is gone is not made again
    with whole_file(path, on_disk=True) as part, part.open("wb") as file:
        torch.save(content, file)


def keep_previous(directory: Path) -> None:
    """Let last.ckpt be previous.ckpt too, before another is written: a hard link, so that it stays there."""
    last, previous = directory / LAST, directory / PREVIOUS
    if not last.exists():
        return
    previous.unlink(missing_ok=True)
    try:
        os.link(last, previous)
    except OSError:  # a file system without links
        os.replace(last, previous)


def forget_previous(directory: Path) -> None:
    """Remove previous.ckpt and what a killed run left half-written."""
    for path in (directory / PREVIOUS, *directory.glob(f".*{PART}")):
        path.unlink(missing_ok=True)


def refuse_packed(path: str | Path) -> None:
    """Raise CheckpointError where a file says that it holds more than its size: torch would unpack it, and a
    few kilobytes can become all memory."""
    try:
        with zipfile.ZipFile(path) as opened:
            size = sum(part.file_size for part in opened.infolist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return  # what it is instead is told by whoever reads it
    if size > (held := os.path.getsize(path)):
        reason = f"{held:,} bytes that unpack to {size:,}; torch packs no checkpoint"
        raise CheckpointError(path, reason)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A checkpoint's plain values; nothing in it is executed.

    Raises:
        CheckpointError: missing, broken or foreign file, or a folder.
    """
    refuse_packed(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*TorchScript archive")  # the error tells of it
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        from seqlab.training.checkpoint_mistakes import no_checkpoint

        raise no_checkpoint(path, error) from None
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get(KEY), dict):
        raise CheckpointError(path, "not a checkpoint of seqlab")
    return checkpoint


def add_to_checkpoint(path: Path, name: str, value: Any) -> None:
    """Add one more plain value beside config and vocabulary; the file is replaced whole or not at all."""
    checkpoint = read_checkpoint(path)
    checkpoint[KEY][name] = value
    write_atomically(checkpoint, path)


def load_weights(task: SequenceTask, path: Path) -> None:
    """Put a checkpoint's weights into a task of the same shape.

    A run that writes no checkpoint (``trainer.fast_dev_run``, ``trainer.enable_checkpointing=false``) keeps
    the weights it ended with, and says so.
    """
    if path.exists():
        task.load_state_dict(read_checkpoint(path)["state_dict"])
    else:
        log.warning("no %s was written: the weights of the last step are judged", path.name)


def load_task(path: str | Path, trust: Collection[str] = ()) -> tuple[SequenceTask, Contents]:
    """Rebuild a task for scoring from its checkpoint alone.

    Args:
        trust: packages outside seqlab whose code the checkpoint may name: see seqlab.trust.

    Returns:
        The task in eval mode, holding its evaluation, and what else the checkpoint holds.

    Raises:
        UserError: no checkpoint of seqlab, or one that names code of a package that is not trusted.
    """
    checkpoint = read_checkpoint(path)
    held = checkpoint[KEY]
    if not {"model", "data", "sizes", "evaluation"} <= set(held) or "state_dict" not in checkpoint:
        raise CheckpointError(path, "not a whole checkpoint of seqlab")
    refuse_untrusted(held["model"], path, trust)
    refuse_untrusted(held["evaluation"], path, trust, EVALUATIONS)
    refuse_untrusted_coders(held["data"], path, trust)
    task: SequenceTask = instantiate(held["model"], _convert_="all")
    task.load_state_dict(checkpoint["state_dict"])
    task.evaluation = instantiate(held["evaluation"], _convert_="all")
    return task.eval(), Contents(**{name: held[name] for name in Contents._fields if name in held})
