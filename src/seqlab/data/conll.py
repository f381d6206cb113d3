"""CoNLL column files: a token a line with its tag in the last column, a blank line between sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.data.bio import is_tag, stray_inside
from seqlab.data.sequences import segment_indices
from seqlab.data.text_files import read_text
from seqlab.errors import UserError

FORMAT = "a token first and a BIO tag last, tab or space between, a blank line between sentences"
BIO_MODES = ("repair", "strict")
DOCUMENT = "-DOCSTART-"
_LINE_END = re.compile(r"\r\n|\n|\r")
_BLANKS = " \t"  # a non-breaking space or U+2028 belongs to its token


@dataclass(frozen=True)
class TaggedSentences:
    """S sentences with N tokens in all."""

    tokens: tuple[str, ...]  # (N,)
    tags: tuple[str, ...]  # (N,) BIO tags
    lengths: NDArray[np.int64]  # (S,) tokens per sentence, at least 1

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def firsts(self) -> NDArray[np.int64]:
        """(S,) place of each sentence's first token."""
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
        place = slice(first, first + int(self.lengths[number]))
        return self.tokens[place], self.tags[place]

    def take(self, numbers: NDArray[np.int64]) -> TaggedSentences:
        """Some of the sentences, in the order given."""
        lengths = self.lengths[numbers]
        places = segment_indices(self.firsts[numbers], lengths).tolist()
        return TaggedSentences(
            tuple(self.tokens[place] for place in places),
            tuple(self.tags[place] for place in places),
            lengths,
        )

    @classmethod
    def from_sentences(cls, sentences: Sequence[tuple[Sequence[str], Sequence[str]]]) -> TaggedSentences:
        """From pairs of tokens and tags."""
        return cls(
            tuple(token for tokens, _ in sentences for token in tokens),
            tuple(tag for _, tags in sentences for tag in tags),
            np.array([len(tokens) for tokens, _ in sentences], dtype=np.int64),
        )


def read_lines(path: str | Path, expected: str = FORMAT) -> list[str]:
    """The lines of a UTF-8 file, however they end.

    Raises:
        UserError: missing, empty or other than UTF-8; names the line.
    """
    return _LINE_END.split(read_text(path, expected))


def columns_of(line: str) -> list[str]:
    """The columns of a line: cut at tabs where it has any, else at runs of spaces; none of a blank line."""
    if not line.strip(_BLANKS):
        return []
    if "\t" in line:
        return [column.strip(" ") for column in line.split("\t")]
    return [column for column in line.split(" ") if column]


def read_conll(path: str | Path, *, bio: str = "repair") -> tuple[TaggedSentences, int]:
    """Read a column file. ``-DOCSTART-`` lines are passed over; columns between first and last are ignored.

    Args:
        bio: ``repair`` makes an ``I-type`` that continues no entity of its type a ``B-type``; ``strict``
            refuses it.

    Returns:
        The sentences, and how many tags were repaired.

    Raises:
        UserError: a file that cannot be read or holds no sentence, a line with one column or with another
            number than before, a tag that is not BIO; names file and line.
    """
    tokens: list[str] = []
    tags: list[str] = []
    line_numbers: list[int] = []
    firsts: list[int] = []
    width = 0
    between = True
    for number, line in enumerate(read_lines(path), start=1):
        columns = columns_of(line)
        if not columns or columns[0] == DOCUMENT:
            between = True
            continue
        _check_columns(f"{path}, line {number}", columns, width)
        width = len(columns)
        if between:
            firsts.append(len(tokens))
            between = False
        tokens.append(columns[0])
        tags.append(columns[-1])
        line_numbers.append(number)
    if not tokens:
        raise UserError(f"{path}: no sentence in it; expected {FORMAT}")
    strays = stray_inside(tags, firsts)
    if strays and bio == "strict":
        raise UserError(
            f"{path}, line {line_numbers[strays[0]]}: {tags[strays[0]]} continues no entity of its type; "
            f"write B-{tags[strays[0]][2:]}, or let data.bio=repair do so ({len(strays)} in this file)"
        )
    repaired = list(tags)
    for place in strays:
        repaired[place] = "B-" + tags[place][2:]
    ends = [*firsts[1:], len(tokens)]
    lengths = np.array([end - first for first, end in zip(firsts, ends, strict=True)], dtype=np.int64)
    return TaggedSentences(tuple(tokens), tuple(repaired), lengths), len(strays)


def _check_columns(where: str, columns: list[str], width: int) -> None:
    """Raise UserError unless a line is a token, the usual number of columns, and a tag."""
    if len(columns) == 1:
        raise UserError(f"{where}: one column, {columns[0]!r}; expected {FORMAT}")
    if width and len(columns) != width:
        raise UserError(f"{where}: {len(columns)} columns, the lines before have {width}")
    if not columns[0]:
        raise UserError(f"{where}: the token before the first tab is empty")
    if not is_tag(columns[-1]):
        raise UserError(
            f"{where}: tag {columns[-1]!r} of {columns[0]!r}; expected O, B-type or I-type in the last column"
        )


def check_bio(bio: str) -> str:
    """``data.bio``, or UserError where it is unknown."""
    if bio not in BIO_MODES:
        raise UserError(f"data.bio={bio}: choose {' or '.join(BIO_MODES)}")
    return bio
