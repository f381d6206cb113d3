"""The base LightningDataModule: splits, sizes, and the lock on the test set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from seqlab.data.loaders import IndexBatches, batch_loader, batches_by_length
from seqlab.data.splits import SPLITS
from seqlab.errors import UserError

BATCH_TOKENS = 524_288  # data.batch_tokens where nothing else is said


class Profile(NamedTuple):
    """A split's N items, as the leak audit compares them with those of another."""

    noun: str  # what the items are, in the plural: sessions, names, sentence pairs
    contents: Sequence[Hashable]  # (N,) each item whole, or a hash of it: equal ones are duplicates
    lengths: NDArray[np.int64] | None = None  # (N,) tokens or steps; None where all items are as long
    unknown: NDArray[np.bool_] | None = None  # (N,) items that hold what training lacks
    lacks: str = "what training lacks"  # what ``unknown`` is about: a key that training never showed
    span: tuple[str, str] | None = None  # its first and last time, as texts that sort by time


class TestSetLockedError(RuntimeError):
    """Something that decides asked for the test set, or training was asked for after it was opened."""

    __test__ = False  # not a pytest class


class SequenceDataModule(pl.LightningDataModule):
    """Raw files to batches of one type.

    After ``setup`` the ``sizes`` hold all that a network must know of the data. The test split is locked
    until ``open_test`` says that every decision is made; from then on training is refused.
    """

    batch_type: ClassVar[type]
    train_unit: ClassVar[str]  # what a batch counts: windows, tokens, ...

    def __init__(self) -> None:
        super().__init__()
        self._test_open = False
        self._is_set_up = False
        self.notices: list[str] = []  # what a reader of the figures must know of the data

    @property
    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """What the network needs to know: ``vocab_size``, ``pad_id``, ..."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Plain values for the checkpoint: all that scoring new data needs of this one."""

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, in words and numbers, for the report; reads no test item."""
        return []

    def profile(self, split: str) -> Profile | None:
        """What the leak audit compares of a split's items; None where a data set has nothing to compare.

        Figures without duplicates need the test items that ``Outcome.resampled`` counts, in its order.

        Raises:
            TestSetLockedError: the test split before ``open_test``.
        """
        return None

    def fitted_on(self) -> dict[str, str]:
        """What was fitted, and on what: ``{"vocabulary": "3,908 training sessions"}``."""
        return {}

    def split_rule(self) -> str:
        """How train, val and test came about: ``at random, seed 0``; empty where it is not known."""
        return ""

    @abstractmethod
    def write_files(self, folder: Path) -> None:
        """Write what a reader of the run folder may want to see, as text: the vocabulary, ..."""

    @abstractmethod
    def load_splits(self) -> None:
        """Read files, split, fit what is fitted on the training split. Called once."""

    def setup(self, stage: str = "fit") -> None:
        """Lightning's hook; also called directly. Reads the data at the first call only."""
        if not self._is_set_up:
            self.load_splits()
            self._is_set_up = True

    def open_test(self) -> None:
        """Unlock the test split: training, checkpoint choice and thresholds are final."""
        self._test_open = True

    def test_dataloader(self) -> DataLoader[Any]:
        """Lightning's hook. In ``Trainer.test`` a task with an evaluation decides, then the split opens.

        Raises:
            TestSetLockedError: before ``open_test``, where no evaluation decides.
        """
        if not self._test_open and self.trainer is not None and self.trainer.testing:
            task: Any = self.trainer.lightning_module
            if task.before_test(self):
                self.open_test()
        self.check_access("test")
        return self.test_loader()

    @abstractmethod
    def test_loader(self) -> DataLoader[Any]:
        """Batches of the test split."""

    def check_access(self, split: str) -> None:
        """Raise where a split may not be read now.

        Raises:
            TestSetLockedError: ``test`` before ``open_test``; ``train`` or ``val`` for deciding after it.
        """
        if split not in SPLITS:
            raise UserError(f"split={split}: choose {', '.join(SPLITS)}")
        if split == "test" and not self._test_open:
            raise TestSetLockedError(
                "the test set is locked: nothing that decides (training, early stopping, checkpoint choice, "
                "threshold, vocabulary, sweep objective) may read it; call open_test() once all is decided"
            )
        if split != "test" and self._test_open:
            raise TestSetLockedError(
                f"the {split} split was asked for after the test set was opened: decide before"
            )

    @property
    def device(self) -> torch.device:
        """Where batches are gathered: the trainer's device, or the CPU outside a run."""
        return self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")


class ByLengthModule(SequenceDataModule):
    """A data module whose validation and test batches hold items of similar length, each item once."""

    batch_tokens: int  # tokens of a batch at most, padding counted
    scoring_batch_size: int  # items of a batch at most, when nothing is learned
    seed: int

    @abstractmethod
    def dataset(self, split: str) -> Any:
        """The split as batches are gathered from it; its ``lengths`` are (N,) tokens of each item."""

    def scoring_batches(self, split: str) -> IndexBatches:
        """Item numbers, by length: little of a batch is padding."""
        lengths = self.dataset(split).lengths
        return batches_by_length(
            lengths, self.scoring_batch_size, self.batch_tokens, seed=self.seed, shuffle=False
        )

    def val_dataloader(self) -> DataLoader[Any]:
        return batch_loader(self.dataset("val"), self.scoring_batches("val"))

    def test_loader(self) -> DataLoader[Any]:
        return batch_loader(self.dataset("test"), self.scoring_batches("test"))
