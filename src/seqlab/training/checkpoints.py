"""Checkpoints of plain values: written whole, with all that scoring needs; nothing in them is executed."""

from __future__ import annotations

import logging
import os
import warnings
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NotRequired

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from typing_extensions import TypedDict

from seqlab.contracts import check_plain
from seqlab.data.module import SequenceDataModule
from seqlab.errors import CheckpointError, UserError, memory_error, shown
from seqlab.evaluation.base import Contents
from seqlab.files import PART, whole_file
from seqlab.privacy import told
from seqlab.schemas import fitted
from seqlab.tasks.base import SequenceTask
from seqlab.training.build import check_config, fill_sizes, filled
from seqlab.trust import EVALUATIONS, refuse_untrusted, refuse_untrusted_coders

log = logging.getLogger(__name__)
KEY = "seqlab"
FORMAT = 1
DAMAGED = "it is damaged or was edited: take another copy of it, or train the model again"
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


class Held(TypedDict):
    """What a checkpoint holds beside weights: see Contents."""

    format: Literal[FORMAT]  # type: ignore[valid-type]
    model: dict[str, Any]
    evaluation: dict[str, Any]
    sizes: dict[str, Any]
    data: dict[str, Any]
    judge: NotRequired[dict[str, Any] | None]
    config: NotRequired[dict[str, Any]]
    trackers: NotRequired[dict[str, str]]


class Whole(TypedDict):
    """A checkpoint."""

    seqlab: Held
    state_dict: dict[str, Any]  # tensors, and what a task keeps beside them


def whole_checkpoint(path: str | Path) -> dict[str, Any]:
    """``read_checkpoint`` of a file that may be damaged, edited, or of another version.

    Raises:
        CheckpointError: names the field that is missing or of another type.
    """
    checkpoint = read_checkpoint(path)
    version = checkpoint[KEY].get("format")
    if isinstance(version, int) and version != FORMAT and 0 <= version < 2**31:
        known = f"it is of format {version}, and this seqlab reads {FORMAT}"
        newer = "it was written by a newer seqlab: upgrade with pip install --upgrade seqlab"
        raise CheckpointError(path, known, newer if version > FORMAT else "train the model again")
    try:
        return fitted(Whole, checkpoint)
    except UserError as error:
        raise CheckpointError(path, str(error), DAMAGED) from None


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
    checkpoint = whole_checkpoint(path)
    held = checkpoint[KEY]
    refuse_untrusted(held["model"], path, trust)
    refuse_untrusted(held["evaluation"], path, trust, EVALUATIONS)
    refuse_untrusted_coders(held["data"], path, trust)
    _check_model(held, path)
    weights = checkpoint["state_dict"]
    with _told_of(path, "its model cannot be built"), _no_larger_than(weights):
        check_config(OmegaConf.create(held["model"]), "seqlab.model")
        task: SequenceTask = instantiate(held["model"], _convert_="all").eval()
    with _told_of(path, "its weights do not fit its model"):
        task.load_state_dict(weights)
    with _told_of(path, "its evaluation cannot be built"):
        task.evaluation = instantiate(held["evaluation"], _convert_="all")
    with _told_of(path, "what it holds beside weights does not fit"):
        read = {name: held.get(name) for name in ("data", "judge", "sizes")}
        held |= fitted(task.evaluation.stored(), read)
    return task, Contents(**{name: held[name] for name in Contents._fields if name in held})


def _check_model(held: Mapping[str, Any], path: str | Path) -> None:
    """Raise CheckpointError where model or evaluation are not those of the run's config and sizes.

    A checkpoint that was made without a run has no config.
    """
    config, sizes = held.get("config"), held["sizes"]
    if not config:
        return
    with _told_of(path, "seqlab.model does not fit"):
        expected = filled(config["model"], sizes, "model") | {"evaluation": config["evaluation"]}
        found = _without_texts(held["model"] | {"evaluation": held["evaluation"]})
        expected = _without_texts(expected)
        differing = [name for name in found | expected if found.get(name) != expected.get(name)]
    if differing:
        reason = f"seqlab.model.{shown(differing[0])} is not what seqlab.config and seqlab.sizes make of it"
        raise CheckpointError(path, reason, DAMAGED)


def _without_texts(node: Any) -> Any:
    """Plain values whose texts are empty: in the config, secrets and the home folder stand otherwise."""
    if isinstance(node, dict):
        return {name: _without_texts(inner) for name, inner in node.items()}
    if isinstance(node, list | tuple):
        return [_without_texts(inner) for inner in node]
    return "" if isinstance(node, str) else node


@contextmanager
def _told_of(path: str | Path, what: str) -> Iterator[None]:
    """What breaks at a damaged value is told of the checkpoint; too little memory is told as ever."""
    try:
        yield
    except Exception as error:
        if memory_error(error) is not None:
            raise
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = " ".join(str(cause).split()) or type(cause).__name__
        raise CheckpointError(path, f"{what}: {shown(reason)}", DAMAGED) from error


@contextmanager
def _no_larger_than(weights: Mapping[str, Any]) -> Iterator[None]:
    """End the building of a network that becomes far larger than its weights: a damaged size would fill the
    memory, or go on for hours."""
    left = 2 * sum(weight.numel() for weight in weights.values() if isinstance(weight, Tensor)) + 1000

    def count(_: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal left
        left -= 1 if parameter is None else 1 + parameter.numel()
        if left < 0:
            raise ValueError(f"with {name} it is larger than the weights are")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
