"""CoNLL column files: a token a line with its tag, a blank line between sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.data.bio import SCHEMES, is_iob1, prefixes, scheme_of, stray_inside, to_bio
from seqlab.data.conll_columns import ColumnFile, holds_bio, read_plain_tags, read_tags, token_lines
from seqlab.data.sequences import segment_indices
from seqlab.data.tag_schemes import AUTO
from seqlab.data.text_files import read_text
from seqlab.errors import UserError

FORMAT = "a token first and a tag last, tab or space between, a blank line between sentences"
BIO_MODES = ("repair", "strict")
_LINE_END = re.compile(r"\r\n|\n|\r")


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
            self.scheme,
        )

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


def read_lines(path: str | Path, expected: str = FORMAT) -> list[str]:
    """The lines of a UTF-8 file, however they end.

    Raises:
        UserError: missing, empty or other than UTF-8; names the line.
    """
    return _LINE_END.split(read_text(path, expected))


def read_conll(
    path: str | Path, *, bio: str = "repair", tag_column: int | str | None = None, scheme: str = "bio"
) -> tuple[TaggedSentences, list[str]]:
    """Read a column file; tags of entities become BIO tags, plain ones stay as they stand.

    Comments and ``-DOCSTART-`` lines are passed over, and CoNLL-U's multiword tokens and empty nodes.

    Args:
        bio: ``repair`` makes an ``I-type`` that continues no entity of its type a ``B-type``; ``strict``
            refuses it.
        tag_column: see ``read_tags``.
        scheme: ``bio``, ``plain`` or ``auto``: BIO where the tags look like it.

    Returns:
        The sentences, and what was found or changed, for the reader of the figures.

    Raises:
        UserError: a file that cannot be read or holds no sentence, a line with one column or with another
            number than before, a tag of no scheme; names file and line.
    """
    file = token_lines(path, read_lines(path))
    if not file.rows:
        raise UserError(f"{path}: no sentence in it; expected {FORMAT}")
    for number, columns in zip(file.lines, file.rows, strict=True):
        _check_columns(f"{path}, line {number}", columns, len(file.rows[0]), file.token)
    if scheme == AUTO:
        scheme = "bio" if holds_bio(file, tag_column) else "plain"
    tags, notices = _bio_tags(file, bio, tag_column) if scheme == "bio" else read_plain_tags(file, tag_column)
    ends = [*file.firsts, len(tags)][1:]
    lengths = np.array([end - first for first, end in zip(file.firsts, ends, strict=True)], dtype=np.int64)
    tokens = tuple(columns[file.token] for columns in file.rows)
    return TaggedSentences(tokens, tuple(tags), lengths, scheme), notices


def _bio_tags(file: ColumnFile, bio: str, tag_column: int | str | None) -> tuple[list[str], list[str]]:
    """(N,) BIO tags, and what was found or changed."""
    written, notices = read_tags(file, tag_column)
    letters = scheme_of(written)
    if letters is None:
        raise UserError(
            f"{file.path}: its tags begin with {', '.join(sorted(prefixes(written)))}, which no scheme has "
            f"together; expected {' or '.join(SCHEMES)}"
        )
    tags = to_bio(written)
    strays = stray_inside(written, file.firsts)
    if strays and bio == "strict":
        first = strays[0]
        raise UserError(
            f"{file.path}, line {file.lines[first]}: {written[first]} continues no entity of its type; "
            f"write B-{written[first][2:]}, or let data.bio=repair do so ({len(strays)} in this file)"
        )
    for place in strays:
        tags[place] = "B-" + tags[place][2:]
    if letters != "BIO":
        notices.append(f"{letters} tags were made BIO tags")
    if strays and letters == "BIO" and is_iob1(written, file.firsts):
        notices.append(
            f"IOB1 tags (B-type only between two entities of a type) were made BIO tags: {len(strays):,} "
            "tags I-type begin an entity (data.bio=strict refuses them)"
        )
    elif strays:
        notices.append(
            f"{len(strays):,} tags I-type that continued no entity of their type were repaired to B-type "
            "(data.bio=strict refuses them)"
        )
    return tags, notices


def _check_columns(where: str, columns: list[str], width: int, token: int) -> None:
    """Raise UserError unless a line has the usual number of columns, and a token."""
    if len(columns) == 1:
        raise UserError(f"{where}: one column, {columns[0]!r}; expected {FORMAT}")
    if len(columns) != width:
        raise UserError(f"{where}: {len(columns)} columns, the lines before have {width}")
    if not columns[token]:
        raise UserError(f"{where}: the token is empty")


def check_bio(bio: str) -> str:
    """``data.bio``, or UserError where it is unknown."""
    if bio not in BIO_MODES:
        raise UserError(f"data.bio={bio}: choose {' or '.join(BIO_MODES)}")
    return bio
