"""Exact resume: a run that was stopped goes on as if it had never stopped.

``last_checkpoint`` saves between two steps, with all that Lightning leaves out; ``stopping`` makes a signal
wait for that; ``going_on``, which a resumed run alone loads, finds the checkpoint and restores it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytorch_lightning.utilities import rank_zero_only

from seqlab.errors import UserError

if TYPE_CHECKING:
    import pytorch_lightning as pl
    from omegaconf import DictConfig

    from seqlab.training.run_folder import RunFolder


class Start(NamedTuple):
    """Where training begins."""

    checkpoint: Path | None = None  # to go on from; None at the beginning
    step: int = 0  # optimizer steps that are done
    tracker_ids: Mapping[str, str] = {}  # runs of W&B and MLflow that go on


def check_folder(folder: Path, config: DictConfig) -> None:
    """Raise UserError where the run folder holds a run that this one would train again or overwrite."""
    if config.resume is not None:
        from seqlab.training.resume.going_on import check_not_finished

        check_not_finished(folder, config)
        return
    states = {"metrics.json": "a finished run", "checkpoints/last.ckpt": "a run that was stopped"}
    for name, state in states.items():
        if (folder / name).exists() and rank_zero_only.rank == 0:  # type: ignore[attr-defined]
            raise UserError(
                f"hydra.run.dir={folder}: {state} lies there. To go on with it: python train.py "
                f"resume={folder}; to begin anew choose another folder, or remove that one"
            )


def find_start(config: DictConfig, folder: RunFolder) -> Start:
    """The last whole checkpoint where the run is resumed; the beginning else."""
    if config.resume is None:
        return Start()
    from seqlab.training.resume.going_on import last_start

    return last_start(config, folder)


def fit(trainer: pl.Trainer, task: Any, datamodule: Any, start: Start) -> None:
    """Train from ``start`` to the end."""
    if start.checkpoint is None:
        trainer.fit(task, datamodule=datamodule)
    else:
        from seqlab.training.resume.going_on import fit_on

        fit_on(trainer, task, datamodule, start)
