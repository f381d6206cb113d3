"""Text to token ids and back: words, or subwords learned from the training text."""

from __future__ import annotations

import base64
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, NotRequired, Protocol

from typing_extensions import TypedDict

from seqlab.data.vocabulary import SPECIAL, SPECIAL_TOKENS, StoredVocabulary, Vocabulary
from seqlab.errors import UserError
from seqlab.schemas import Reads

JOINER = "￭"  # marks a piece that no space divides from the one before
TOKENIZERS = ("word", "space", "bpe")
_PIECE = re.compile(r"\w+|[^\w\s]")


class Tokenizer(Protocol):
    """V tokens; PAD, BOS, EOS and UNK have the ids they have in a Vocabulary."""

    def __len__(self) -> int: ...

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without BOS and EOS; UNK for what training did not hold."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids; special tokens are left out."""

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Each id as it is shown to a reader."""

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint; ``tokenizer_from_state`` reads them back."""


class WordTokenizer:
    """Words and punctuation marks; what is seen in training is decoded as it was written.

    A piece that follows another without a space carries a joiner, so that ``hungry.`` is ``hungry`` and
    ``￭.``, and is written together again. With ``at_spaces`` it is one piece: only spaces divide.
    """

    def __init__(self, vocabulary: Vocabulary, *, lower: bool = False, at_spaces: bool = False) -> None:
        self.vocabulary = vocabulary
        self.lower = lower
        self.at_spaces = at_spaces

    @classmethod
    def train(
        cls,
        texts: Sequence[str],
        *,
        min_count: int = 1,
        max_tokens: int | None = None,
        lower: bool = False,
        at_spaces: bool = False,
    ) -> WordTokenizer:
        """Count the pieces of a training split; those seen less than ``min_count`` times are UNK."""
        made = cls(SPECIAL, lower=lower, at_spaces=at_spaces)
        counts = Counter(piece for text in texts for piece in made.split(text))
        made.vocabulary = Vocabulary.from_counts(
            counts, len(texts), min_count=min_count, max_tokens=max_tokens
        )
        return made

    def split(self, text: str) -> list[str]:
        """The pieces of a text, known or not."""
        text = text.lower() if self.lower else text
        return text.split() if self.at_spaces else split_words(text)

    def __len__(self) -> int:
        return len(self.vocabulary)

    def encode(self, text: str) -> list[int]:
        return self.vocabulary.ids(self.split(text))

    def decode(self, ids: Iterable[int]) -> str:
        shown = [piece for piece in self.pieces(ids) if piece not in SPECIAL_TOKENS]
        return " ".join(shown) if self.at_spaces else "".join(map(written, shown)).removeprefix(" ")

    def pieces(self, ids: Iterable[int]) -> list[str]:
        return [self.vocabulary.tokens[number] for number in ids]

    def state(self) -> dict[str, Any]:
        kind = "space" if self.at_spaces else "word"
        return {"kind": kind, "vocabulary": self.vocabulary.state(), "lower": self.lower}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> WordTokenizer:
        vocabulary = Vocabulary.from_state(state["vocabulary"])
        return cls(vocabulary, lower=state["lower"], at_spaces=state["kind"] == "space")


class SubwordTokenizer:
    """Byte pair encoding (Sennrich et al., ACL 2016) by sentencepiece (Kudo and Richardson, EMNLP 2018)."""

    def __init__(self, model: bytes, *, lower: bool = False) -> None:
        from sentencepiece import SentencePieceProcessor

        self.model = model
        self.lower = lower
        self._processor = SentencePieceProcessor(model_proto=model)

    @classmethod
    def train(cls, texts: Sequence[str], *, vocab_size: int, lower: bool = False) -> SubwordTokenizer:
        """Learn merges from a training split; a small text gives fewer subwords than asked for.

        Raises:
            UserError: fewer subwords than the text has characters.
        """
        lines = [text.lower() if lower else text for text in texts]
        try:
            return cls(_learn_merges(lines, vocab_size), lower=lower)
        except RuntimeError as error:
            if "required_chars" not in str(error):
                raise UserError(
                    f"data.tokenizer=bpe: sentencepiece cannot learn from this text: {error}"
                ) from None
            num_characters = len(set("".join(lines)))
            raise UserError(
                f"data.vocab_size={vocab_size}: the training text has {num_characters:,} distinct "
                "characters alone; give more"
            ) from None

    def __len__(self) -> int:
        return self._processor.get_piece_size()

    def encode(self, text: str) -> list[int]:
        return self._processor.encode(text.lower() if self.lower else text)

    def decode(self, ids: Iterable[int]) -> str:
        return self._processor.decode([number for number in ids if number >= len(SPECIAL_TOKENS)])

    def pieces(self, ids: Iterable[int]) -> list[str]:
        return [self._processor.id_to_piece(number) for number in ids]

    def state(self) -> dict[str, Any]:
        model = base64.b64encode(self.model).decode("ascii")
        return {"kind": "bpe", "model": model, "lower": self.lower}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> SubwordTokenizer:
        return cls(base64.b64decode(state["model"]), lower=state["lower"])


def _learn_merges(lines: list[str], vocab_size: int) -> bytes:
    """A sentencepiece model of ``vocab_size`` subwords whose special tokens have a Vocabulary's ids."""
    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    special: dict[str, Any] = {}
    for number, token in enumerate(SPECIAL_TOKENS):
        special |= {f"{token.strip('<>')}_id": number, f"{token.strip('<>')}_piece": token}
    SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocab_size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        max_sentence_length=max(len(line.encode("utf-8")) for line in ["a" * 4192, *lines]) + 1,
        normalization_rule_name="identity",  # texts are NFC already; NFKC would change what is written
        num_threads=1,
        minloglevel=2,
        **special,
    )
    return model.getvalue()


def split_words(text: str) -> list[str]:
    """Words and single punctuation marks, each marked where no space stands before it."""
    return [
        found[0] if found.start() == 0 or text[found.start() - 1].isspace() else JOINER + found[0]
        for found in _PIECE.finditer(text)
    ]


def written(piece: str) -> str:
    """What a piece of ``split_words`` adds to a text; a joiner alone is one that the text holds."""
    return piece[1:] if piece.startswith(JOINER) and piece != JOINER else f" {piece}"


def train_tokenizer(
    kind: str, texts: Sequence[str], vocab_size: int | None, *, min_count: int, lower: bool
) -> Tokenizer:
    """The tokenizer of a kind, learned from a training split.

    Raises:
        UserError: as ``SubwordTokenizer.train`` does.
    """
    if kind == "bpe":
        assert vocab_size is not None
        return SubwordTokenizer.train(texts, vocab_size=vocab_size, lower=lower)
    return WordTokenizer.train(
        texts, min_count=min_count, max_tokens=vocab_size, lower=lower, at_spaces=kind == "space"
    )


def tokenizer_from_state(state: dict[str, Any]) -> Tokenizer:
    """The tokenizer whose ``state`` a checkpoint holds."""
    return (SubwordTokenizer if state["kind"] == "bpe" else WordTokenizer).from_state(state)


class TokenizerState(TypedDict):
    """A tokenizer in a checkpoint; ``StoredTokenizer`` is one that can be read."""

    kind: Literal[TOKENIZERS]  # type: ignore[valid-type]
    lower: bool
    vocabulary: NotRequired[StoredVocabulary]  # of words
    model: NotRequired[str]  # of bpe: sentencepiece's, as base64


StoredTokenizer = Annotated[TokenizerState, Reads(tokenizer_from_state)]
