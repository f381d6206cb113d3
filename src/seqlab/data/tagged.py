"""Tagged sentences, and how their words become numbers and padded batches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from typing_extensions import TypedDict

from seqlab.data.batches import TagBatch
from seqlab.data.sequences import segment_indices
from seqlab.data.vocabulary import StoredVocabulary, Vocabulary
from seqlab.schemas import Size

SHAPES = (  # what is lost where words are lower-cased
    "<pad>",
    "lower",  # dublin
    "capital",  # one capital letter: A, I
    "title",  # Dublin
    "upper",  # NATO
    "mixed",  # iPhone
    "uncased",  # letters of a script without case
    "number",  # 42, 3.50, 10:30
    "with_digit",  # 4th, B2
    "symbol",  # no letter and no digit
    "mention",  # @name
    "hashtag",  # #topic
    "link",  # http://..., www...
)
NUMBERS = {name: number for number, name in enumerate(SHAPES)}
_LINK = re.compile(r"(https?:|www\.)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d[\d.,:/%-]*")


@dataclass(frozen=True)
class TaggedSentences:
    """S sentences with N tokens in all."""

    tokens: tuple[str, ...]  # (N,)
    tags: tuple[str, ...]  # (N,)
    lengths: NDArray[np.int64]  # (S,) tokens per sentence, at least 1
    scheme: str = "bio"  # or plain

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def firsts(self) -> NDArray[np.int64]:
        """(S,) row of each sentence's first token."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def is_first(self) -> NDArray[np.bool_]:
        """(N,) True where a sentence begins."""
        found = np.zeros(len(self.tokens), dtype=bool)
        found[self.firsts] = True
        return found

    def sentence(self, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Tokens and tags of one sentence."""
        first = int(self.firsts[number])
        rows = slice(first, first + int(self.lengths[number]))
        return self.tokens[rows], self.tags[rows]

    def take(self, numbers: NDArray[np.int64]) -> TaggedSentences:
        """Some of the sentences, in the order given."""
        return self.from_sentences([self.sentence(number) for number in numbers.tolist()], self.scheme)

    @classmethod
    def from_sentences(
        cls, sentences: Sequence[tuple[Sequence[str], Sequence[str]]], scheme: str = "bio"
    ) -> TaggedSentences:
        """From pairs of tokens and tags."""
        return cls(
            tuple(token for tokens, _ in sentences for token in tokens),
            tuple(tag for _, tags in sentences for tag in tags),
            np.array([len(tokens) for tokens, _ in sentences], dtype=np.int64),
            scheme,
        )


def shape_of(word: str) -> int:
    """The number of a word's shape in ``SHAPES``."""
    return NUMBERS[_shape(word)]


def _shape(word: str) -> str:
    if len(word) > 1 and word[0] in "@#" and not word[1:].isdigit():
        return "mention" if word[0] == "@" else "hashtag"
    if _LINK.match(word):
        return "link"
    if _NUMBER.fullmatch(word):
        return "number"
    if any(character.isdigit() for character in word):
        return "with_digit"
    if not any(character.isalpha() for character in word):
        return "symbol"
    return _case(word)


def _case(word: str) -> str:
    if word.islower():
        return "lower"
    if word.isupper():
        return "capital" if sum(character.isalpha() for character in word) == 1 else "upper"
    if word.istitle():
        return "title"
    return "mixed" if word.lower() != word.upper() else "uncased"


@dataclass(frozen=True)
class WordCoder:
    """How words become numbers: all that tagging a new text needs of the training data."""

    words: Vocabulary
    characters: Vocabulary
    lowercase: bool  # word ids are those of lower-cased words; letters and shape keep the case
    max_letters: int  # letters of a word that are read; what is longer is cut at its end

    def encode(self, token: str) -> tuple[int, int, list[int]]:
        """A word's id, the number of its shape and the ids of its letters."""
        form = token.lower() if self.lowercase else token
        return self.words.id(form), shape_of(token), self.characters.ids(token[: self.max_letters])

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint; ``from_state`` reads them back."""
        return {
            "words": self.words.state(),
            "characters": self.characters.state(),
            "lowercase": self.lowercase,
            "max_letters": self.max_letters,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> WordCoder:
        return cls(
            Vocabulary.from_state(state["words"]),
            Vocabulary.from_state(state["characters"]),
            state["lowercase"],
            state["max_letters"],
        )


class WordCoderState(TypedDict):
    """A WordCoder in a checkpoint."""

    words: StoredVocabulary
    characters: StoredVocabulary
    lowercase: bool
    max_letters: Size


class TagDataset(Dataset):
    """Tagged sentences; a tensor of sentence numbers gives one padded batch.

    Args:
        tag_ids: (N,) tag id of each token of ``sentences``.
    """

    def __init__(self, sentences: TaggedSentences, coder: WordCoder, tag_ids: NDArray[np.int64]) -> None:
        self.lengths = torch.from_numpy(sentences.lengths)
        self.firsts = sentences.firsts
        self.pad = coder.words.pad
        numbers: dict[str, int] = {}
        forms = [numbers.setdefault(token, len(numbers)) for token in sentences.tokens]
        self.form = np.array(forms, dtype=np.int64)  # (N,) number of each token's written form
        encoded = [coder.encode(token) for token in numbers]
        self.word_of_form = np.array([word for word, _, _ in encoded], dtype=np.int64)
        self.shape_of_form = np.array([shape for _, shape, _ in encoded], dtype=np.int64)
        spelled = [letters for _, _, letters in encoded]
        self.letter_counts = np.array([len(row) for row in spelled], dtype=np.int64)
        self.first_letters = np.cumsum(self.letter_counts) - self.letter_counts
        self.letters = np.array([letter for row in spelled for letter in row], dtype=np.int64)
        self.tags = np.asarray(tag_ids, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, items: Tensor) -> TagBatch:
        """(B,) sentence numbers to a batch."""
        lengths = self.lengths[items]
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        places = segment_indices(self.firsts[items.numpy()], lengths.numpy())
        used, spelling = np.unique(self.form[places], return_inverse=True)

        def padded(values: NDArray[np.int64], filling: int = 0) -> Tensor:
            rows = torch.full(mask.shape, filling)
            rows[mask] = torch.from_numpy(values)
            return rows

        counts = torch.from_numpy(self.letter_counts[used])
        letter_mask = torch.arange(int(counts.max())) < counts[:, None]
        letters = torch.full(letter_mask.shape, self.pad)
        letters[letter_mask] = torch.from_numpy(
            self.letters[segment_indices(self.first_letters[used], self.letter_counts[used])]
        )
        return TagBatch(
            words=padded(self.word_of_form[self.form[places]], self.pad),
            shapes=padded(self.shape_of_form[self.form[places]]),
            spelling=padded(spelling),
            letters=letters,
            letter_counts=counts,
            tags=padded(self.tags[places]),
            lengths=lengths,
            mask=mask,
        )
