from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import ReduceLROnPlateau

from seqlab.data.session_windows import SessionWindows
from seqlab.errors import UserError
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.tasks.next_event import NextEvent
from seqlab.training import schedulers
from seqlab.training.callbacks import History

MakeWindows = Callable[..., SessionWindows]


def new_task(datamodule: SessionWindows, **settings: Any) -> NextEvent:
    torch.manual_seed(0)
    sizes = datamodule.sizes
    network = GRUPredictor(
        sizes["vocab_size"], sizes["pad_id"], sizes["unk_id"], embedding_size=4, hidden_size=4, num_layers=1
    )
    return NextEvent(network=network, unk_id=sizes["unk_id"], **settings)


def bare_trainer(**settings: Any) -> pl.Trainer:
    """Lightning on the CPU with nothing around it."""
    return pl.Trainer(
        **settings,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def fit(task: NextEvent, datamodule: SessionWindows, callbacks: tuple = (), **settings: Any) -> pl.Trainer:
    trainer = bare_trainer(
        **{"max_epochs": 2} | settings,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        callbacks=list(callbacks),
    )
    trainer.fit(task, datamodule=datamodule)
    return trainer


class Rates(pl.Callback):
    """The learning rate that each step was made with."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_start(self, trainer: pl.Trainer, *arguments: Any) -> None:
        self.seen.append(trainer.optimizers[0].param_groups[0]["lr"])


def test_epoch_losses_weigh_windows_not_batches(windows: MakeWindows) -> None:
    datamodule = windows(batch_size=7)  # the last batch is a small one
    # a rate of 0 leaves the network as it is: the epoch's loss can be computed in one go afterwards
    task = new_task(datamodule, optimizer=partial(SGD, lr=0.0))
    history = History()
    trainer = fit(task, datamodule, (history,), max_epochs=1)
    batches = list(datamodule.train_dataloader())
    assert len({int(batch.num_units) for batch in batches}) > 1
    losses = [task.losses(batch) for batch in batches]
    counted = sum(part.nll.item() for part in losses) / sum(part.num_units.item() for part in losses)
    assert float(trainer.callback_metrics["train/loss"]) == pytest.approx(counted, abs=1e-5)
    assert history.series["train/loss"] == ([1.0], [pytest.approx(counted, abs=1e-5)])

    validation = [task.losses(batch) for batch in datamodule.val_dataloader()]
    units = sum(part.num_units.item() for part in validation)
    assert float(trainer.callback_metrics["val/loss"]) == pytest.approx(
        sum(part.nll.item() for part in validation) / units, abs=1e-5
    )
    assert float(trainer.callback_metrics["val/accuracy"]) == pytest.approx(
        sum(part.correct.item() for part in validation) / units, abs=1e-6
    )


def test_each_epoch_has_its_own_mean(windows: MakeWindows) -> None:
    datamodule = windows()
    history = History()
    task = new_task(datamodule, optimizer=partial(Adam, lr=0.05))
    fit(task, datamodule, (history,), max_epochs=3)
    epochs, losses = history.series["val/loss"]
    assert epochs == [1.0, 2.0, 3.0]
    assert losses[0] > losses[1] > losses[2]
    assert history.series["train/loss"][1][0] > history.series["train/loss"][1][2]


def test_the_scheduler_is_told_the_steps_of_the_run_and_moves_every_step(windows: MakeWindows) -> None:
    datamodule = windows(batch_size=25)  # 75 training sessions: 3 steps an epoch
    rates = Rates()
    task = new_task(datamodule, optimizer=partial(SGD, lr=1e-3), scheduler=schedulers.cosine)
    fit(task, datamodule, (rates,), max_epochs=2)
    # half a cosine over 6 steps
    assert rates.seen == pytest.approx([1e-3, 9.330127e-4, 7.5e-4, 5e-4, 2.5e-4, 6.69873e-5], rel=1e-5)


def test_a_plateau_scheduler_moves_by_epoch_on_the_monitored_metric(windows: MakeWindows) -> None:
    datamodule = windows(batch_size=25)
    rates = Rates()
    task = new_task(
        datamodule,
        optimizer=partial(SGD, lr=1e-6),  # too little for the accuracy to change
        scheduler=partial(ReduceLROnPlateau, factor=0.5, patience=0),
        monitor="val/accuracy",
    )
    trainer = fit(task, datamodule, (rates,), max_epochs=3)
    assert trainer.lr_scheduler_configs[0].monitor == "val/accuracy"
    # the first epoch sets the best, the second does not improve on it, the third has half the rate
    assert rates.seen == pytest.approx([1e-6] * 6 + [5e-7] * 3)


def test_without_a_scheduler_the_rate_stays(windows: MakeWindows) -> None:
    datamodule = windows(batch_size=25)
    rates = Rates()
    fit(new_task(datamodule, optimizer=partial(SGD, lr=0.25)), datamodule, (rates,), max_epochs=1)
    assert rates.seen == [0.25] * 3


def test_a_run_without_an_end_cannot_be_scheduled(windows: MakeWindows) -> None:
    datamodule = windows()
    task = new_task(datamodule, optimizer=partial(SGD, lr=0.1), scheduler=schedulers.cosine)
    with pytest.raises(UserError, match=r"trainer\.max_epochs=-1 sets no end: give trainer\.max_epochs or"):
        fit(task, datamodule, max_epochs=-1)


def test_a_task_built_for_scoring_says_that_it_cannot_be_trained(windows: MakeWindows) -> None:
    datamodule = windows()
    with pytest.raises(UserError, match="built for scoring: give it an optimizer"):
        fit(new_task(datamodule), datamodule)


def test_the_test_loop_counts_like_validation(windows: MakeWindows) -> None:
    datamodule = windows(scoring_batch_size=16)
    task = new_task(datamodule)
    datamodule.open_test()
    figures = bare_trainer().test(task, datamodule=datamodule, verbose=False)[0]
    with torch.inference_mode():
        losses = [task.losses(batch) for batch in datamodule.test_dataloader()]
    assert len(losses) > 1
    units = sum(part.num_units.item() for part in losses)
    assert figures["test/loss"] == pytest.approx(sum(part.nll.item() for part in losses) / units, abs=1e-5)
    assert figures["test/accuracy"] == pytest.approx(
        sum(part.correct.item() for part in losses) / units, abs=1e-6
    )
