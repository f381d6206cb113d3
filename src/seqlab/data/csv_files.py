"""CSV files of numbers: lines to cells, names of columns from a header, a comment or data.columns."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seqlab.data.text_files import read_text
from seqlab.errors import UserError

Row = tuple[int, list[str]]  # line of the file, from 1, and its cells


class CsvTable(NamedTuple):
    """A file's cells, and what was said while they were read."""

    path: Path
    names: list[str]
    rows: list[Row]
    notices: list[str]

    @property
    def places(self) -> dict[str, int]:
        """Number of each column, by its name in lower case."""
        return {name.lower(): place for place, name in enumerate(self.names)}


def read_csv(
    path: Path, columns: Sequence[str] | None, formats: str, *, example: str, headed: str = "prices"
) -> CsvTable:
    """All lines but blank ones and comments (``#``), as cells under names.

    Args:
        columns: names of the columns of a file without a header line; None takes them from the last comment
            before the first line of numbers, where that names as many.
        formats: what a file may hold, for messages.
        example: of ``data.columns``, for messages.
        headed: what the lines after a header hold, for messages.

    Raises:
        UserError: missing, empty or malformed file.
    """
    rows, comment = _rows(path, formats)
    header = not any(is_number(cell) for cell in rows[0][1])
    notices = []
    if columns is None and not header and comment is not None:
        columns = comment[1]
        notices.append(f"{path}: names of columns from its comment, line {comment[0]}: {', '.join(columns)}")
    names = _names(path, rows[0], columns, header, example)
    rows = rows[header:]
    if not rows:
        raise UserError(f"{path}: a header and no line of {headed}; expected {formats}")
    for line, cells in rows:
        if len(cells) != len(names):
            raise UserError(
                f"{path}, line {line}: {len(cells)} cells, the file has {len(names)} columns "
                f"({', '.join(names)}); write every line alike"
            )
    return CsvTable(path, names, rows, notices)


def is_number(cell: str) -> bool:
    """Whether a cell is a finite number."""
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _rows(path: Path, formats: str) -> tuple[list[Row], Row | None]:
    """(line number, cells) of every line that is neither blank nor a comment; and of the last comment before
    them that could name their columns."""
    lines = read_text(path, formats).splitlines()
    numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    rows = [(number, _cells(line)) for number, line in numbered if not line.startswith("#")]
    if not rows:
        raise UserError(f"{path}: the file is empty; expected {formats}")
    first, width = rows[0][0], len(rows[0][1])
    comments = [
        (number, [cell.strip() for cell in _cells(line.lstrip("# "))])
        for number, line in numbered
        if number < first
    ]
    naming = [
        (number, cells)
        for number, cells in comments
        if len(cells) == width > 1 and all(cells) and not any(map(is_number, cells))
    ]
    return rows, naming[-1] if naming else None


def _cells(line: str) -> list[str]:
    return next(csv.reader([line], skipinitialspace=True))


def _names(path: Path, first: Row, columns: Sequence[str] | None, header: bool, example: str) -> list[str]:
    line, cells = first
    if header:
        names = [cell.strip() for cell in cells]
        if columns is not None and [name.lower() for name in columns] != [name.lower() for name in names]:
            raise UserError(
                f"{path}, line {line}: the header names {', '.join(names)}, data.columns "
                f"{', '.join(columns)}; leave data.columns=null where the file has a header"
            )
    elif columns is None:
        raise UserError(
            f"{path}, line {line}: no header line and no comment that names {len(cells)} columns; name them, "
            f"like data.columns={example}"
        )
    else:
        names = [str(name).strip() for name in columns]
    lower = [name.lower() for name in names]
    twice = [name for place, name in enumerate(names) if lower.index(name.lower()) != place]
    if twice:
        raise UserError(f"{path}, line {line}: the column {twice[0]} comes twice")
    return names
