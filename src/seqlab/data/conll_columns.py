"""Column files as they are written: which lines hold tokens, which column the token, which the tags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seqlab.data.bio import OUTSIDE, is_tag
from seqlab.data.tag_schemes import looks_bio
from seqlab.errors import UserError

DOCUMENT = "-DOCSTART-"
TAGS = "O, B-type or I-type (or their like in IOBES or BILOU)"
_BLANKS = " \t"  # a non-breaking space or U+2028 belongs to its token
_ID = re.compile(r"\d+([-.]\d+)?")  # of CoNLL-U: 3, 3-4 for a multiword token, 3.1 for an empty node
_FIRST_ID = re.compile(r"(1|0\.1)([-.]\d+)?")
_GLOBAL_COLUMNS = re.compile(r"#\s*global\.columns\s*=\s*(.+)")
CONLL_U = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
UPOS = "UPOS"
ABSENT = "_"  # nothing, in CoNLL-U


class ColumnFile(NamedTuple):
    """N lines with a token each."""

    path: str
    rows: list[list[str]]  # (N,) columns
    lines: list[int]  # (N,) line of the file, from 1
    firsts: list[int]  # rows where a sentence begins
    names: tuple[str, ...]  # of the columns, where the file names them or is CoNLL-U; else empty
    token: int  # the column that holds the token


def columns_of(line: str) -> list[str]:
    """The columns of a line: cut at tabs where it has any, else at runs of spaces; none of a blank line."""
    if not line.strip(_BLANKS):
        return []
    if "\t" in line:
        return [column.strip(" ") for column in line.split("\t")]
    return [column for column in line.split(" ") if column]


def token_lines(path: str | Path, lines: Sequence[str]) -> ColumnFile:
    """The lines with tokens of a column file.

    Passed over are comments, ``-DOCSTART-`` lines, and multiword tokens and empty nodes of CoNLL-U.
    """
    split = [columns_of(line) for line in lines]
    filled = [columns for columns in split if columns and columns[0] != DOCUMENT]
    sure = [columns for columns in filled if not columns[0].startswith("#")] or filled
    width = len(sure[0]) if sure else 0
    has_ids = _have_ids(split, width)
    names: tuple[str, ...] = CONLL_U if has_ids and width == len(CONLL_U) else ()
    rows: list[list[str]] = []
    numbers: list[int] = []
    firsts: list[int] = []
    between = True
    for number, (line, columns) in enumerate(zip(lines, split, strict=True), start=1):
        if not columns or columns[0] == DOCUMENT:
            between = True
            continue
        if columns[0].startswith("#") and (has_ids or _is_comment(columns, width)):
            named = _GLOBAL_COLUMNS.match(line)
            names = tuple(named[1].split()) if named else names
            continue
        if has_ids and _ID.fullmatch(columns[0]) and not columns[0].isdigit():
            continue
        if between:
            firsts.append(len(rows))
            between = False
        rows.append(columns)
        numbers.append(number)
    token = names.index("FORM") if "FORM" in names else int(has_ids)
    return ColumnFile(str(path), rows, numbers, firsts, names, token)


def _have_ids(split: Sequence[list[str]], width: int) -> bool:
    """Whether the first column numbers the tokens of each sentence, as in CoNLL-U."""
    if width < 3:
        return False
    between, found = True, False
    for columns in split:
        if not columns or columns[0] == DOCUMENT:
            between = True
        elif columns[0].startswith("#"):
            continue
        elif not (_FIRST_ID if between else _ID).fullmatch(columns[0]):
            return False
        else:
            between, found = False, True
    return found


def _is_comment(columns: list[str], width: int) -> bool:
    """Whether a line that begins with # is no token, such as a hashtag or #."""
    if len(columns) != width or " " in columns[0]:
        return True
    return columns[0] == "#" and not is_tag(columns[-1])


def read_plain_tags(file: ColumnFile, tag_column: int | str | None) -> tuple[list[str], list[str]]:
    """(N,) tags as they stand, and what to say of where they stood: UPOS of CoNLL-U, else the last column.

    Args:
        tag_column: see ``read_tags``.

    Raises:
        UserError: no such column, or a tag that is empty.
    """
    notices = []
    if tag_column is not None:
        values, where = _named(file, tag_column)
    elif UPOS in file.names:
        values, where = _named(file, UPOS)
        notices.append(f"tags were read from column {UPOS} (data.tag_column={UPOS})")
    else:
        values, where = [row[-1] for row in file.rows], "the last column"
    for place, tag in enumerate(values):
        if not tag:
            raise UserError(f"{file.path}, line {file.lines[place]}: the tag is empty, in {where}")
    return values, notices


def holds_bio(file: ColumnFile, tag_column: int | str | None) -> bool:
    """Whether the tags are BIO tags: those of ``tag_column``, or any that ``read_tags`` would find."""
    if tag_column is not None:
        values, _ = _named(file, tag_column)
        return looks_bio(OUTSIDE if value == ABSENT and file.names else value for value in values)
    return looks_bio(row[-1] for row in file.rows) or bool(_bio_columns(file))


