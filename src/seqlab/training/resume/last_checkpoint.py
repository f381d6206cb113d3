"""last.ckpt: written between two steps, with all that decides how training goes on."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.seed import _collect_rng_states
from pytorch_lightning.callbacks import Checkpoint
from torch import distributed
from torchmetrics import Metric

from seqlab.data.loaders import ResumableLoader, world_size
from seqlab.training.checkpoints import LAST, keep_previous
from seqlab.training.resume import REQUEST, RunInterruptedError, requeue

Task = pl.LightningModule


class LastCheckpoint(Checkpoint):
    """Saves just before a training batch: the first of every epoch, and by steps and minutes between.

    Before a batch nothing is half-done: what was logged is logged, every count is of whole steps. The state
    of the generators is taken there and given back there, to the bit.

    Args:
        directory: of last.ckpt and previous.ckpt.
        every_steps: optimizer steps between two saves within an epoch; None for none.
        every_minutes: minutes likewise.
    """

    def __init__(self, directory: Path, every_steps: int | None, every_minutes: float | None) -> None:
        self.directory = directory
        self.every_steps = every_steps
        self.every_minutes = every_minutes
        self.training_is_over = False
        self._restored: dict[str, Any] | None = None  # what a resumed run has not taken back yet
        self._saving: dict[str, Any] | None = None  # what goes into the checkpoint that is being written
        self._saved_step = -1
        self._saved_time = 0.0

    def state_dict(self) -> dict[str, Any]:
        return {"training_is_over": self.training_is_over}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.training_is_over = bool(state["training_is_over"])

    def on_load_checkpoint(self, trainer: pl.Trainer, pl_module: Task, checkpoint: dict[str, Any]) -> None:
        self._restored = checkpoint.get("exact")

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: Task, checkpoint: dict[str, Any]) -> None:
        if self._saving is not None:
            checkpoint["exact"] = self._saving
            _mark_between_batches(checkpoint["loops"]["fit_loop"])

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        self._saved_time = time.monotonic()
        if self.training_is_over:
            trainer.should_stop = True

    def on_train_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        REQUEST.install()  # over the handlers that Lightning has registered
        REQUEST.is_training = True
        if self._restored is not None:
            # Lightning may set loaders up before it reads a checkpoint: their position is set by hand
            for loader in trainer.fit_loop._combined_loader.flattened:  # type: ignore[union-attr]
                if isinstance(loader, ResumableLoader):
                    loader.load_state_dict({"batches": self._restored["batches"]})

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Task, batch: Any, batch_idx: int) -> None:
        if self._restored is not None:
            self._go_on(trainer, pl_module, self._restored)
        if batch_idx % trainer.accumulate_grad_batches:  # gradients of part of a step are in no checkpoint
            return
        stopping = _any_process(REQUEST.number or 0, pl_module.device)
        if stopping or self._is_due(trainer, batch_idx):
            self._save(trainer, pl_module, batch_idx)
        if stopping:
            if trainer.is_global_zero and stopping == getattr(signal, "SIGUSR1", None):
                requeue()
            raise RunInterruptedError(stopping, trainer.global_step)

    def on_train_end(self, trainer: pl.Trainer, pl_module: Task) -> None:
        REQUEST.is_training = False
        self.training_is_over = bool(trainer.should_stop)
        self._save(trainer, pl_module, 0, epoch_is_over=True)
        stopping = _any_process(REQUEST.number or 0, pl_module.device)
        if stopping:
            raise RunInterruptedError(stopping, trainer.global_step)

    def on_exception(self, trainer: pl.Trainer, pl_module: Task, exception: BaseException) -> None:
        REQUEST.is_training = False

    def _is_due(self, trainer: pl.Trainer, batch_idx: int) -> bool:
        if trainer.global_step == self._saved_step:
            return False
        if batch_idx == 0:
            return True
        steps = trainer.global_step - self._saved_step
        minutes = (time.monotonic() - self._saved_time) / 60
        due = (self.every_steps is not None and steps >= self.every_steps) or (
            self.every_minutes is not None and minutes >= self.every_minutes
        )
        # clocks differ: all processes follow the first
        return bool(trainer.strategy.broadcast(due)) if trainer.world_size > 1 else due

    def _save(self, trainer: pl.Trainer, module: Task, batch_idx: int, epoch_is_over: bool = False) -> None:
        for logger in trainer.loggers:
            logger.save()
        self._saving = {
            "processes": all_states(module),
            "batches": batch_idx,
            "epoch_is_over": epoch_is_over,
            "batches_that_stepped": trainer.fit_loop.epoch_loop._batches_that_stepped,
        }
        if trainer.is_global_zero:
            keep_previous(self.directory)
        try:
            trainer.save_checkpoint(self.directory / LAST)
        finally:
            self._saving = None
        self._saved_step, self._saved_time = trainer.global_step, time.monotonic()

    def _go_on(self, trainer: pl.Trainer, module: Task, restored: dict[str, Any]) -> None:
        """Before the first batch after a resume: what was read with the checkpoint takes effect."""
        from seqlab.training.resume.going_on import restore_process

        trainer.fit_loop.epoch_loop._batches_that_stepped = restored["batches_that_stepped"]
        trainer.fit_loop.restarting = False  # or the schedulers of this epoch's end would be left out
        restore_process(module, restored["processes"], trainer.global_rank)
        if restored["epoch_is_over"]:
            # the loader of the epoch that now begins has drawn a number that the state does not know of
            torch.empty((), dtype=torch.int64).random_()
        self._restored = None
        self._saved_step = trainer.global_step


def random_states() -> dict[str, Any]:
    """The generators of Python, NumPy, torch and CUDA, as plain values."""
    states = _collect_rng_states(include_cuda=torch.cuda.is_initialized())
    kind, words, *rest = states["numpy"]
    return states | {"numpy": (kind, torch.from_numpy(words.astype(np.int64)), *rest)}


def process_state(module: Task) -> dict[str, Any]:
    """Of this process: generators, what metrics have counted of the epoch so far, the carried state."""
    has_extra = type(module).get_extra_state is not torch.nn.Module.get_extra_state
    return {
        "random": random_states(),
        "counted": {
            name: {key: value.clone() for key, value in metric.metric_state.items() if torch.is_tensor(value)}
            for name, metric in module.named_modules()
            if isinstance(metric, Metric) and metric.update_called
        },
        "extra": module.get_extra_state() if has_extra else None,
    }


def all_states(module: Task) -> list[dict[str, Any]]:
    """``process_state`` of each process, by rank: dropout and carried states differ between them."""
    own, processes = process_state(module), world_size()
    if processes == 1:
        return [own]
    found: list[Any] = [None] * processes
    distributed.all_gather_object(found, own)
    return found


def _mark_between_batches(loops: dict[str, Any]) -> None:
    """Let the loops' record say what is true between two batches: the next one is not begun. Lightning's own
    record is of the middle of a batch."""
    progress = loops["epoch_loop.batch_progress"]
    for span in ("total", "current"):
        for stage in ("ready", "started", "processed"):
            progress[span][stage] = progress[span]["completed"]
    progress["is_last_batch"] = False
    if loops["epoch_progress"]["current"]["started"] == loops["epoch_progress"]["current"]["completed"]:
        for stage in ("ready", "started", "processed", "completed"):  # the epoch is over
            progress["current"][stage] = 0


def _any_process(number: int, device: torch.device) -> int:
    """The largest signal number that any process was sent; 0 for none."""
    if world_size() == 1:
        return number
    found = torch.tensor(number, device=device)
    distributed.all_reduce(found, op=distributed.ReduceOp.MAX)
    return int(found)
