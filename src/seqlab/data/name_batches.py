"""Names as character ids, and gathering them into padded NameBatches."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from seqlab.data.batches import NameBatch
from seqlab.data.name_files import LabelledNames
from seqlab.data.vocabulary import Vocabulary


@dataclass(frozen=True)
class NameCoder:
    """How names and labels become numbers: all that classifying a new name needs of the training data."""

    characters: Vocabulary
    labels: tuple[str, ...]
    ascii: bool  # accents are taken off, and what is still no ASCII character is UNK
    boundaries: bool  # BOS before and EOS after each name
    max_characters: int  # characters of a name that are read; what is longer is cut at its end

    @classmethod
    def fit(cls, train: LabelledNames, *, ascii: bool, boundaries: bool, max_characters: int) -> NameCoder:
        """Count the characters of the training split; labels stand in alphabetical order."""
        counts = Counter(
            character for name in train.names for character in written_form(name, ascii)[:max_characters]
        )
        if ascii:
            counts = Counter({token: count for token, count in counts.items() if token.isascii()})
        characters = Vocabulary.from_counts(counts, len(train))
        return cls(characters, tuple(sorted(set(train.labels))), ascii, boundaries, max_characters)

    def encode(self, name: str) -> list[int]:
        """Character ids, at least one; UNK for characters that training did not hold."""
        form = written_form(name, self.ascii)[: self.max_characters]
        ids = self.characters.ids(form) or [self.characters.unk]
        return [self.characters.bos, *ids, self.characters.eos] if self.boundaries else ids

    def label_ids(self, labels: Sequence[str]) -> list[int]:
        """The ids of labels that training held."""
        numbers = {label: number for number, label in enumerate(self.labels)}
        return [numbers[label] for label in labels]

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint; ``from_state`` reads them back."""
        return {
            "characters": self.characters.state(),
            "labels": list(self.labels),
            "ascii": self.ascii,
            "boundaries": self.boundaries,
            "max_characters": self.max_characters,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> NameCoder:
        return cls(
            characters=Vocabulary.from_state(state["characters"]),
            labels=tuple(state["labels"]),
            ascii=state["ascii"],
            boundaries=state["boundaries"],
            max_characters=state["max_characters"],
        )


def written_form(name: str, ascii: bool) -> str:
    """The characters that are read: with ``ascii``, letters without their accents."""
    if not ascii:
        return name
    parts = unicodedata.normalize("NFKD", name)
    # NFC puts Hangul syllables together again: one unknown character each, not three
    return unicodedata.normalize("NFC", "".join(part for part in parts if not unicodedata.combining(part)))


class NameDataset(Dataset):
    """Names of a split; a tensor of row numbers gives one padded batch.

    Args:
        labels: one for each name, of those that training held; without them all are 0.
    """

    def __init__(self, names: Sequence[str], coder: NameCoder, labels: Sequence[str] | None = None) -> None:
        rows = [coder.encode(name) for name in names]
        self.pad = coder.characters.pad
        self.lengths = torch.tensor([len(row) for row in rows])
        self.characters = torch.tensor([character for row in rows for character in row])  # row after row
        self.first = self.lengths.cumsum(0) - self.lengths
        self.labels = torch.zeros(len(rows), dtype=torch.int64)
        if labels is not None:
            self.labels = torch.tensor(coder.label_ids(labels))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, items: Tensor) -> NameBatch:
        """(B,) row numbers to a batch."""
        lengths = self.lengths[items]
        steps = torch.arange(int(lengths.max()))
        places = (self.first[items][:, None] + steps).clamp(max=len(self.characters) - 1)
        characters = self.characters[places].masked_fill(steps >= lengths[:, None], self.pad)
        return NameBatch(characters, lengths, self.labels[items])
