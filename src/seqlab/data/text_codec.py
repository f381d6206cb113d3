"""Running text to token ids and back, by character or by word."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypedDict

from seqlab.data.tokenizers import split_words, written
from seqlab.data.vocabulary import EOS_TOKEN, SPECIAL_TOKENS, StoredVocabulary, Vocabulary
from seqlab.errors import UserError

UNITS = {"char": "characters", "word": "words"}


class TextCodec:
    """V tokens of a training text.

    By character every character is a token, line breaks too. By word a line is its words and punctuation
    marks and then EOS; spaces within a line are restored, their number is not.

    Args:
        first: the token that the training text begins with.
    """

    def __init__(self, vocabulary: Vocabulary, unit: str, first: str) -> None:
        self.vocabulary = vocabulary
        self.unit = unit
        self.first = first

    @classmethod
    def fit(cls, text: str, unit: str, *, min_count: int = 1, max_tokens: int | None = None) -> TextCodec:
        """Count the tokens of a training text; rare ones are UNK.

        Raises:
            UserError: another unit than char or word.
        """
        if unit not in UNITS:
            raise UserError(f"data.unit={unit}: choose {' or '.join(UNITS)}")
        tokens = text_tokens(text, unit)
        num_lines = 1 if unit == "char" else text.count("\n") + 1
        vocabulary = Vocabulary.from_counts(
            Counter(tokens), num_lines, min_count=min_count, max_tokens=max_tokens
        )
        return cls(vocabulary, unit, tokens[0] if tokens else "")

    def __len__(self) -> int:
        return len(self.vocabulary)

    def encode(self, text: str) -> NDArray[np.int64]:
        """(N,) ids; UNK for what training did not hold."""
        tokens = text_tokens(text, self.unit)
        ids = np.asarray(self.vocabulary.ids(tokens), dtype=np.int64)
        if self.unit == "word":
            ids[[token == EOS_TOKEN for token in tokens]] = self.vocabulary.eos
        return ids

    @property
    def unit_name(self) -> str:
        """What tokens are called."""
        return UNITS[self.unit]

    def line_lengths(self, text: str) -> NDArray[np.int64]:
        """Tokens of each line, its break counted; the last line has none."""
        lines = text.split("\n")
        lengths = [len(line if self.unit == "char" else split_words(line)) for line in lines]
        return np.array(lengths, dtype=np.int64) + (np.arange(len(lines)) < len(lines) - 1)

    def unseen(self, text: str) -> list[str]:
        """The distinct tokens of a text that training did not hold, in their order."""
        found = dict.fromkeys(text_tokens(text, self.unit))
        ends = (EOS_TOKEN,) if self.unit == "word" else ()
        return [
            token for token in found if token not in ends and self.vocabulary.id(token) == self.vocabulary.unk
        ]

    @property
    def start(self) -> int:
        """What a text is begun from where there is no prompt: a line's end, else as training began."""
        line_end = self.vocabulary.eos if self.unit == "word" else self.vocabulary.id("\n")
        return line_end if line_end != self.vocabulary.unk else self.vocabulary.id(self.first)

    def piece(self, token: int) -> str:
        """What one id adds to a text that is written token by token."""
        text = self.vocabulary.tokens[token]
        if text in SPECIAL_TOKENS:
            return "\n" if self.unit == "word" and token == self.vocabulary.eos else ""
        if self.unit == "char":
            return text
        return written(text)

    def written(self, ids: Sequence[int], text: str) -> list[str]:
        """What each of the first tokens of a text adds to it; by character unknown ones too."""
        if self.unit == "char":
            return list(text[: len(ids)])
        unknown = self.vocabulary.tokens[self.vocabulary.unk]
        pieces = [f" {unknown}" if token == self.vocabulary.unk else self.piece(token) for token in ids]
        return [
            piece.removeprefix(" ") if place == 0 or pieces[place - 1] == "\n" else piece
            for place, piece in enumerate(pieces)
        ]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids."""
        text = "".join(self.piece(token) for token in ids)
        return text if self.unit == "char" else text.replace("\n ", "\n").removeprefix(" ")

    @property
    def unwritable(self) -> list[int]:
        """Ids that a generated text never holds."""
        special = self.vocabulary
        never = [special.pad, special.bos, special.unk]
        return never if self.unit == "word" else [*never, special.eos]

    def state(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary.state(), "unit": self.unit, "first": self.first}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> TextCodec:
        return cls(Vocabulary.from_state(state["vocabulary"]), state["unit"], state["first"])


class CodecState(TypedDict):
    """A TextCodec in a checkpoint."""

    vocabulary: StoredVocabulary
    unit: Literal["char", "word"]
    first: str


def text_tokens(text: str, unit: str) -> Sequence[str]:
    """The tokens of a text; by word EOS_TOKEN stands for the end of each line but the last."""
    if unit == "char":
        return text
    lines = [[*split_words(line), EOS_TOKEN] for line in text.split("\n")]
    return [token for line in lines for token in line][:-1]


def clean_text(text: str) -> str:
    """Unicode NFC, line ends as ``\\n``."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
