"""CSV and TSV files as cells."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from seqlab.data.text_files import read_lines
from seqlab.errors import UserError

DELIMITERS = ("\t", ",", ";", "|")  # the first of them that the first line holds is taken


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
