"""The base LightningDataModule: splits, sizes, and the lock on the test set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from seqlab.data.positions import ResumableBatches, ResumableLoader
from seqlab.data.shares import place, share_of
from seqlab.errors import UserError

SPLITS = ("train", "val", "test")


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


class IndexBatches(Sampler[torch.Tensor]):
    """Batches of item numbers, in a new order each epoch; the order depends on seed and epoch alone.

    With ``lengths``, items of similar length share a batch: items are shuffled, sorted by length (ties stay
    shuffled), cut into batches, and the batches shuffled.

    Shuffled batches are for training: several processes take each their share of every batch.
    """

    def __init__(
        self,
        num_items: int,
        batch_size: int,
        *,
        seed: int,
        shuffle: bool = True,
        lengths: torch.Tensor | None = None,
    ) -> None:
        if batch_size < 1:
            raise UserError(f"data.batch_size={batch_size}: a batch holds at least 1 item")
        self.num_items = num_items
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.lengths = lengths
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        whole, rest = divmod(self.num_items, self.batch_size)
        return whole + bool(rest) - self._joins_last(rest, whole)

    def _joins_last(self, rest: int, whole: int) -> bool:
        """Whether a last batch with too few items for all processes goes with the one before."""
        return self.shuffle and whole > 0 and 0 < rest < place()[1]

    def __iter__(self) -> Iterator[torch.Tensor]:
        order = torch.arange(self.num_items)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        if self.shuffle:
            order = order[torch.randperm(self.num_items, generator=generator)]
        if self.lengths is not None:
            order = order[torch.sort(self.lengths[order], stable=True).indices]
        batches = order.split(self.batch_size)
        if len(batches) > len(self):
            batches = (*batches[:-2], torch.cat(batches[-2:]))
        if self.shuffle and self.lengths is not None:
            picks = torch.randperm(len(batches), generator=generator).tolist()
            batches = tuple(batches[pick] for pick in picks)
        if self.shuffle:
            batches = tuple(share_of(batch, f"data.batch_size={self.batch_size}") for batch in batches)
        yield from batches


def batch_loader(dataset: Dataset, batches: Sampler[Any]) -> DataLoader:
    """A loader whose dataset turns what the sampler gives, such as a tensor of item numbers, into one batch.

    It can go on in the middle of an epoch.

    Gathering a batch is a handful of tensor operations, so worker processes would only add copies.
    """
    return ResumableLoader(dataset, sampler=ResumableBatches(batches), batch_size=None, num_workers=0)
