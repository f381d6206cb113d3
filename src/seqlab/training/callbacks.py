"""The callbacks around fit: history, timing, checkpoints, early stopping, NaN, and the user's own."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch import Tensor

from seqlab import progress
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents
from seqlab.training.build import check_config
from seqlab.training.checkpoints import SaveContents
from seqlab.training.resume.last_checkpoint import LastCheckpoint

Task = pl.LightningModule


class Callbacks(NamedTuple):
    """All callbacks of a run, and the two whose records are read afterwards."""

    all: list[Callback]
    history: History
    stopwatch: Stopwatch


def build_callbacks(config: DictConfig, checkpoints: Path, contents: Contents) -> Callbacks:
    """Callbacks of the config's ``callbacks`` group; they read the one monitored metric of the model.

    Args:
        checkpoints: their folder.
        contents: what every checkpoint holds.

    Raises:
        UserError: a callback of ``callbacks.extra`` that cannot be built.
    """
    metric, mode = config.monitor.metric, config.monitor.mode
    history, stopwatch = History(), Stopwatch()
    writes_checkpoints = config.trainer.enable_checkpointing and not config.trainer.fast_dev_run
    found: list[Callback] = [
        NonFiniteStop(checkpoints if writes_checkpoints else None, metric, history),  # before all readers
        history,
        stopwatch,
        OwnNoise(config.seed),
        SaveContents(contents),
    ]
    if writes_checkpoints:
        every = config.callbacks.checkpoint
        best = ModelCheckpoint(checkpoints, "best", metric, mode=mode, enable_version_counter=False)
        found += [best, LastCheckpoint(checkpoints, every.every_steps, every.every_minutes)]
    stopping = config.callbacks.early_stopping
    if config.trainer.overfit is not None:
        found.append(SameBatches())
    elif stopping is not None and stopping.patience is not None:
        found.append(EarlyStopping(metric, stopping.min_delta, stopping.patience, mode=mode))
    for name, node in (config.callbacks.extra or {}).items():
        check_config(node, f"callbacks.extra.{name}")
        found.append(instantiate(OmegaConf.to_container(node, resolve=True)))
    return Callbacks(found, history, stopwatch)


MOST_STEPS = 1000  # that are kept


class History(Callback):
    """Figures for the report: {metric: ([epoch, ...], [value, ...])}; epochs count from 1.

    Those of ``step/`` are over optimizer steps, every n-th: n doubles whenever MOST_STEPS are kept.
    """

    def __init__(self) -> None:
        self.series: dict[str, tuple[list[float], list[float]]] = {}
        self._every, self._batches = 1, 0

    def state_dict(self) -> dict[str, Any]:
        return {"series": self.series, "every": self._every, "batches": self._batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.series = {name: (list(x), list(y)) for name, (x, y) in state["series"].items()}
        self._every, self._batches = state["every"], state["batches"]

    def keep_step(self, step: int, figures: dict[str, float]) -> None:
        """Figures of a training batch, by name without ``step/``."""
        if self._batches % self._every == 0:
            for name, value in figures.items():
                steps, values = self.series.setdefault(f"step/{name}", ([], []))
                steps.append(float(step))
                values.append(value)
                if self._batches == self._every * MOST_STEPS:
                    del steps[1::2], values[1::2]
            if self._batches == self._every * MOST_STEPS:
                self._every *= 2
        self._batches += 1

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Task) -> None:
        found = trainer.callback_metrics
        self._keep(trainer, {name: float(found[name]) for name in found if name.startswith("val/")})

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Task) -> None:
        # The task's own epoch-end hook runs after the callbacks', so the training loss is read here directly.
        figures = {"train/loss": float(pl_module.train_loss.compute())}  # type: ignore[operator, union-attr]
        self._keep(trainer, figures | {"learning_rate": _rate(trainer)})

    def _keep(self, trainer: pl.Trainer, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            epochs, values = self.series.setdefault(name, ([], []))
            epochs.append(float(trainer.current_epoch + 1))
            values.append(value)


class Stopwatch(Callback):
    """Seconds of setup, fit, judging and its test; units (windows, tokens) a second of training alone.

    Repeated windows count as often as they occur: the figure compares with loops that compute each.
    """

    def __init__(self) -> None:
        self.fit_seconds = self.test_seconds = self.train_seconds = self.judge_seconds = 0.0
        self.setup_seconds = 0.0  # since the run began, libraries counted
        self.units: Any = 0.0  # a tensor on the training device: reading it there would wait for the device
        self._fit_start = 0.0
        self._train_start: float | None = None  # None between the last batch of an epoch and the next

    def state_dict(self) -> dict[str, float]:
        """Of the run so far: a resumed run counts on."""
        now = time.perf_counter()
        return {
            "fit_seconds": self.fit_seconds + now - self._fit_start,
            "train_seconds": self.train_seconds + now - (self._train_start or now),
            "units": float(self.units),
        }

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.fit_seconds, self.train_seconds = state["fit_seconds"], state["train_seconds"]
        self.units = state["units"]

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        progress.clear()
        self.setup_seconds = progress.seconds_since()
        self._fit_start = time.perf_counter()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: Task) -> None:
        self.fit_seconds += time.perf_counter() - self._fit_start

    def on_train_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        self._train_start = time.perf_counter()  # an epoch that is resumed has no other beginning

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        self._train_start = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Task, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.units += batch.num_units
        if trainer.is_last_batch and self._train_start is not None:
            self.train_seconds += time.perf_counter() - self._train_start
            self._train_start = None

    def on_train_end(self, trainer: pl.Trainer, pl_module: Task) -> None:
        if trainer.world_size > 1:
            own = torch.tensor(float(self.units), device=pl_module.device)
            self.units = trainer.strategy.reduce(own, reduce_op="sum")

    @contextmanager
    def judging(self) -> Iterator[None]:
        """Around all that follows training up to the figures."""
        start = time.perf_counter()
        progress.show("judging")
        yield
        self.judge_seconds += time.perf_counter() - start

    @contextmanager
    def testing(self) -> Iterator[None]:
        """Around the judging of the test split, whose results lie on the CPU when it ends."""
        start = time.perf_counter()
        yield
        self.test_seconds += time.perf_counter() - start

    def metrics(self, unit: str) -> dict[str, float]:
        """``timing/...`` keys of metrics.json; call it after fit and test."""
        rate = float(self.units) / self.train_seconds if self.train_seconds else 0.0
        return {
            "timing/setup_seconds": self.setup_seconds,
            "timing/fit_seconds": self.fit_seconds,
            "timing/judge_seconds": self.judge_seconds,
            "timing/test_seconds": self.test_seconds,
            f"timing/train_{unit}_per_second": rate,
        }


class OwnNoise(Callback):
    """Each process draws dropout and noise from its own generator; the first keeps the run's ``seed``."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        if trainer.global_rank:
            pl.seed_everything(self.seed * 1_009 + trainer.global_rank, verbose=False)


class SameBatches(Callback):
    """Every epoch draws the batches of the first: samplers order by epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Task) -> None:
        trainer.train_dataloader.sampler.set_epoch(0)  # type: ignore[union-attr]


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
        where = f"step {trainer.global_step + 1} (epoch {epoch}, batch {batch})"
        gradients = [weight.grad for weight in pl_module.parameters() if weight.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        step = trainer.global_step + 1
        self._batches.append((step, where, _rate(trainer), torch.stack([self._loss.float(), norm.float()])))
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


def _rate(trainer: pl.Trainer) -> float:
    return float(trainer.optimizers[0].param_groups[0]["lr"])
