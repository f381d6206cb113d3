"""Sequences with a label each, and how they become numbers: names, texts, sessions.

A data set of this kind reads LabelledItems from its files (``LabelledData`` of labelled_data.py), and a
SequenceCoder of its own says what the tokens of a sequence are.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import torch
from annotated_types import Len
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from typing_extensions import TypedDict

from seqlab.data.batches import LabelledBatch
from seqlab.data.vocabulary import SPECIAL, StoredVocabulary, Vocabulary
from seqlab.schemas import Size

if TYPE_CHECKING:
    from seqlab.data.labelled_contract import Coder


@dataclass(frozen=True)
class LabelledItems:
    """N sequences as their files write them, with their labels, and where they stand."""

    texts: tuple[str, ...]  # (N,) a name, a text, the keys of a session; single spaces
    labels: tuple[str, ...]  # (N,)
    lines: NDArray[np.int64]  # (N,) number of the line in the file, from 1
    source: str  # the file, for messages
    ids: tuple[str, ...] | None = None  # (N,) what each is called; None: it is its own name

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.int64]) -> LabelledItems:
        """Some rows, in the given order."""
        picked = rows.tolist()
        return LabelledItems(
            tuple(self.texts[row] for row in picked),
            tuple(self.labels[row] for row in picked),
            self.lines[rows],
            self.source,
            None if self.ids is None else tuple(self.ids[row] for row in picked),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """(N,) what a table calls each."""
        return self.texts if self.ids is None else self.ids

    def distinct(self) -> LabelledItems:
        """Each text once with each of its labels, in the order of their first lines."""
        firsts: dict[tuple[str, str], int] = {}
        for row, pair in enumerate(zip(self.texts, self.labels, strict=True)):
            firsts.setdefault(pair, row)
        return self.take(np.array(list(firsts.values()), dtype=np.int64))

    def num_ambiguous(self) -> int:
        """Distinct texts that occur with more than one label."""
        return sum(len(labels) > 1 for labels in self._labels_of_texts().values())

    def accuracy_ceiling(self) -> float:
        """The best accuracy that any rule can reach which gives equal texts equal labels."""
        seen = self._labels_of_texts().values()
        return sum(max(labels.values()) for labels in seen) / len(self)

    def _labels_of_texts(self) -> dict[str, dict[str, int]]:
        seen: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for text, label in zip(self.texts, self.labels, strict=True):
            seen[text][label] += 1
        return seen


def label_ids(labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    """(N,) the ids of labels that training held."""
    numbers = {label: number for number, label in enumerate(classes)}
    return np.array([numbers[label] for label in labels], dtype=np.int64)


class Counting(NamedTuple):
    """How baselines count the tokens of a sequence."""

    longest_gram: int  # 1- to n-grams are counted
    endings: bool  # whether the longest ending that training knows says something
    telling: bool  # whether a reader of the report knows what a single token means


class NewItems(NamedTuple):
    """N sequences to be classified, N at least 1."""

    texts: Sequence[str]  # (N,) as ``Coder.encode`` takes them
    ids: Sequence[str] | None  # (N,) what each is called; None: it is its own name
    num_empty: int  # lines without one, passed over


UNITS = {
    "character": Counting(longest_gram=4, endings=True, telling=False),
    "word": Counting(longest_gram=1, endings=False, telling=True),
    "subword": Counting(longest_gram=1, endings=False, telling=True),
    "event": Counting(longest_gram=2, endings=True, telling=True),
}


@dataclass(frozen=True, kw_only=True)
class SequenceCoder:
    """A ``Coder`` by a vocabulary. A subclass says what tokens are, and how new files are read."""

    vocabulary: Vocabulary = SPECIAL
    labels: tuple[str, ...]  # in alphabetical order
    unit: str  # one of UNITS
    noun: str  # what one sequence is called
    boundaries: bool  # BOS before and EOS after each sequence
    max_length: int  # tokens of a sequence that are read; what is longer is cut at its end
    stored: ClassVar[Any]  # schema of ``state``

    @abstractmethod
    def tokens(self, text: str) -> list[str]:
        """All tokens of a sequence as its file writes it, known or not."""

    @abstractmethod
    def read_new(self, path: Path) -> NewItems:
        """Sequences without labels, or with labels that are passed over; see ``Coder``."""

    @property
    def counting(self) -> Counting:
        return UNITS[self.unit]

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
        return self.tokens(text)

    def encode(self, text: str) -> list[int]:
        """Ids, at least one; UNK for what training did not hold."""
        ids = self.vocabulary.ids(self.tokens(text)[: self.max_length]) or [self.vocabulary.unk]
        return [self.vocabulary.bos, *ids, self.vocabulary.eos] if self.boundaries else ids

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint; ``from_state`` reads them back."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        return plain | {"vocabulary": self.vocabulary.state(), "labels": list(self.labels)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        found = {item.name: state[item.name] for item in fields(cls)}
        vocabulary = Vocabulary.from_state(state["vocabulary"])
        return cls(**found | {"vocabulary": vocabulary, "labels": tuple(state["labels"])})


class CoderState(TypedDict):
    """A SequenceCoder in a checkpoint."""

    vocabulary: StoredVocabulary
    labels: Annotated[list[str], Len(2)]
    unit: Literal[tuple(UNITS)]  # type: ignore[valid-type]
    noun: str
    boundaries: bool
    max_length: Size


SequenceCoder.stored = CoderState


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
        found = label_ids([coder.labels[0]] * len(rows) if labels is None else labels, coder.labels)
        self.labels = torch.from_numpy(found)

    def __len__(self) -> int:
        return len(self.lengths)

    def holding(self, token: int) -> NDArray[np.bool_]:
        """(N,) sequences that hold a token."""
        return np.logical_or.reduceat((self.tokens == token).numpy(), self.first.numpy())

    def __getitem__(self, items: Tensor) -> LabelledBatch:
        """(B,) row numbers to a batch."""
        lengths = self.lengths[items]
        steps = torch.arange(int(lengths.max()))
        places = (self.first[items][:, None] + steps).clamp(max=len(self.tokens) - 1)
        tokens = self.tokens[places].masked_fill(steps >= lengths[:, None], self.pad)
        return LabelledBatch(tokens, lengths, self.labels[items])
