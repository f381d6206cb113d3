"""Checkpoints on disk: written whole or not at all, the one before last kept, broken ones told apart."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from seqlab.files import PART, whole_file

LAST = "last.ckpt"
PREVIOUS = "previous.ckpt"  # what last.ckpt was before; gone when the run is finished


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes to a temporary name, reaches the disk, then renames: a reader finds a whole file or none."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        write_atomically(checkpoint, Path(path))


def write_atomically(content: dict[str, Any], path: Path) -> None:
    """``torch.save`` under a temporary name beside ``path``, flushed to the disk, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, on_disk=True) as part, part.open("wb") as file:
        torch.save(content, file)


def keep_previous(directory: Path) -> None:
    """Let the present last.ckpt be found as previous.ckpt before another is written.

    A hard link, where the file system has them: at no moment is there no last.ckpt.
    """
    last, previous = directory / LAST, directory / PREVIOUS
    if not last.exists():
        return
    temporary = previous.with_name(f".{PREVIOUS}{PART}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(last, temporary)
    except OSError:
        os.replace(last, previous)
    else:
        os.replace(temporary, previous)


def forget_previous(directory: Path) -> None:
    """Remove previous.ckpt and what a killed run left half-written."""
    for path in (directory / PREVIOUS, *directory.glob(f".*{PART}")):
        path.unlink(missing_ok=True)
