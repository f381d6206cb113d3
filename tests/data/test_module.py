from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from seqlab.data.batches import WindowBatch
from seqlab.data.log_sessions import LogSessions, ScoringPlan
from seqlab.data.module import TestSetLockedError
from seqlab.data.padded_sessions import PaddedSessions
from seqlab.data.session_windows import SessionWindows
from seqlab.errors import UserError
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.tasks.next_event import NextEvent

MODULES = [SessionWindows, PaddedSessions]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Splits whose keys differ: 5, 9 and 22 in train, 77 in val alone, 88 in test alone."""
    texts = {
        "train": "".join(f"blk_{number},5 9 {'22 ' * (number % 4)}\n" for number in range(24)),
        "val": "blk_50,5 77 9\nblk_51,9 22\n",
        "test": "blk_60,5 9\nblk_61,88 5 88\nblk_62,77\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: tmp_path / name for name in texts}


@pytest.fixture
def small(files: dict[str, Path]) -> Callable[..., Any]:
    """Builds a module of the small files, set up."""

    def build(module: type[LogSessions], **settings: Any) -> LogSessions:
        data = module(**files, **{"batch_size": 4} | settings)
        data.setup()
        return data

    return build


@pytest.mark.parametrize("module", MODULES)
def test_empty_batches_are_refused_before_training(small: Callable, module: type[LogSessions]) -> None:
    with pytest.raises(UserError, match=r"^data\.batch_size=0: "):
        small(module, batch_size=0).train_dataloader()


# -- the lock on the test set --------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_test_split_is_locked_until_it_is_opened(small: Callable, module: type[LogSessions]) -> None:
    data = small(module)
    for read in (data.sessions, data.tokens, data.scoring_plan):
        with pytest.raises(TestSetLockedError, match="the test set is locked"):
            read("test")
    with pytest.raises(TestSetLockedError, match=r"call open_test\(\) once all is decided"):
        data.test_dataloader()
    data.open_test()
    assert data.sessions("test").ids.tolist() == ["blk_60", "blk_61", "blk_62"]
    assert len(data.tokens("test")) == 6
    assert isinstance(data.scoring_plan("test"), ScoringPlan)
    assert sum(batch.num_units.item() for batch in data.test_dataloader()) == 6 + 3


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("split", ["train", "val"])
def test_nothing_is_decided_after_the_test_set_was_opened(
    small: Callable, module: type[LogSessions], split: str
) -> None:
    data = small(module)
    assert len(data.sessions(split)) > 0
    data.scoring_plan(split)
    loader = {"train": data.train_dataloader, "val": data.val_dataloader}[split]
    loader()
    data.open_test()
    for read in (data.sessions, data.tokens, data.scoring_plan):
        with pytest.raises(TestSetLockedError, match=f"the {split} split was asked for after the test set"):
            read(split)
    with pytest.raises(TestSetLockedError, match="decide before"):
        loader()


def test_setting_up_again_does_not_lock_or_read_again(small: Callable, files: dict[str, Path]) -> None:
    data = small(SessionWindows)
    vocabulary, notices = data.vocabulary, list(data.notices)
    data.open_test()
    files["train"].unlink()
    data.setup("test")
    assert data.vocabulary is vocabulary
    assert data.notices == notices
    assert len(data.sessions("test")) == 3


@pytest.mark.parametrize("split", ["", "Test", "holdout"])
def test_unknown_split_is_refused(small: Callable, split: str) -> None:
    with pytest.raises(UserError, match=f"^split={split}: choose train, val, test$"):
        small(SessionWindows).sessions(split)


def task_for(data: LogSessions) -> NextEvent:
    network = GRUPredictor(
        data.sizes["vocab_size"],
        data.sizes["pad_id"],
        data.sizes["unk_id"],
        embedding_size=4,
        hidden_size=5,
        num_layers=1,
    )
    adam = torch.optim.Adam
    return NextEvent(network=network, unk_id=data.sizes["unk_id"], optimizer=lambda p: adam(p, lr=0.01))


def trainer(folder: Path, **settings: Any) -> pl.Trainer:
    return pl.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        **settings,
    )


def test_lightning_cannot_test_before_the_test_set_is_opened(small: Callable, tmp_path: Path) -> None:
    data = small(SessionWindows, window_size=3)
    task = task_for(data)
    with pytest.raises(TestSetLockedError):
        trainer(tmp_path).test(task, datamodule=data, verbose=False)
    data.open_test()
    results = trainer(tmp_path).test(task, datamodule=data, verbose=False)
    assert np.isfinite(results[0]["test/loss"])


def test_lightning_cannot_train_or_validate_afterwards(small: Callable, tmp_path: Path) -> None:
    data = small(SessionWindows, window_size=3)
    task = task_for(data)
    trainer(tmp_path, max_epochs=1).fit(task, datamodule=data)
    trainer(tmp_path).validate(task, datamodule=data, verbose=False)
    data.open_test()
    with pytest.raises(TestSetLockedError):
        trainer(tmp_path, max_epochs=1).fit(task, datamodule=data)
    with pytest.raises(TestSetLockedError):
        trainer(tmp_path).validate(task, datamodule=data, verbose=False)


class RecordBatches(pl.Callback):
    """Keeps the training batches of each epoch."""

    def __init__(self) -> None:
        self.epochs: list[list[list]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.epochs.append([])

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: WindowBatch, batch_idx: int
    ) -> None:
        self.epochs[-1].append([field.tolist() for field in batch if field is not None])


def test_lightning_draws_a_new_order_each_epoch_and_the_same_each_run(
    small: Callable, tmp_path: Path
) -> None:
    runs = []
    for seed in (0, 0, 1):
        data = small(SessionWindows, window_size=3, seed=seed)
        record = RecordBatches()
        trainer(tmp_path, max_epochs=3, callbacks=[record]).fit(task_for(data), datamodule=data)
        runs.append(record.epochs)
    first, again, other = runs
    assert first == again
    assert first[0] != other[0]
    assert all(first[one] != first[two] for one, two in ((0, 1), (0, 2), (1, 2)))
    units = {sum(sum(batch[3]) for batch in batches) for batches in first}
    assert len(units) == 1  # every epoch holds as many windows


# -- what only the training split may say --------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_vocabulary_and_lengths_come_from_training_alone(small: Callable, module: type[LogSessions]) -> None:
    data = small(module)
    assert set(data.vocabulary.tokens[4:]) == {"5", "9", "22"}
    unk = data.vocabulary.unk
    assert (data.tokens("val") == unk).tolist() == [False, True, False, False, False]
    assert not (data.tokens("train") == unk).any()
    assert data.sizes == {"vocab_size": 7, "pad_id": 0, "unk_id": 3, "max_length": 6}
    data.open_test()
    assert (data.tokens("test") == unk).tolist() == [False, False, True, False, True, True]
    plan = data.scoring_plan("test")
    events = plan.piece_target[plan.piece_of_event].tolist()
    five, nine = data.vocabulary.id("5"), data.vocabulary.id("9")
    end = data.vocabulary.eos
    assert events == [five, nine, end, unk, five, unk, end, unk, end]


@pytest.mark.parametrize("module", MODULES)
def test_drawn_splits_do_not_leak_keys(tmp_path: Path, module: type[LogSessions]) -> None:
    # every session has a key of its own, so only the training split's own keys may be known
    path = tmp_path / "normal.txt"
    path.write_text("".join(f"blk_{number},1 {1000 + number}\n" for number in range(50)))
    data = module(normal=path)
    data.setup()
    train = data.sessions("train")
    own = {key for place in range(len(train)) for key in train.keys(place)}
    assert len(train) == 35
    assert set(data.vocabulary.tokens[4:]) == own
    assert len(own) == 36
    assert (data.tokens("val") == data.vocabulary.unk).tolist() == [False, True] * 5
