from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from omegaconf import DictConfig

from seqlab.data.log_sessions import LogSessions
from seqlab.training.build import build_data, build_task
from seqlab.training.callbacks import Callbacks, build_callbacks
from seqlab.training.checkpoints import contents_of
from seqlab.training.trainer import build_trainer

Compose = Callable[..., DictConfig]


class Run(NamedTuple):
    """A short training, done."""

    around: Callbacks
    data: LogSessions
    epochs: int


@pytest.fixture
def trained(composed: Compose, tmp_path: Path) -> Callable[..., Run]:
    """Trains a small model under overrides."""

    def run(*overrides: str) -> Run:
        config = composed(
            "data.sample.num_blocks=120",
            "trainer.enable_progress_bar=false",
            "model.network.hidden_size=4",
            "scheduler=constant",
            *overrides,
        )
        torch.manual_seed(0)
        data: Any = build_data(config.data)
        data.setup()
        task = build_task(config, data.sizes)
        around = build_callbacks(config, tmp_path, contents_of(config, data))
        trainer = build_trainer(config.trainer, around.all, [], tmp_path)
        trainer.fit(task, datamodule=data)
        return Run(around, data, trainer.current_epoch)

    return run


def test_training_stops_once_the_metric_has_not_improved_for_patience_epochs(
    trained: Callable[..., Run],
) -> None:
    # a rate of 0 improves nothing: the first epoch is the best, and three more are waited for
    run = trained("optimizer.lr=0", "trainer.max_epochs=9", "callbacks.early_stopping.patience=3")
    assert run.epochs == 4
    losses = run.around.history.series["val/loss"][1]
    assert len(losses) == 4
    assert len(set(losses)) == 1


@pytest.mark.parametrize(
    "override", ["callbacks.early_stopping.patience=null", "callbacks.early_stopping=null"]
)
def test_without_patience_training_goes_on_to_the_end(trained: Callable[..., Run], override: str) -> None:
    assert trained("optimizer.lr=0", "trainer.max_epochs=5", override).epochs == 5


def test_history_has_one_figure_an_epoch_and_the_rate(trained: Callable[..., Run]) -> None:
    series = trained("optimizer.lr=0.02", "trainer.max_epochs=3").around.history.series
    for name in ("train/loss", "val/loss", "val/accuracy", "learning_rate"):
        assert series[name][0] == [1.0, 2.0, 3.0]
    assert series["learning_rate"][1] == [0.02] * 3
    assert len(set(series["train/loss"][1])) == 3


@pytest.mark.parametrize("deduplicate", ["true", "false"])
@pytest.mark.parametrize(("model", "unit"), [("gru", "windows"), ("gru_ae", "tokens")])
def test_the_stopwatch_counts_repeats_and_no_padding(
    trained: Callable[..., Run], model: str, unit: str, deduplicate: str
) -> None:
    run = trained(f"model={model}", f"data.deduplicate={deduplicate}", "trainer.max_epochs=2")
    watch, sessions = run.around.stopwatch, run.data.sessions("train")
    # every key and the end of every session is predicted once an epoch
    assert float(watch.units) == 2 * (sessions.num_events + len(sessions))
    figures = watch.metrics(run.data.train_unit)
    assert set(figures) == {
        "timing/setup_seconds",
        "timing/fit_seconds",
        "timing/judge_seconds",
        "timing/test_seconds",
        f"timing/train_{unit}_per_second",
    }
    assert figures[f"timing/train_{unit}_per_second"] == float(watch.units) / watch.train_seconds
    assert 0 < watch.train_seconds < watch.fit_seconds
    assert figures["timing/test_seconds"] == 0.0
    with watch.testing():
        pass
    assert watch.metrics(run.data.train_unit)["timing/test_seconds"] > 0


def test_validation_is_kept_for_the_epochs_that_had_one(trained: Callable[..., Run], tmp_path: Path) -> None:
    run = trained("trainer.max_epochs=5", "trainer.check_val_every_n_epoch=2")
    assert run.around.history.series["val/loss"][0] == [2.0, 4.0]
    assert run.around.history.series["train/loss"][0] == [1.0, 2.0, 3.0, 4.0, 5.0]
    # last.ckpt is of the last epoch all the same, best.ckpt of one that was validated
    epochs = {
        name: torch.load(tmp_path / f"{name}.ckpt", weights_only=True)["epoch"] for name in ("best", "last")
    }
    assert epochs["last"] == 5  # epochs done
    assert epochs["best"] in (1, 3)
