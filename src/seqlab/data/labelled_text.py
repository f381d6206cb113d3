"""DataModule of labelled texts: from CSV or TSV files, or synthetic support tickets when no file is given."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from seqlab.data.csv_files import csv_rows, delimiter_of
from seqlab.data.labelled import LabelledItems, NewItems, SequenceCoder
from seqlab.data.labelled_data import LabelledData
from seqlab.data.sources import check_counts
from seqlab.data.text_files import clean, read_lines
from seqlab.data.tokenizers import JOINER, SubwordTokenizer, Tokenizer, split_words, tokenizer_from_state
from seqlab.data.vocabulary import SPECIAL
from seqlab.errors import UserError

MAX_LENGTHS = {"character": 512, "word": 256, "subword": 256}
FORMAT = 'one "name","label" a line, or columns headed name (or text, sentence) and label'
NEW_FORMAT = "one name (or text) a line, or a CSV or TSV with a column headed name, text or sentence"
TEXT_COLUMNS, LABEL_COLUMN = ("name", "text", "sentence"), "label"


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
        return [word.removeprefix(JOINER) for word in split_words(form)]

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
        texts, num_empty = read_texts(
            path, self.columns[0] if self.columns else None, self.delimiter, self.noun
        )
        return NewItems(texts, None, num_empty)

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


def written_form(text: str, ascii: bool) -> str:
    """The characters that are read: with ``ascii``, letters without their accents."""
    if not ascii:
        return text
    parts = unicodedata.normalize("NFKD", text)
    # NFC puts Hangul syllables together again: one unknown character each, not three
    return unicodedata.normalize("NFC", "".join(part for part in parts if not unicodedata.combining(part)))


class LabelledText(LabelledData):
    """Texts with a label each: from the user's files, or synthetic support tickets when no file is given.

    Args:
        columns: what the columns of text and label are headed; null: text, sentence or name, and label.
        delimiter: between the columns; null: a tab, comma, semicolon or bar, found from the first line.
        unit: ``word``, words and single punctuation marks; ``subword``, learned by byte pair encoding; or
            ``character``.
        vocab_size: of unit subword, how many.
        lower: read in lower case.
        ascii: letters lose their accents, and what is still no ASCII character is UNK.
        max_length: tokens of a text that are read; null: 512 characters, 256 words or subwords.
        **settings: those of LabelledData.

    Raises:
        UserError: for a setting out of range; at ``setup``, for files that cannot be read or do not fit.
    """

    coder_type: type[TextCoder] = TextCoder
    max_lengths = MAX_LENGTHS
    coder: TextCoder

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

    @property
    def noun(self) -> str:
        return "text"

    def read(self, path: str | Path) -> LabelledItems:
        return read_labelled_texts(path, self.columns, self.delimiter, self.noun)

    def simulate(self) -> LabelledItems:
        from seqlab.data.samples.tickets import SYNTHETIC_NOTICE, simulate_tickets

        self.notices.append(SYNTHETIC_NOTICE)
        return simulate_tickets(**self.sample)

    def fit_coder(self, train: LabelledItems) -> TextCoder:
        coder = self.coder_type(
            vocabulary=SPECIAL,
            labels=tuple(sorted(set(train.labels))),
            unit=self.unit,
            noun=self.noun,
            boundaries=self.boundaries,
            max_length=self.max_length,
            ascii=self.ascii,
            lower=self.lower,
            columns=None if self.columns is None else (self.columns[0], self.columns[1]),
            delimiter=self.delimiter,
        )
        if self.unit == "subword":
            coder = coder.with_subwords(train, self.vocab_size)
        return coder.with_vocabulary(train, self.min_count)


def read_labelled_texts(
    path: str | Path, columns: Sequence[str] | None = None, delimiter: str | None = None, noun: str = "text"
) -> LabelledItems:
    """Read a table of text,label; with a header in any order further columns are left out.

    In a file divided by tabs quotes are characters like others. Blank lines are passed over.

    Args:
        columns: what the columns of text and label are headed, where it is not name, text or sentence, and
            label.
        delimiter: between columns; None: a tab, comma, semicolon or bar, the first that the first line holds.
        noun: what a text is called in messages.

    Raises:
        UserError: a file that cannot be read, is empty or holds one text; a line of another number of fields,
            with broken quotes, or without a text or label; a header without both columns; names the line.
    """
    path = Path(path)
    rows = csv_rows(path, FORMAT, delimiter)
    heads = [cell.strip().lower() for cell in rows[0][1]]
    texts, label = ((columns[0].lower(),), columns[1].lower()) if columns else (TEXT_COLUMNS, LABEL_COLUMN)
    text = next((name for name in texts if name in heads), None)
    if text is not None and label in heads:
        places, width, rows = (heads.index(text), heads.index(label)), len(heads), rows[1:]
    elif columns or (len(rows) > 2 and {label, *texts} & set(heads)):
        missing = " or ".join(texts) if text is None else label
        raise UserError(
            f"{path}, line {rows[0][0]}: a header without a column {missing}: its columns are "
            f"{', '.join(heads)}; say which hold text and label, as data.columns=[review,sentiment]"
        )
    else:
        places, width = (0, 1), 2
    found, labels = [], []
    for number, cells in rows:
        if len(cells) != width:
            raise UserError(f"{path}, line {number}: {_count(cells)}, not {width}; expected {FORMAT}")
        text, label = (clean(cells[place]) for place in places)
        for what, value in ((noun, text), ("label", label)):
            if not value:
                raise UserError(f"{path}, line {number}: the {what} is empty; expected {FORMAT}")
        found.append(text)
        labels.append(label)
    if len(found) < 2:
        raise UserError(f"{path}: it holds {len(found) or 'no'} {noun}{'s' * (not found)}; give at least 2")
    lines = np.array([number for number, _ in rows], dtype=np.int64)
    return LabelledItems(tuple(found), tuple(labels), lines, str(path))


def read_texts(
    path: Path, column: str | None = None, delimiter: str | None = None, noun: str = "text"
) -> tuple[list[str], int]:
    """Texts of a text file or of a table's column, and how many lines without one were passed over.

    A file is a table if it is called .csv or .tsv (or that and .gz), or if its first line, without spaces,
    heads a column name, text, sentence or ``column``. A table without a header has them in the first of at
    most two columns, as in training files.

    Raises:
        UserError: a file that cannot be read or holds no text, or a ragged table; names the line.
    """
    lines = read_lines(path, NEW_FORMAT)
    headings = [column.lower()] if column else list(TEXT_COLUMNS)
    first = next((line for line in lines if line.strip()), "")
    heads = [cell.strip().strip('"').lower() for cell in first.split(delimiter or delimiter_of(first))]
    head = next((name for name in headings if name in heads), None)
    is_table = path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv"))
    if is_table or (head is not None and " " not in first):
        rows = csv_rows(path, NEW_FORMAT, delimiter)
        width, place, num_heads = len(rows[0][1]), 0, 0
        if head is not None:
            place, num_heads = heads.index(head), 1
        elif width > 2:
            raise UserError(f"{path}, line {rows[0][0]}: {width} fields and no header; expected {NEW_FORMAT}")
        for number, cells in rows:
            if len(cells) != width:
                raise UserError(
                    f"{path}, line {number}: {len(cells)} fields, the first line has {width}; expected "
                    f"{NEW_FORMAT}"
                )
        found = [clean(cells[place]) for _, cells in rows[num_heads:]]
        num_empty = sum(not line.strip() for line in lines) + found.count("")
    else:
        found = [clean(line) for line in lines]
        num_empty = found.count("")
    texts = [text for text in found if text]
    if not texts:
        raise UserError(f"{path}: no {noun} in it; expected {NEW_FORMAT}")
    return texts, num_empty


def _count(cells: Sequence[str]) -> str:
    return f"{len(cells)} field{'s' * (len(cells) != 1)}"
