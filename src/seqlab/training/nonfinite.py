"""The end of a run whose loss or gradients are not finite."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from seqlab.errors import UserError

if TYPE_CHECKING:
    from seqlab.training.callbacks import History

Task = pl.LightningModule


class NonFiniteStop(Callback):
    """Ends a run whose loss or gradients are not finite before its weights become NaN or are saved.

    On the CPU each batch is checked before its step. On a GPU, reading a figure would make every step wait:
    figures are read together, every 50 batches and before each validation and checkpoint; the batch named is
    the first bad one all the same. With precision 16-mixed only the loss counts: infinite gradients are how
    its scale is found.

    Args:
        checkpoints: folder of the checkpoints, for the message; None where none are written.
        monitor: the validation metric to watch beside ``val/loss``.
        history: keeps what is read here for the report.
        every: batches between two looks; None: 1 on the CPU, 50 on a GPU.

    Raises:
        UserError: names step, epoch, batch, loss, gradient norm, learning rate and last good checkpoint.
    """

    def __init__(
        self, checkpoints: Path | None, monitor: str, history: History | None = None, every: int | None = None
    ) -> None:
        self.checkpoints = checkpoints
        self.monitor = monitor
        self.history = history
        self.every = every
        self._loss = torch.zeros(())
        # of batches that were not looked at: step, where, at which rate, and (2,) loss and gradient norm
        self._batches: list[tuple[int, str, float, Tensor]] = []

    def on_before_backward(self, trainer: pl.Trainer, pl_module: Task, loss: Tensor) -> None:
        self._loss = loss.detach()

    def on_after_backward(self, trainer: pl.Trainer, pl_module: Task) -> None:
        epoch, batch = trainer.current_epoch + 1, trainer.fit_loop.batch_idx + 1
        step = trainer.global_step + 1
        where = f"step {step} (epoch {epoch}, batch {batch})"
        gradients = [weight.grad for weight in pl_module.parameters() if weight.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        self._batches.append((step, where, rate_of(trainer), torch.stack([self._loss.float(), norm.float()])))
        if len(self._batches) >= (self.every or (1 if norm.device.type == "cpu" else 50)):
            self._check(trainer)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        self._check(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Task) -> None:
        self._check(trainer)

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: Task, checkpoint: dict[str, Any]) -> None:
        self._check(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Task) -> None:
        for name in ("val/loss", self.monitor):
            value = float(trainer.callback_metrics.get(name, 0.0))
            if not math.isfinite(value) and not trainer.sanity_checking:
                where = f"after epoch {trainer.current_epoch + 1}, step {trainer.global_step}"
                raise UserError(f"{name} is {value:g} {where}. {self._what_to_do(trainer)}")

    def _check(self, trainer: pl.Trainer) -> None:
        """Raise at the first batch since the last look whose figures are not finite."""
        batches, self._batches = self._batches, []
        figures = torch.stack([each for *_, each in batches]) if batches else torch.zeros(0, 2)
        counted = figures[:, :1] if trainer.precision == "16-mixed" else figures
        is_good = torch.isfinite(counted).all(dim=1).tolist()
        if not all(is_good):
            _, where, rate, figure = batches[is_good.index(False)]
            loss, norm = figure.tolist()
            raise UserError(
                f"training diverged at {where}: loss {loss:g}, gradient norm {norm:g}, learning rate "
                f"{rate:g}. {self._what_to_do(trainer)}"
            )
        if self.history is not None:
            has_norm = trainer.precision != "16-mixed"  # there it is of scaled gradients
            for (step, _, rate, _), (loss, norm) in zip(batches, figures.tolist(), strict=True):
                kept = {"loss": loss * trainer.accumulate_grad_batches, "learning_rate": rate}  # undivided
                self.history.keep_step(step, kept | ({"gradient_norm": norm} if has_norm else {}))

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


def rate_of(trainer: pl.Trainer) -> float:
    return float(trainer.optimizers[0].param_groups[0]["lr"])