def read_tags(file: ColumnFile, tag_column: int | str | None) -> tuple[list[str], list[str]]:
    """(N,) BIO tags, and what to say of where they stood.

    Without ``tag_column`` they are in the last column where half of it or more are BIO tags; else in the one
    column, or the one key of CoNLL-U's MISC, that holds nothing but tags.

    Args:
        tag_column: a number from 1, a name of a column, or a key of MISC.

    Raises:
        UserError: no such column, none or several that hold tags, a value that is no tag.
    """
    last = len(file.rows[0]) - 1
    if tag_column is not None:
        values, where = _named(file, tag_column)
        return _checked(file, values, where), []
    values = [row[last] for row in file.rows]
    if 2 * sum(map(is_tag, values)) >= len(values):
        return _checked(file, values, "the last column"), []
    found = _bio_columns(file)
    if len(found) > 1:
        raise UserError(
            f"{file.path}: BIO tags stand under {' and '.join(found)}; choose with "
            f"data.tag_column={next(iter(found))}"
        )
    if not found:
        raise _no_tags(file)
    ((name, values),) = found.items()
    what = f"column {name}" if name.isdigit() else f"{name}= in MISC"
    return values, [f"tags were read from {what} (data.tag_column={name})"]


def _bio_columns(file: ColumnFile) -> dict[str, list[str]]:
    """(N,) values of each inner column, and of each key of MISC, that holds BIO tags alone."""
    found: dict[str, list[str]] = {}
    for column in range(file.token + 1, len(file.rows[0]) - 1):
        values = [row[column] for row in file.rows]
        if all(map(is_tag, values)):
            found[str(column + 1)] = values
    keys = {key: values for key, values in _misc(file).items() if all(map(is_tag, values))}
    return found | {key: values for key, values in keys.items() if set(values) != {OUTSIDE}}


def _named(file: ColumnFile, tag_column: int | str) -> tuple[list[str], str]:
    width, keys = len(file.rows[0]), _misc(file)
    if isinstance(tag_column, int) and 0 < tag_column <= width:
        return [row[tag_column - 1] for row in file.rows], f"column {tag_column}"
    if tag_column in file.names[:width]:
        place = file.names.index(str(tag_column))
        return [row[place] for row in file.rows], f"column {tag_column}"
    if tag_column in keys:
        return keys[str(tag_column)], f"{tag_column}= of MISC"
    there = [*file.names, *keys]
    raise UserError(
        f"data.tag_column={tag_column}: {file.path} has columns 1 to {width}"
        + (f", named {', '.join(there)}" if there else "")
    )


def _misc(file: ColumnFile) -> dict[str, list[str]]:
    """(N,) values of each key of the MISC column, O where a token has none; nothing without such a column."""
    if "MISC" not in file.names[: len(file.rows[0])]:
        return {}
    place = file.names.index("MISC")
    pairs = [dict(part.split("=", 1) for part in row[place].split("|") if "=" in part) for row in file.rows]
    keys = dict.fromkeys(key for row in pairs for key in row)
    return {key: [row.get(key, OUTSIDE) for row in pairs] for key in keys}


def _checked(file: ColumnFile, values: list[str], where: str) -> list[str]:
    """The values of a column as tags; CoNLL-U's ``_`` is O.

    Raises:
        UserError: a value that is no tag; names the line.
    """
    tags = [OUTSIDE if value == ABSENT and file.names else value for value in values]
    for place, tag in enumerate(tags):
        if not is_tag(tag):
            raise UserError(
                f"{file.path}, line {file.lines[place]}: tag {tag!r} of {file.rows[place][file.token]!r}; "
                f"expected {TAGS} in {where}; data.scheme=plain takes any tag"
            )
    return tags


def _no_tags(file: ColumnFile) -> UserError:
    keys = _misc(file)
    if any(value.startswith("(") or value.endswith(")") for value in keys.get("Entity", [])):
        reason = "its MISC marks mentions with brackets, which may lie in each other"
    elif file.names:
        reason = f"a CoNLL-U file without entities ({', '.join(file.names)})"
    else:
        row, last = file.rows[0], len(file.rows[0])
        value = next(row[-1] for row in file.rows if not is_tag(row[-1]))
        line = next(line for row, line in zip(file.rows, file.lines, strict=True) if row[-1] == value)
        return UserError(
            f"{file.path}, line {line}: tag {value!r} of {row[file.token]!r}; expected {TAGS} in the last of "
            f"{last} columns, or name another with data.tag_column=NUMBER; data=tags learns any other tags"
        )
    return UserError(
        f"{file.path}: {reason}; data=entities learns one BIO tag a token, O, B-type or I-type: in MISC as "
        "NER=B-PER or Entity=B-PER, or in a column of its own, named with data.tag_column=NUMBER; data=tags "
        "learns parts of speech"
    )
