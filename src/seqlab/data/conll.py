"""CoNLL column files: a token a line with its tag, a blank line between sentences."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqlab.data.tagged import TaggedSentences
from seqlab.data.tags import (
    AUTO,
    LETTERS,
    OUTSIDE,
    is_iob1,
    is_tag,
    letters_of,
    looks_bio,
    prefixes,
    stray_inside,
    to_bio,
)
from seqlab.data.text_files import read_text
from seqlab.errors import UserError

FORMAT = "a token first and a tag last, tab or space between, a blank line between sentences"
NEW_FORMAT = "one sentence a line, tokens separated by spaces; or CoNLL columns, the token first"
BIO_MODES = ("repair", "strict")
DOCUMENT = "-DOCSTART-"
TAGS = "O, B-type or I-type (or their like in IOBES or BILOU)"
CONLL_U = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
ABSENT = "_"  # nothing, in CoNLL-U
_LINE_END = re.compile(r"\r\n|\n|\r")
_BLANKS = " \t"  # a non-breaking space or U+2028 belongs to its token
_ID = re.compile(r"\d+([-.]\d+)?")  # of CoNLL-U: 3, 3-4 for a multiword token, 3.1 for an empty node


class ColumnFile(NamedTuple):
    """N lines with a token each."""

    path: str
    rows: list[list[str]]  # (N,) columns
    lines: list[int]  # (N,) line of the file, from 1
    firsts: list[int]  # rows where a sentence begins
    names: tuple[str, ...]  # of the columns, of CoNLL-U; else empty
    token: int  # the column that holds the token

    def column(self, number: int) -> list[str]:
        return [row[number] for row in self.rows]

    def misc(self) -> dict[str, list[str]]:
        """(N,) values of each key of CoNLL-U's MISC, O where a token has none."""
        if not self.names:
            return {}
        pairs = [dict(part.split("=", 1) for part in row[-1].split("|") if "=" in part) for row in self.rows]
        keys = dict.fromkeys(key for row in pairs for key in row)
        return {key: [row.get(key, OUTSIDE) for row in pairs] for key in keys}

    def named(self, tag_column: int | str) -> tuple[list[str], str]:
        """(N,) values of a column by number from 1 or by name, or of a key of MISC; and what it is called.

        Raises:
            UserError: no such column.
        """
        width, keys = len(self.rows[0]), self.misc()
        if isinstance(tag_column, int) and 0 < tag_column <= width:
            return self.column(tag_column - 1), f"column {tag_column}"
        if tag_column in self.names:
            return self.column(self.names.index(str(tag_column))), f"column {tag_column}"
        if tag_column in keys:
            return keys[str(tag_column)], f"{tag_column}= of MISC"
        there = [*self.names, *keys]
        raise UserError(
            f"data.tag_column={tag_column}: {self.path} has columns 1 to {width}"
            + (f", named {', '.join(there)}" if there else "")
        )

    def bio_columns(self) -> dict[str, list[str]]:
        """(N,) values of each inner column, and of each key of MISC, that holds BIO tags alone."""
        columns = {str(at + 1): self.column(at) for at in range(self.token + 1, len(self.rows[0]) - 1)}
        keys = {key: values for key, values in self.misc().items() if set(values) != {OUTSIDE}}
        return {name: values for name, values in (columns | keys).items() if all(map(is_tag, values))}


def columns_of(line: str) -> list[str]:
    """The columns of a line: cut at tabs where it has any, else at runs of spaces; none of a blank line."""
    if not line.strip(_BLANKS):
        return []
    if "\t" in line:
        return [column.strip(" ") for column in line.split("\t")]
    return [column for column in line.split(" ") if column]


def read_columns(path: str | Path, text: str) -> ColumnFile:
    """The lines with tokens of a column file.

    Passed over are comments, ``-DOCSTART-`` lines, and multiword tokens and empty nodes of CoNLL-U.
    """
    split = [columns_of(line) for line in _LINE_END.split(text)]
    filled = [columns for columns in split if columns and columns[0] != DOCUMENT]
    sure = [columns for columns in filled if not columns[0].startswith("#")] or filled
    width = len(sure[0]) if sure else 0
    # ids number the tokens of each sentence, as in CoNLL-U
    has_ids = width > 2 and all(_ID.fullmatch(columns[0]) for columns in sure) and sure[0][0][0] in "01"
    rows: list[list[str]] = []
    numbers: list[int] = []
    firsts: list[int] = []
    between = True
    for number, columns in enumerate(split, start=1):
        if not columns or columns[0] == DOCUMENT:
            between = True
            continue
        is_comment = columns[0].startswith("#") and (has_ids or _is_comment(columns, width))
        if is_comment or (has_ids and not columns[0].isdigit()):
            continue
        if between:
            firsts.append(len(rows))
            between = False
        rows.append(columns)
        numbers.append(number)
    names = CONLL_U if has_ids and width == len(CONLL_U) else ()
    return ColumnFile(str(path), rows, numbers, firsts, names, int(has_ids))


