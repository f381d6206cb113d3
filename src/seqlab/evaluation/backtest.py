"""Walk-forward evaluation: for each fold of the test part a new network, trained on all that came before."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from seqlab.data.series import TimeSeries
from seqlab.data.time_grid import singular
from seqlab.errors import UserError
from seqlab.evaluation.forecasting_figures import all_figures, forecast_dates, forecast_windows
from seqlab.tasks.regression import Regression

# settings of the task's own trainer that the trainer of a fold has too
LIKE = (
    "precision",
    "max_epochs",
    "max_steps",
    "min_epochs",
    "min_steps",
    "check_val_every_n_epoch",
    "limit_train_batches",
    "limit_val_batches",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "accumulate_grad_batches",
)


@dataclass(frozen=True)
class FoldFigures:
    """One fold: its first step, and its figures."""

    begins: str
    figures: dict[str, float]  # mae, rmse, skill, ..., last_value_mae, train_days (hours, ...)


class BestWeights(Callback):
    """Keeps the weights of the epoch with the best monitored metric in memory.

    Raises:
        UserError: the metric is NaN or infinite.
    """

    def __init__(self, metric: str, mode: str) -> None:
        self.metric, self.sign = metric, 1 if mode == "min" else -1
        self.best = float("inf")
        self.weights: dict[str, Any] | None = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        value = self.sign * float(trainer.callback_metrics[self.metric])
        if not math.isfinite(value):
            raise UserError(
                f"data.backtest: the training of a fold diverged, {self.metric} is {value:g} after epoch "
                f"{trainer.current_epoch + 1}; try a lower optimizer.lr or trainer.gradient_clip_val"
            )
        if value < self.best:
            self.best, self.weights = value, copy.deepcopy(pl_module.state_dict())


def backtest(task: Regression, datamodule: TimeSeries) -> list[FoldFigures]:
    """Figures of each of ``data.backtest.folds``: same recipe, new weights, expanding training part.

    Within ``Trainer.test``, which trains nothing, there are no folds.
    """
    found: list[FoldFigures] = []
    folds = datamodule.folds()
    if not folds or task.trainer.testing:
        return found
    for number, fold in enumerate(folds):
        fold.setup()
        with torch.random.fork_rng():
            torch.manual_seed(fold.seed * 1_000_003 + number + 1)
            fresh = task.untrained()
            train_fold(fresh, fold, task.trainer)
        fold.open_test()
        windows = fold.windows("test")
        values, _ = forecast_windows(fresh, fold, windows, fold.encodings)
        figures = all_figures(values, windows, fresh.network.quantiles, fold.naive_errors())
        figures["last_value_mae"] = float(abs(windows.last.reshape(-1, 1) - windows.truth).mean())
        figures[f"train_{fold.noun.replace(' ', '_')}"] = float(fold.train_length())
        dates = forecast_dates(fold, windows)
        row = int(windows.first_rows[0]) + 1
        begins = f"{singular(fold.noun)} {row}" if dates is None else min(each[0] for each in dates)
        found.append(FoldFigures(begins=begins, figures=figures))
    return found


def train_fold(task: Regression, fold: TimeSeries, like: pl.Trainer) -> None:
    """Train as ``like`` trained, but for a limit of time and without files; ends with the best weights."""
    callbacks: list[Any] = list(like.callbacks)  # type: ignore[attr-defined]
    modes = [each.mode for each in callbacks if isinstance(each, ModelCheckpoint) and each.monitor]
    best = BestWeights(task.monitor, (modes or ["min"])[0])
    stopping = [
        EarlyStopping(each.monitor, mode=each.mode, patience=each.patience, min_delta=abs(each.min_delta))
        for each in callbacks
        if isinstance(each, EarlyStopping)
    ]
    trainer = pl.Trainer(
        accelerator="gpu" if like.strategy.root_device.type == "cuda" else "cpu",
        devices=1,
        **{name: getattr(like, name) for name in LIKE},
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[best, *stopping],
    )
    trainer.fit(task, datamodule=fold)
    if best.weights is not None:
        task.load_state_dict(best.weights)


def fold_metrics(folds: list[FoldFigures]) -> dict[str, float]:
    """``backtest/fold_1/...`` and the plain mean over folds that have a figure, ``backtest/mean/...``."""
    found: dict[str, float] = {}
    by_name: dict[str, list[float]] = {}
    for number, fold in enumerate(folds, start=1):
        for name, value in fold.figures.items():
            found[f"backtest/fold_{number}/{name}"] = value
            by_name.setdefault(name, []).append(value)
    return found | {f"backtest/mean/{name}": sum(each) / len(each) for name, each in by_name.items()}
