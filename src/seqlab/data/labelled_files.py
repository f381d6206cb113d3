"""Files of labelled names or texts: columns of text and label, plain or gzipped."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqlab.data.labelled_items import LabelledItems
from seqlab.data.pair_files import clean
from seqlab.data.text_files import read_lines
from seqlab.errors import UserError

FORMAT = 'one "name","label" a line, or columns headed name (or text, sentence) and label'
NEW_FORMAT = "one name (or text) a line, or a CSV or TSV with a column headed name, text or sentence"
TEXT_COLUMNS, LABEL_COLUMN = ("name", "text", "sentence"), "label"
DELIMITERS = ("\t", ",", ";", "|")  # the first of them that the first line holds is taken


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


def csv_rows(path: Path, expected: str, delimiter: str | None = None) -> list[tuple[int, Sequence[str]]]:
    """Line number and cells of each line that is not blank; at least one.

    Args:
        expected: what the file should hold, for messages.
        delimiter: between cells; None: the first of DELIMITERS that the first line holds.

    Raises:
        UserError: a file that cannot be read or holds no row, or broken quotes; names the line.
    """
    lines = read_lines(path, expected)
    delimiter = delimiter or delimiter_of(next(line for line in lines if line.strip()))
    is_tsv = delimiter == "\t"
    reader = csv.reader(
        (f"{line}\n" for line in lines),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if is_tsv else csv.QUOTE_MINIMAL,
        strict=True,
    )
    rows: list[tuple[int, Sequence[str]]] = []
    begun = 1  # a quote that is not closed is noticed at the end of the file
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, cells))
            begun = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}, line {begun}: broken quotes or fields: {error}; expected {expected}"
        ) from None
    if not rows:
        raise UserError(f"{path}: the file holds no row; expected {expected}")
    return rows


def delimiter_of(first_line: str) -> str:
    """What divides the columns of a file that begins so; a comma where nothing seems to."""
    return next((mark for mark in DELIMITERS if mark in first_line), ",")


def _count(cells: Sequence[str]) -> str:
    return f"{len(cells)} field{'s' * (len(cells) != 1)}"
