"""DataModules of labelled texts and names: from CSV or TSV files, or synthetic when no file is given."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from seqlab.data.labelled import CoderState, LabelledItems, NewItems
from seqlab.data.labelled_data import LabelledData, SequenceCoder
from seqlab.data.labelled_files import read_labelled_texts, read_texts
from seqlab.data.line_counts import LineCounts
from seqlab.data.sources import check_counts
from seqlab.data.text_files import clean
from seqlab.data.tokenizers import (
    StoredTokenizer,
    SubwordTokenizer,
    Tokenizer,
    split_words,
    tokenizer_from_state,
    written,
)
from seqlab.errors import UserError


@dataclass(frozen=True, kw_only=True)
class TextCoder(SequenceCoder):
    """Texts by character, word or subword."""

    ascii: bool  # accents are taken off, and what is still no ASCII character is UNK
    lower: bool  # read in lower case
    columns: tuple[str, str] | None = None  # headings of text and label in files, where not the usual ones
    delimiter: str | None = None  # between columns; None: found from the first line
    subwords: Tokenizer | None = None  # of unit subword

    def tokens(self, text: str) -> list[str]:
        form = written_form(clean(text), self.ascii)
        if self.lower:
            form = form.lower()
        if self.unit == "character":
            return list(form)
        if self.subwords is not None:
            return self.subwords.pieces(self.subwords.encode(form))
        return [written(word).removeprefix(" ") for word in split_words(form)]

    def counted(self, text: str) -> list[str]:
        """Characters as they are written, accents and capitals too; words and subwords as they are read."""
        return list(clean(text)) if self.unit == "character" else self.tokens(text)

    def is_read(self, token: str) -> bool:
        return super().is_read(token) and (not self.ascii or token.isascii())

    def with_subwords(self, train: LabelledItems, vocab_size: int) -> Self:
        """The coder with byte pair encoding learned from the training texts."""
        forms = [written_form(text, self.ascii) for text in train.texts]
        lowered = [form.lower() for form in forms] if self.lower else forms
        return replace(self, subwords=SubwordTokenizer.train(lowered, vocab_size=vocab_size))

    def read_new(self, path: Path) -> NewItems:
        """One text a line, or a table with a column headed as in training, or name, text or sentence."""
        column = self.columns[0] if self.columns else None
        counts = LineCounts(path)
        texts = read_texts(path, column, self.delimiter, self.noun, counts)
        return NewItems(texts, None, counts.skipped.total())

    def state(self) -> dict[str, Any]:
        columns = None if self.columns is None else list(self.columns)
        subwords = None if self.subwords is None else self.subwords.state()
        return super().state() | {"columns": columns, "subwords": subwords}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        columns, subwords = state["columns"], state["subwords"]
        return super().from_state(
            state
            | {
                "columns": None if columns is None else tuple(columns),
                "subwords": None if subwords is None else tokenizer_from_state(subwords),
            }
        )


class TextCoderState(CoderState):
    """A TextCoder in a checkpoint."""

    ascii: bool
    lower: bool
    columns: tuple[str, str] | None
    delimiter: str | None
    subwords: StoredTokenizer | None


TextCoder.stored = TextCoderState


def written_form(text: str, ascii: bool) -> str:
    """The characters that are read: with ``ascii``, letters without their accents."""
    if not ascii:
        return text
    parts = unicodedata.normalize("NFKD", text)
    # NFC puts Hangul syllables together again: one unknown character each, not three
    return unicodedata.normalize("NFC", "".join(part for part in parts if not unicodedata.combining(part)))


class LabelledText(LabelledData):
    """Texts with a label each: from the user's files, or synthetic support tickets when no file is given.

    conf/data/labelled_text.yaml says what each setting means.

    Raises:
        UserError: for a setting out of range; at ``setup``, for files that cannot be read or do not fit.
    """

    max_lengths: ClassVar[dict[str, int]] = {"character": 512, "word": 256, "subword": 256}  # by unit
    noun = "text"

    def __init__(
        self,
        *,
        columns: Sequence[str] | None = None,
        delimiter: str | None = None,
        unit: str = "word",
        vocab_size: int = 2000,
        lower: bool = False,
        ascii: bool = False,
        max_length: int | None = None,
        **settings: Any,
    ) -> None:
        if unit not in self.max_lengths:
            raise UserError(f"data.unit={unit}: choose {' or '.join(self.max_lengths)}")
        super().__init__(max_length=self.max_lengths[unit] if max_length is None else max_length, **settings)
        check_counts(vocab_size=vocab_size)
        if columns is not None and (isinstance(columns, str) or len(columns) != 2):
            raise UserError(f"data.columns={columns}: give two, of text and label, as [review,sentiment]")
        if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
            raise UserError(f"data.delimiter={delimiter}: give one character, as data.delimiter=';', or null")
        self.columns = columns
        self.delimiter = delimiter
        self.unit = unit
        self.vocab_size = vocab_size
        self.lower = lower
        self.ascii = ascii

    def read(self, path: str | Path) -> LabelledItems:
        counts = LineCounts(path)
        items = read_labelled_texts(path, self.columns, self.delimiter, self.noun, counts)
        self.notices += counts.notices()
        return items

    def simulate(self) -> LabelledItems:
        from seqlab.data.samples.tickets import SYNTHETIC_NOTICE, simulate_tickets

        self.notices.append(SYNTHETIC_NOTICE)
        return simulate_tickets(**self.sample)

    def fit_coder(self, train: LabelledItems) -> TextCoder:
        coder = TextCoder(
            unit=self.unit,
            ascii=self.ascii,
            lower=self.lower,
            columns=None if self.columns is None else (self.columns[0], self.columns[1]),
            delimiter=self.delimiter,
            **self.coder_settings(train),
        )
        if self.unit == "subword":
            coder = coder.with_subwords(train, self.vocab_size)
        return coder.with_vocabulary(train, self.min_count)


class Names(LabelledText):
    """Names with labels, or texts by word: from the user's files, or synthetic names.

    Args:
        unit: ``character``, or ``word``: words and single punctuation marks, for texts.
        sample: ``num_names`` and ``seed`` of the synthetic names.
        **settings: those of LabelledText; ``max_length`` null: 64 characters, 256 words.
    """

    max_lengths: ClassVar[dict[str, int]] = {"character": 64, "word": 256}

    def __init__(self, *, unit: str = "character", **settings: Any) -> None:
        super().__init__(unit=unit, **settings)
        self.noun = "name" if unit == "character" else "text"

    def simulate(self) -> LabelledItems:
        if self.unit == "word":
            raise UserError(
                "data.unit=word without a file: the sample is names, one word each; give data.path=, or "
                "data.train= and data.test="
            )
        from seqlab.data.samples.names import SYNTHETIC_NOTICE, simulate_names

        self.notices.append(SYNTHETIC_NOTICE)
        return simulate_names(**self.sample)
