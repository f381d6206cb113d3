"""Names or texts as ids of their characters or words, and gathering them into padded NameBatches."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from seqlab.data.batches import NameBatch
from seqlab.data.name_files import LabelledNames
from seqlab.data.tokenizers import JOINER, split_words
from seqlab.data.vocabulary import SPECIAL, Vocabulary

UNITS = {"character": ("characters", "name"), "word": ("words", "text")}  # what they and their sequences are


@dataclass(frozen=True)
class NameCoder:
    """How names and labels become numbers: all that classifying a new name needs of the training data."""

    vocabulary: Vocabulary
    labels: tuple[str, ...]
    unit: str  # character, or word: words and single punctuation marks
    ascii: bool  # accents are taken off, and what is still no ASCII character is UNK
    lower: bool  # read in lower case
    boundaries: bool  # BOS before and EOS after each name
    max_length: int  # characters or words of a name that are read; what is longer is cut at its end

    @classmethod
    def fit(
        cls,
        train: LabelledNames,
        *,
        unit: str,
        ascii: bool,
        lower: bool,
        boundaries: bool,
        max_length: int,
        min_count: int,
    ) -> NameCoder:
        """Count the characters or words of the training split; labels stand in alphabetical order.

        Args:
            min_count: those seen less often are UNK.
        """
        made = cls(SPECIAL, tuple(sorted(set(train.labels))), unit, ascii, lower, boundaries, max_length)
        counts = Counter(token for name in train.names for token in made.tokens(name)[:max_length])
        if ascii:
            counts = Counter({token: count for token, count in counts.items() if token.isascii()})
        return replace(made, vocabulary=Vocabulary.from_counts(counts, len(train), min_count=min_count))

    @property
    def unit_name(self) -> str:
        """What is read, in the plural."""
        return UNITS[self.unit][0]

    @property
    def noun(self) -> str:
        """What one sequence is called."""
        return UNITS[self.unit][1]

    def tokens(self, name: str) -> list[str]:
        """All characters or words of a name, known or not."""
        form = written_form(name, self.ascii)
        if self.lower:
            form = form.lower()
        if self.unit == "character":
            return list(form)
        return [word.removeprefix(JOINER) for word in split_words(form)]

    def encode(self, name: str) -> list[int]:
        """Ids, at least one; UNK for what training did not hold."""
        ids = self.vocabulary.ids(self.tokens(name)[: self.max_length]) or [self.vocabulary.unk]
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
    def from_state(cls, state: dict[str, Any]) -> NameCoder:
        if "characters" in state:  # a checkpoint of before words could be read
            state = {**state, "vocabulary": state["characters"], "max_length": state["max_characters"]}
            state |= {"unit": "character", "lower": False}
        found = {item.name: state[item.name] for item in fields(cls)}
        vocabulary = Vocabulary.from_state(state["vocabulary"])
        return cls(**found | {"vocabulary": vocabulary, "labels": tuple(state["labels"])})


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
        self.pad = coder.vocabulary.pad
        self.lengths = torch.tensor([len(row) for row in rows])
        self.characters = torch.tensor([number for row in rows for number in row])  # row after row
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