def _is_comment(columns: list[str], width: int) -> bool:
    """Whether a line that begins with # is no token, such as a hashtag or #."""
    if len(columns) != width or " " in columns[0]:
        return True
    return columns[0] == "#" and not is_tag(columns[-1])


def read_conll(
    path: str | Path, *, bio: str = "repair", tag_column: int | str | None = None, scheme: str = "bio"
) -> tuple[TaggedSentences, list[str]]:
    """Read a column file; tags of entities become BIO tags, plain ones stay as they stand.

    Args:
        bio: ``repair`` makes an ``I-type`` that continues no entity of its type a ``B-type``; ``strict``
            refuses it.
        tag_column: a number from 1, a name of a column, or a key of MISC; None: the last column or UPOS, for
            BIO tags the one that holds nothing else.
        scheme: ``bio``, ``plain`` or ``auto``: BIO where the tags look like it.

    Returns:
        The sentences, and what was found or changed, for the reader of the figures.

    Raises:
        UserError: a file that cannot be read or holds no sentence, a line with one column or with another
            number than before, a tag of no scheme; names file and line.
    """
    file = read_columns(path, read_text(path, FORMAT))
    if not file.rows:
        raise UserError(f"{path}: no sentence in it; expected {FORMAT}")
    for number, columns in zip(file.lines, file.rows, strict=True):
        _check_columns(f"{path}, line {number}", columns, len(file.rows[0]), file.token)
    if scheme == AUTO:
        scheme = "bio" if _holds_bio(file, tag_column) else "plain"
    tags, notices = _bio_tags(file, bio, tag_column) if scheme == "bio" else _plain_tags(file, tag_column)
    lengths = np.diff([*file.firsts, len(tags)])
    return TaggedSentences(tuple(file.column(file.token)), tuple(tags), lengths, scheme), notices


def _check_columns(where: str, columns: list[str], width: int, token: int) -> None:
    """Raise UserError unless a line has the usual number of columns, and a token."""
    if len(columns) == 1:
        raise UserError(f"{where}: one column, {columns[0]!r}; expected {FORMAT}")
    if len(columns) != width:
        raise UserError(f"{where}: {len(columns)} columns, the lines before have {width}")
    if not columns[token]:
        raise UserError(f"{where}: the token is empty")


def _holds_bio(file: ColumnFile, tag_column: int | str | None) -> bool:
    if tag_column is not None:
        values = file.named(tag_column)[0]
        return looks_bio(OUTSIDE if value == ABSENT and file.names else value for value in values)
    return looks_bio(file.column(-1)) or bool(file.bio_columns())


def _plain_tags(file: ColumnFile, tag_column: int | str | None) -> tuple[list[str], list[str]]:
    """(N,) tags as they stand, and what to say of where they stood: UPOS of CoNLL-U, else the last column."""
    notices = []
    if tag_column is None and file.names:
        tag_column = "UPOS"
        notices.append("tags were read from column UPOS (data.tag_column=UPOS)")
    values, where = (file.column(-1), "the last column") if tag_column is None else file.named(tag_column)
    if "" in values:
        raise UserError(f"{file.path}, line {file.lines[values.index('')]}: the tag is empty, in {where}")
    return values, notices


