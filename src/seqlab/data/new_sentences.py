"""Sentences without tags, to be tagged: one a line, or the tokens of a column file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from seqlab.data.bio import OUTSIDE, is_tag
from seqlab.data.conll import TaggedSentences, read_lines
from seqlab.data.conll_columns import DOCUMENT, columns_of, token_lines
from seqlab.errors import UserError

FORMATS = "one sentence a line, tokens separated by spaces; or CoNLL columns, the token first"


def read_sentences(path: Path, known: Collection[str] = ()) -> TaggedSentences:
    """Sentences of a text file or of a column file, every tag O.

    A file holds columns where a line has a tab, or where several lines have as many columns each and all end
    in a BIO tag or in one of the ``known`` tags; lines that begin with # may then be comments.

    Raises:
        UserError: a file that cannot be read, holds no sentence or an empty token; names the line.
    """
    lines = read_lines(path, FORMATS)
    rows = [columns_of(line) for line in lines]
    sentences = rows
    if _holds_columns(lines, rows, known):
        file = token_lines(path, lines)
        for number, columns in zip(file.lines, file.rows, strict=True):
            if len(columns) <= file.token or not columns[file.token]:
                raise UserError(f"{path}, line {number}: the token is empty")
        ends = [*file.firsts, len(file.rows)][1:]
        sentences = [
            [columns[file.token] for columns in file.rows[first:end]]
            for first, end in zip(file.firsts, ends, strict=True)
        ]
    filled = [(tokens, [OUTSIDE] * len(tokens)) for tokens in sentences if tokens]
    if not filled:
        raise UserError(f"{path}: no sentence in it; expected {FORMATS}")
    return TaggedSentences.from_sentences(filled)


def _holds_columns(lines: list[str], rows: list[list[str]], known: Collection[str]) -> bool:
    filled = [columns for columns in rows if columns and columns[0] != DOCUMENT]
    filled = [columns for columns in filled if not columns[0].startswith("#")] or filled
    if any("\t" in line for line, columns in zip(lines, rows, strict=True) if columns):
        return True
    widths = {len(columns) for columns in filled}
    ends = [row[-1] for row in filled]
    tagged = all(map(is_tag, ends)) or all(end in known for end in ends)
    return len(filled) > 1 and len(widths) == 1 < max(widths) and tagged
