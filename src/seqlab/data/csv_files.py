"""CSV and TSV files as cells."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from seqlab.data.line_counts import BLANK, LineCounts
from seqlab.data.text_files import read_lines
from seqlab.errors import UserError, shown

DELIMITERS = ("\t", ",", ";", "|")  # the first of them that the first line holds is taken
_MANY, _LONGEST = 8, 120  # names in a message, and characters of them


class Row(NamedTuple):
    """A row of a table."""

    line: int  # its last one, from 1
    cells: list[str]
    num_lines: int  # more than 1 where a cell in quotes holds line ends


def csv_rows(
    path: Path,
    expected: str,
    delimiter: str | None = None,
    *,
    lines: Sequence[str] | None = None,
    counts: LineCounts | None = None,
) -> Iterator[Row]:
    """The rows that are not blank; at least one. Cells may be of any length, and hold line ends in quotes.

    Args:
        expected: what the file should hold, for messages.
        delimiter: between cells; None: the first of DELIMITERS that the first line holds.
        lines: the file's, where they were read before; at least one is not blank.

    Raises:
        UserError: a file that cannot be read or holds no row, or broken quotes; names the line.
    """
    counts = counts or LineCounts(path)
    lines = read_lines(path, expected, counts, is_prose=False) if lines is None else lines
    delimiter = delimiter or delimiter_of(next(line for line in lines if line.strip()))
    csv.field_size_limit(sys.maxsize)  # for all of the process; a session of 100,000 events is one cell
    reader = csv.reader(
        (f"{line}\n" for line in lines),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
        strict=True,
    )
    begun = 1  # a quote that is not closed is noticed at the end of the file
    is_empty = True
    try:
        for cells in reader:
            num_lines = reader.line_num - begun + 1
            if any(cell.strip() for cell in cells):
                is_empty = False
                yield Row(reader.line_num, cells, num_lines)
            else:
                counts.skipped[BLANK] += num_lines
            begun = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}, line {begun}: broken quotes or fields: {error}; expected {expected}"
        ) from None
    if is_empty:
        raise UserError(f"{path}: the file holds no row; expected {expected}")


def delimiter_of(first_line: str) -> str:
    """What divides the columns of a file that begins so; a comma where nothing seems to."""
    return next((mark for mark in DELIMITERS if mark in first_line), ",")


def shown_names(names: Sequence[str], most: int = _MANY) -> str:
    """The first names of columns, series or the like, and how many more there are, for a message."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return shown(", ".join(names[:most]), _LONGEST) + more