def _bio_tags(file: ColumnFile, bio: str, tag_column: int | str | None) -> tuple[list[str], list[str]]:
    """(N,) BIO tags, and what was found or changed."""
    written, notices = _written_tags(file, tag_column)
    letters = letters_of(written)
    if letters is None:
        raise UserError(
            f"{file.path}: its tags begin with {', '.join(sorted(prefixes(written)))}, which no scheme has "
            f"together; expected {' or '.join(LETTERS)}"
        )
    tags = to_bio(written)
    strays = stray_inside(written, file.firsts)
    if strays and bio == "strict":
        first = strays[0]
        raise UserError(
            f"{file.path}, line {file.lines[first]}: {written[first]} continues no entity of its type; "
            f"write B-{written[first][2:]}, or let data.bio=repair do so ({len(strays)} in this file)"
        )
    for row in strays:
        tags[row] = "B-" + tags[row][2:]
    if letters != "BIO":
        notices.append(f"{letters} tags were made BIO tags")
    if strays:
        if letters == "BIO" and is_iob1(written, file.firsts):
            notices.append("IOB1 tags (B-type only between two entities of a type) were made BIO tags")
        notices.append(
            f"{len(strays):,} tags I-type that continued no entity of their type were repaired to B-type "
            "(data.bio=strict refuses them)"
        )
    return tags, notices


def _written_tags(file: ColumnFile, tag_column: int | str | None) -> tuple[list[str], list[str]]:
    """(N,) tags as they are written, CoNLL-U's ``_`` as O, and what to say of where they stood.

    Without ``tag_column`` they are in the last column where half of it or more are BIO tags; else in the one
    column, or the one key of MISC, that holds nothing but tags.
    """
    notices = []
    values, where = file.column(-1), "the last column"
    if tag_column is None and 2 * sum(map(is_tag, values)) < len(values):
        found = file.bio_columns()
        if len(found) > 1:
            raise UserError(
                f"{file.path}: BIO tags stand under {' and '.join(found)}; choose with "
                f"data.tag_column={next(iter(found))}"
            )
        if file.names and not found:
            raise UserError(
                f"{file.path}: a CoNLL-U file without entities ({', '.join(file.names)}); data=entities "
                "learns one BIO tag a token, O, B-type or I-type: in MISC as NER=B-PER, or in a column "
                "of its own, named with data.tag_column=NUMBER; data=tags learns parts of speech"
            )
        if found:
            ((name, values),) = found.items()
            what = f"column {name}" if name.isdigit() else f"{name}= in MISC"
            notices.append(f"tags were read from {what} (data.tag_column={name})")
    elif tag_column is not None:
        values, where = file.named(tag_column)
    tags = [OUTSIDE if value == ABSENT and file.names else value for value in values]
    for row, tag in enumerate(tags):
        if not is_tag(tag):
            raise UserError(
                f"{file.path}, line {file.lines[row]}: tag {tag!r} of {file.rows[row][file.token]!r}; "
                f"expected {TAGS} in {where} of {len(file.rows[0])}; data.tag_column=NUMBER reads another "
                "column, data.scheme=plain takes any tag, as data=tags does"
            )
    return tags, notices


def read_sentences(path: Path, known: Collection[str] = ()) -> TaggedSentences:
    """Sentences to be tagged, of a text file, one a line, or of a column file; every tag is O.

    A file holds columns where a line has a tab, or where several lines have as many columns each and all end
    in a BIO tag or in one of the ``known`` tags; lines that begin with # may then be comments.

    Raises:
        UserError: a file that cannot be read, holds no sentence or an empty token; names the line.
    """
    text = read_text(path, NEW_FORMAT)
    sentences = [columns_of(line) for line in _LINE_END.split(text)]
    if _are_columns(sentences, text, known):
        file = read_columns(path, text)
        for number, columns in zip(file.lines, file.rows, strict=True):
            if len(columns) <= file.token or not columns[file.token]:
                raise UserError(f"{path}, line {number}: the token is empty")
        tokens = file.column(file.token)
        sentences = [tokens[first:end] for first, end in pairwise([*file.firsts, len(tokens)])]
    filled = [(tokens, [OUTSIDE] * len(tokens)) for tokens in sentences if tokens]
    if not filled:
        raise UserError(f"{path}: no sentence in it; expected {NEW_FORMAT}")
    return TaggedSentences.from_sentences(filled)


def _are_columns(rows: list[list[str]], text: str, known: Collection[str]) -> bool:
    filled = [columns for columns in rows if columns and columns[0] != DOCUMENT]
    filled = [columns for columns in filled if not columns[0].startswith("#")] or filled
    if any("\t" in line for line in _LINE_END.split(text) if line.strip(_BLANKS)):
        return True
    ends = [row[-1] for row in filled]
    tagged = all(map(is_tag, ends)) or all(end in known for end in ends)
    widths = {len(columns) for columns in filled}
    return len(filled) > 1 and len(widths) == 1 < max(widths) and tagged
