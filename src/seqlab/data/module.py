"""The base LightningDataModule: splits, sizes, and the lock on the test set."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections import UserDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from seqlab.data.loaders import IndexBatches, batch_loader, batches_by_length
from seqlab.data.splits import SPLITS
from seqlab.errors import UserError

BATCH_TOKENS = 524_288  # data.batch_tokens where nothing else is said
DECIDES = "training, early stopping, checkpoint choice, threshold, vocabulary, scaler, tuning, sweep"
_LIBRARIES = ("pytorch_lightning", "lightning_utilities", "torch", "hydra")  # they ask for somebody else
_COMPREHENSIONS = ("<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>")
T = TypeVar("T")


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


class LockedSplits(UserDict[str, T]):
    """The splits of a data module by name; ``check`` is called before the test split is given."""

    def __init__(self, splits: Mapping[str, T], check: Callable[[str], None]) -> None:
        super().__init__(splits)
        self._check = check

    def __getitem__(self, split: str) -> T:
        if split == "test":
            self._check(split)
        return super().__getitem__(split)


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

    def learned_from(self) -> str:
        """What training reads, in words: ``5,432 normal sessions with 103,208 events``; empty: not said."""
        return ""

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
        """Unlock the test split: training, checkpoint choice and thresholds are final.

        Raises:
            TestSetLockedError: within ``Trainer.fit``.
        """
        reader, verbs = _reader(self)
        if "Trainer.fit" in verbs:
            raise TestSetLockedError(
                f"{reader} called open_test() within Trainer.fit: train first, then open"
            )
        self._test_open = True

    def locked(self, splits: Mapping[str, T]) -> LockedSplits[T]:
        """Splits for ``load_splits`` to keep: whoever asks them for the test split too early is refused."""
        return LockedSplits(splits, self.check_access)

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
        """Raise where a split may not be read now; the message names who asked for it.

        Raises:
            TestSetLockedError: ``test`` before ``open_test``; ``train`` or ``val`` for deciding after it.
        """
        if split not in SPLITS:
            raise UserError(f"split={split}: choose {', '.join(SPLITS)}")
        if split == "test" and not self._test_open:
            raise TestSetLockedError(
                f"the test set is locked, and {_asked(self)}: nothing that decides ({DECIDES}) may read it; "
                "call open_test() once all is decided"
            )
        if split != "test" and self._test_open:
            raise TestSetLockedError(
                f"the {split} split was asked for after the test set was opened: decide before; "
                f"{_asked(self)}"
            )

    @property
    def device(self) -> torch.device:
        """Where batches are gathered: the trainer's device, or the CPU outside a run."""
        return self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")


def _asked(data: SequenceDataModule) -> str:
    """``mylab.peek.Peek.on_train_epoch_end > Visits.items asked for it within Trainer.fit``"""
    reader, verbs = _reader(data)
    return f"{reader} asked for it" + (f" within {', '.join(verbs)}" if verbs else "")


def _reader(data: SequenceDataModule) -> tuple[str, list[str]]:
    """Who reads a data module, from the calls under way, so that code of other packages is named as well.

    Returns:
        The caller and the methods of the data module on the way to the split, and what both run within:
        Lightning's verbs and seqlab's commands.
    """
    calls: list[FrameType] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name not in _COMPREHENSIONS:
            calls.append(frame)
        frame = frame.f_back
    modules = [str(call.f_globals.get("__name__", "")) for call in calls]
    names = [
        call.f_code.co_qualname.removesuffix(".<locals>.<lambda>").split("<locals>.")[-1] for call in calls
    ]
    own = list(takewhile(lambda call: call.f_locals.get("self") is data or _is_lock(call), calls))
    way = [name for call, name in zip(own, names, strict=False) if not _is_lock(call)]
    if len(own) < len(calls) and modules[len(own)].partition(".")[0] not in _LIBRARIES:
        way.append(f"{modules[len(own)]}.{names[len(own)]}")
    verbs = [
        name
        for module, name in zip(modules, names, strict=True)
        if module == "pytorch_lightning.trainer.trainer" and not name.partition(".")[2].startswith("_")
    ]
    commands = [
        f"seqlab {module.split('.')[2]}" for module in modules if module.startswith("seqlab.commands.")
    ]
    return " > ".join(reversed(way)) or "Lightning", list(dict.fromkeys([*verbs, *commands]))


def _is_lock(call: FrameType) -> bool:
    return call.f_globals.get("__name__") in (__name__, UserDict.__module__, Mapping.__module__)


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
