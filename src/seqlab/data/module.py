"""The base LightningDataModule: splits, sizes, and the lock on the test set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from seqlab.data.positions import ResumableBatches, ResumableLoader
from seqlab.data.shares import place, share_of
from seqlab.errors import UserError

SPLITS = ("train", "val", "test")
BATCH_TOKENS = 524_288  # data.batch_tokens where nothing else is said


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


class TokenLimit(NamedTuple):
    """How large a batch may be: items times the longest of them, so padding counts."""

    sizes: Tensor  # (N,) int64, tokens of each item
    most: int  # data.batch_tokens


class IndexBatches(Sampler[Tensor]):
    """Batches of item numbers, in a new order each epoch; the order depends on seed and epoch alone.

    With ``lengths``, items of similar length share a batch: items are shuffled, sorted by length (ties stay
    shuffled), cut into batches, and the batches shuffled.

    With ``limit``, no batch of several items has more tokens. Shuffled items of which ``batch_size`` would
    not fit are batched apart, by length: the number of batches is then the same in every epoch, and where
    all fit, the batches are those without a limit.

    Shuffled batches are for training: several processes take each their share of every batch.
    """

    def __init__(
        self,
        num_items: int,
        batch_size: int,
        *,
        seed: int,
        shuffle: bool = True,
        lengths: Tensor | None = None,
        limit: TokenLimit | None = None,
    ) -> None:
        if batch_size < 1:
            raise UserError(f"data.batch_size={batch_size}: a batch holds at least 1 item")
        if limit is not None and limit.most < 1:
            raise UserError(f"data.batch_tokens={limit.most}: a batch holds at least 1 token")
        self.num_items = num_items
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.lengths = lengths
        self.limit = limit
        self.epoch = 0
        self._counts: dict[int, int] = {}  # batches of an epoch, by number of processes

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        processes = place()[1]
        if processes not in self._counts:
            self._counts[processes] = len(self._batches(torch.arange(self.num_items)))
        return self._counts[processes]

    def __iter__(self) -> Iterator[Tensor]:
        order = torch.arange(self.num_items)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        if self.shuffle:
            order = order[torch.randperm(self.num_items, generator=generator)]
        batches = self._batches(order)
        if self.shuffle and (self.lengths is not None or self._is_long().any()):
            picks = torch.randperm(len(batches), generator=generator).tolist()
            batches = [batches[pick] for pick in picks]
        if self.shuffle:
            batches = [share_of(batch, f"data.batch_size={self.batch_size}") for batch in batches]
        yield from batches

    def _is_long(self) -> Tensor:
        """(N,) True where ``batch_size`` items of such a size are more tokens than a batch may have."""
        if self.limit is None:
            return torch.zeros(self.num_items, dtype=torch.bool)
        return self.limit.sizes * min(self.batch_size, self.num_items) > self.limit.most

    def _batches(self, order: Tensor) -> list[Tensor]:
        """The items of ``order`` in batches."""
        if not len(order):
            return []
        if self.lengths is not None:
            order = order[torch.sort(self.lengths[order], stable=True).indices]
        is_long = self._is_long()[order]
        if self.limit is None or not is_long.any():
            return self._fill_last(list(order.split(self.batch_size)))
        if not self.shuffle:
            return self._cut(order, self.limit)
        long, ordinary = order[is_long], order[~is_long]
        if len(ordinary) < place()[1]:  # too few for a batch of their own
            long, ordinary = order, order[:0]
        long = long[torch.sort(self.limit.sizes[long], stable=True).indices]
        apart = self._fill_last(list(ordinary.split(self.batch_size))) if len(ordinary) else []
        return self._fill_last(apart + self._cut(long, self.limit))

    def _cut(self, order: Tensor, limit: TokenLimit) -> list[Tensor]:
        """Batches end where one item more would be too much; one of training has an item for each process."""
        fewest = place()[1] if self.shuffle else 1
        counts, count, longest = [], 0, 0
        for size in limit.sizes[order].tolist():
            longest = max(longest, size)
            full = count == self.batch_size or longest * (count + 1) > limit.most
            if count >= fewest and full:
                counts.append(count)
                count, longest = 0, size
            count += 1
        return list(order.split([*counts, count]))

    def _fill_last(self, batches: list[Tensor]) -> list[Tensor]:
        """A last batch of training with too few items for all processes goes with the one before."""
        if self.shuffle and len(batches) > 1 and len(batches[-1]) < place()[1]:
            return [*batches[:-2], torch.cat(batches[-2:])]
        return batches


def batches_by_length(
    lengths: Tensor, batch_size: int, batch_tokens: int, *, seed: int, shuffle: bool = True
) -> IndexBatches:
    """Batches of items of similar length, at most ``batch_size`` items and ``batch_tokens`` tokens each."""
    limit = TokenLimit(lengths, batch_tokens)
    return IndexBatches(len(lengths), batch_size, seed=seed, shuffle=shuffle, lengths=lengths, limit=limit)


def batch_loader(dataset: Dataset, batches: Sampler[Any]) -> DataLoader:
    """A loader whose dataset turns what the sampler gives, such as a tensor of item numbers, into one batch.

    It can go on in the middle of an epoch.

    Gathering a batch is a handful of tensor operations, so worker processes would only add copies.
    """
    return ResumableLoader(dataset, sampler=ResumableBatches(batches), batch_size=None, num_workers=0)


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

    def test_dataloader(self) -> DataLoader[Any]:
        return batch_loader(self.dataset("test"), self.scoring_batches("test"))
