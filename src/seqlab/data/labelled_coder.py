"""Labelled sequences as ids of their tokens, and gathering them into padded batches."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor
from torch.utils.data import Dataset

from seqlab.data.batches import LabelledBatch
from seqlab.data.labelled_contract import Coder, Counting, NewItems
from seqlab.data.labelled_items import LabelledItems
from seqlab.data.vocabulary import SPECIAL, Vocabulary


class Unit(NamedTuple):
    """What sequences are made of."""

    plural: str
    counting: Counting  # by the baselines


UNITS = {
    "character": Unit("characters", Counting(longest_gram=4, endings=False, telling=False)),
    "word": Unit("words", Counting(longest_gram=1, endings=False, telling=True)),
    "subword": Unit("subwords", Counting(longest_gram=1, endings=False, telling=True)),
    "event": Unit("events", Counting(longest_gram=2, endings=True, telling=True)),
}


@dataclass(frozen=True, kw_only=True)
class SequenceCoder:
    """How sequences and labels become numbers: all that classifying a new one needs of the training data.

    A subclass says what the tokens of a sequence are, and how files of new sequences are read.
    """

    vocabulary: Vocabulary = SPECIAL
    labels: tuple[str, ...]  # in alphabetical order
    unit: str  # one of UNITS
    noun: str  # what one sequence is called
    boundaries: bool  # BOS before and EOS after each sequence
    max_length: int  # tokens of a sequence that are read; what is longer is cut at its end

    @abstractmethod
    def tokens(self, text: str) -> list[str]:
        """All tokens of a sequence as its file writes it, known or not."""

    @abstractmethod
    def read_new(self, path: Path) -> NewItems:
        """Sequences without labels, or with labels that are passed over; see ``Coder``."""

    @property
    def unit_name(self) -> str:
        """What is read, in the plural."""
        return UNITS[self.unit].plural

    @property
    def counting(self) -> Counting:
        """How far baselines count."""
        return UNITS[self.unit].counting

    @property
    def pad_id(self) -> int:
        return self.vocabulary.pad

    def with_vocabulary(self, train: LabelledItems, min_count: int) -> Self:
        """The tokens of the training split are counted; those seen less than ``min_count`` times are UNK."""
        counts = Counter(token for text in train.texts for token in self.tokens(text)[: self.max_length])
        counts = Counter({token: count for token, count in counts.items() if self.is_read(token)})
        return replace(self, vocabulary=Vocabulary.from_counts(counts, len(train), min_count=min_count))

    def is_read(self, token: str) -> bool:
        """Whether a token of training gets an id; else it is UNK."""
        return True

    def counted(self, text: str) -> list[str]:
        """The tokens that baselines count."""
        return self.tokens(text)

    def encode(self, text: str) -> list[int]:
        """Ids, at least one; UNK for what training did not hold."""
        ids = self.vocabulary.ids(self.tokens(text)[: self.max_length]) or [self.vocabulary.unk]
        return [self.vocabulary.bos, *ids, self.vocabulary.eos] if self.boundaries else ids

    def label_ids(self, labels: Sequence[str]) -> list[int]:
        """The ids of labels that training held."""
        numbers = {label: number for number, label in enumerate(self.labels)}
        return [numbers[label] for label in labels]

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint; ``from_state`` reads them back."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        return plain | {"vocabulary": self.vocabulary.state(), "labels": list(self.labels)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        found = {item.name: state[item.name] for item in fields(cls)}
        vocabulary = Vocabulary.from_state(state["vocabulary"])
        return cls(**found | {"vocabulary": vocabulary, "labels": tuple(state["labels"])})


class LabelledDataset(Dataset):
    """Sequences of a split; a tensor of row numbers gives one padded batch.

    Args:
        labels: one for each sequence, of those that training held; without them all are 0.
    """

    def __init__(self, texts: Sequence[str], coder: Coder, labels: Sequence[str] | None = None) -> None:
        rows = [coder.encode(text) for text in texts]
        self.pad = coder.pad_id
        self.lengths = torch.tensor([len(row) for row in rows])
        self.tokens = torch.tensor([number for row in rows for number in row])  # row after row
        self.first = self.lengths.cumsum(0) - self.lengths
        self.labels = torch.zeros(len(rows), dtype=torch.int64)
        if labels is not None:
            numbers = {label: number for number, label in enumerate(coder.labels)}
            self.labels = torch.tensor([numbers[label] for label in labels])

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, items: Tensor) -> LabelledBatch:
        """(B,) row numbers to a batch."""
        lengths = self.lengths[items]
        steps = torch.arange(int(lengths.max()))
        places = (self.first[items][:, None] + steps).clamp(max=len(self.tokens) - 1)
        tokens = self.tokens[places].masked_fill(steps >= lengths[:, None], self.pad)
        return LabelledBatch(tokens, lengths, self.labels[items])
