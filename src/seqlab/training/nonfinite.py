"""A run whose loss or gradients become NaN or infinite stops at once, and says where."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from seqlab.errors import UserError


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """() Euclidean norm of all gradients together; 0 where there is none."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    return torch.nn.utils.get_total_norm(gradients)


class NonFiniteStop(Callback):
    """Stops before a step that would make weights NaN, and before such weights reach a checkpoint.

    On the CPU each batch is checked before its optimizer step. On a GPU, reading a figure would make every
    step wait for the device: losses and norms stay there and are read together, after some batches and
    before each validation and checkpoint; the batch named is the first bad one all the same.

    With precision 16-mixed only the loss counts: infinite gradients are how its scale is found, and such
    steps are skipped.

    Args:
        checkpoints: folder of the checkpoints, for the message; None where none are written.
        monitor: the validation metric to watch beside ``val/loss``.
        every: batches between two looks at the figures; without it 1 on the CPU, 50 on a GPU.

    Raises:
        UserError: names step, epoch, batch, loss, gradient norm, learning rate and last good checkpoint.
    """

    def __init__(self, checkpoints: Path | None, monitor: str, every: int | None = None) -> None:
        self.checkpoints = checkpoints
        self.monitor = monitor
        self.every = every
        # of the batches whose figures were not read yet
        self._where: list[tuple[int, int, int, float]] = []  # step, epoch, batch, all from 1; learning rate
        self._figures = torch.zeros(0)  # (every, 2) loss and gradient norm, on the training device
        self._loss = torch.zeros(())
        self._batch = 0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        device = trainer.strategy.root_device
        interval = self.every or (1 if device.type == "cpu" else 50)
        self._figures = torch.zeros(interval, 2, device=device)
        self._where = []

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._batch = batch_idx + 1

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        self._loss = loss.detach()

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        rate = float(trainer.optimizers[0].param_groups[0]["lr"])
        row = self._figures[len(self._where)]
        row[0] = self._loss
        row[1] = gradient_norm(pl_module.parameters())
        self._where.append((trainer.global_step + 1, trainer.current_epoch + 1, self._batch, rate))
        if len(self._where) == len(self._figures):
            self._check(trainer)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._check(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._check(trainer)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._check(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        for name in dict.fromkeys(("val/loss", self.monitor)):
            value = trainer.callback_metrics.get(name)
            if value is not None and not math.isfinite(value):
                where = f"after epoch {trainer.current_epoch + 1}, step {trainer.global_step}"
                raise UserError(f"{name} is {float(value):g} {where}. {self._what_to_do(trainer)}")

    def _check(self, trainer: pl.Trainer) -> None:
        """Read the figures of the batches since the last look; raise at the first that is not finite."""
        figures = self._figures[: len(self._where)]
        where, self._where = self._where, []
        counted = figures[:, :1] if trainer.precision == "16-mixed" else figures
        if bool(torch.isfinite(counted).all()):
            return
        for (step, epoch, batch, rate), (loss, norm), row in zip(
            where, figures.tolist(), counted.tolist(), strict=True
        ):
            if not all(map(math.isfinite, row)):
                raise UserError(
                    f"training diverged at step {step} (epoch {epoch}, batch {batch}): loss {loss:g}, "
                    f"gradient norm {norm:g}, learning rate {rate:g}. {self._what_to_do(trainer)}"
                )

    def _what_to_do(self, trainer: pl.Trainer) -> str:
        written = [] if self.checkpoints is None else sorted(self.checkpoints.glob("*.ckpt"))
        # best.ckpt may be older than last.ckpt, never worse
        kept = f"Last good checkpoint: {written[0]}" if written else "No checkpoint was written before it"
        ways = [
            f"optimizer.lr={trainer.optimizers[0].defaults['lr'] / 10:g}",
            f"trainer.gradient_clip_val={(trainer.gradient_clip_val or 2.0) / 2:g}",
        ]
        if trainer.precision != "32-true":
            ways.append("trainer.precision=32-true")
        return f"{kept}. Try {', '.join(ways[:-1])} or {ways[-1]}"
