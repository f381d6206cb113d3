"""CoNLL column files: a token a line with its tag, a blank line between sentences."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqlab.data.line_counts import BLANK, LineCounts
from seqlab.data.tagged import TaggedSentences
from seqlab.data.tags import AUTO, OUTSIDE, is_tag, looks_bio, to_bio
from seqlab.data.text_files import read_lines
from seqlab.errors import UserError, shown

FORMAT = "a token first and a tag last, tab or space between, a blank line between sentences"
NEW_FORMAT = "one sentence a line, tokens separated by spaces; or CoNLL columns, the token first"
DOCUMENT = "-DOCSTART-"
TAGS = "O, B-type or I-type (or their like in IOBES or BILOU)"
CONLL_U = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
_BLANKS = " \t"  # a non-breaking space or U+2028 belongs to its token
_ID = re.compile(r"\d+([-.]\d+)?")  # of CoNLL-U: 3, 3-4 for a multiword token, 3.1 for an empty node


class ColumnFile(NamedTuple):
    """N lines with a token each."""

    path: Path
    rows: list[list[str]]  # (N,) columns
    lines: list[int]  # (N,) line of the file, from 1
    firsts: list[int]  # rows where a sentence begins
    names: tuple[str, ...]  # of the columns, of CoNLL-U; else empty
    token: int  # the column that holds the token

    def column(self, number: int) -> list[str]:
        return [row[number] for row in self.rows]

    def tags(self, tag_column: int | str | None) -> tuple[list[str], str]:
        """(N,) values of a column by number from 1 or by name, and what it is called.

        Without ``tag_column`` they are those of UPOS in a CoNLL-U file, else of the last column.

        Raises:
            UserError: no such column.
        """
        if tag_column is None and not self.names:
            return self.column(-1), "the last column"
        wanted = "UPOS" if tag_column is None else tag_column
        if isinstance(wanted, int) and 0 < wanted <= len(self.rows[0]):
            return self.column(wanted - 1), f"column {wanted}"
        if wanted in self.names:
            return self.column(self.names.index(str(wanted))), f"column {wanted}"
        named = f", named {', '.join(self.names)}" if self.names else ""
        raise UserError(f"data.tag_column={wanted}: {self.path} has columns 1 to {len(self.rows[0])}{named}")


def columns_of(line: str) -> list[str]:
    """The columns of a line: cut at tabs where it has any, else at runs of spaces; none of a blank line."""
    if not line.strip(_BLANKS):
        return []
    if "\t" in line:
        return [column.strip(" ") for column in line.split("\t")]
    return [column for column in line.split(" ") if column]


def read_columns(path: Path, lines: Sequence[str], counts: LineCounts) -> ColumnFile:
    """The lines with tokens of a column file; blank ones are used, they divide sentences.

    Passed over are comments, ``-DOCSTART-`` lines, and multiword tokens and empty nodes of CoNLL-U. A line
    that begins with # is a token, such as a hashtag, where it has the columns of a token.
    """
    split = [columns_of(line) for line in lines]
    filled = [columns for columns in split if columns and columns[0] != DOCUMENT]
    sure = [columns for columns in filled if not columns[0].startswith("#")] or filled
    width = len(sure[0]) if sure else 0
    # ids number the tokens of each sentence, as in CoNLL-U
    has_ids = width > 2 and all(_ID.fullmatch(columns[0]) for columns in sure) and sure[0][0][0] in "01"
    names = CONLL_U if has_ids and width == len(CONLL_U) else ()
    file = ColumnFile(path, [], [], [], names, int(has_ids))
    between = True
    for number, columns in enumerate(split, start=1):
        if not columns or columns[0] == DOCUMENT:
            between = True
            counts.skipped[DOCUMENT] += bool(columns)
            continue
        is_comment = columns[0].startswith("#") and (
            len(columns) != width
            or " " in columns[0]
            or (columns[0] == "#" and not is_tag(columns[-1]))  # "# id 1f domain=en" of MultiCoNER
        )
        if is_comment or (has_ids and not columns[0].isdigit()):
            counts.skipped["comments" if is_comment else "multiword tokens or empty nodes"] += 1
            continue
        if between:
            file.firsts.append(len(file.rows))
            between = False
        file.rows.append(columns)
        file.lines.append(number)
    return file


def read_conll(
    path: str | Path,
    *,
    tag_column: int | str | None = None,
    scheme: str = "bio",
    counts: LineCounts | None = None,
) -> tuple[TaggedSentences, list[str]]:
    """Read a column file; tags of entities become BIO tags, plain ones stay as they stand.

    Args:
        tag_column: a number from 1, or a name of CoNLL-U's; None: UPOS of CoNLL-U, else the last column.
        scheme: ``bio``, ``plain`` or ``auto``: BIO where the tags look like it.

    Returns:
        The sentences, and what was found or changed, for the reader of the figures.

    Raises:
        UserError: a file that cannot be read or holds no sentence, a line with one column or with another
            number than before, a tag of no scheme; names file and line.
    """
    counts = counts or LineCounts(path)
    file = read_columns(Path(path), read_lines(path, FORMAT, counts, is_prose=False), counts)
    if not file.rows:
        raise UserError(f"{path}: no sentence in it; expected {FORMAT}")
    for number, columns in zip(file.lines, file.rows, strict=True):
        _check_columns(f"{path}, line {number}", columns, len(file.rows[0]), file.token)
    tags, where = file.tags(tag_column)
    if scheme == AUTO:
        scheme = "bio" if looks_bio(tags) else "plain"
    for number, columns, tag in zip(file.lines, file.rows, tags, strict=True):
        if not tag or (scheme == "bio" and not is_tag(tag)):
            raise UserError(
                f"{path}, line {number}: tag '{shown(tag)}' of '{shown(columns[file.token], 40)}'; expected "
                f"{TAGS} in {where} of {len(columns)}; data.tag_column=NUMBER reads another, "
                "data.scheme=plain takes any tag, as data=tags does"
            )
    notices = counts.notices()
    if scheme == "bio":
        tags, repaired = to_bio(tags, file.firsts)
        if repaired:
            notices.append(
                f"{repaired:,} tags I-type that continued no entity of their type were repaired to B-type"
            )
    lengths = np.diff([*file.firsts, len(tags)])
    return TaggedSentences(tuple(file.column(file.token)), tuple(tags), lengths, scheme), notices


def _check_columns(where: str, columns: list[str], width: int, token: int) -> None:
    """Raise UserError unless a line has the usual number of columns, and a token."""
    if len(columns) == 1:
        raise UserError(f"{where}: one column, '{shown(columns[0])}'; expected {FORMAT}")
    if len(columns) != width:
        raise UserError(f"{where}: {len(columns)} columns, the lines before have {width}")
    if not columns[token]:
        raise UserError(f"{where}: the token is empty")


def read_sentences(
    path: Path, known: Collection[str] = (), counts: LineCounts | None = None
) -> TaggedSentences:
    """Sentences to be tagged, of a text file, one a line, or of a column file; every tag is O.

    A file holds columns where a line has a tab, or where several lines have as many columns each and all end
    in a BIO tag or in one of the ``known`` tags.

    Raises:
        UserError: a file that cannot be read, holds no sentence or an empty token; names the line.
    """
    counts = counts or LineCounts(path)
    lines = read_lines(path, NEW_FORMAT, counts, is_prose=False)
    sentences, of_columns = [columns_of(line) for line in lines], LineCounts(path)
    file = read_columns(path, lines, of_columns)
    ends = [row[-1] for row in file.rows]
    tagged = all(map(is_tag, ends)) or all(end in known for end in ends)
    widths = {len(columns) for columns in file.rows}
    if any("\t" in line for line in lines) or (
        len(file.rows) > 1 and len(widths) == 1 < max(widths) and tagged
    ):
        for number, columns in zip(file.lines, file.rows, strict=True):
            if len(columns) <= file.token or not columns[file.token]:
                raise UserError(f"{path}, line {number}: the token is empty")
        tokens = file.column(file.token)
        sentences = [tokens[first:end] for first, end in pairwise([*file.firsts, len(tokens)])]
        counts.skipped = of_columns.skipped
    else:
        counts.skipped[BLANK] = sentences.count([])
    filled = [(tokens, [OUTSIDE] * len(tokens)) for tokens in sentences if tokens]
    if not filled:
        raise UserError(f"{path}: no sentence in it; expected {NEW_FORMAT}")
    return TaggedSentences.from_sentences(filled)
