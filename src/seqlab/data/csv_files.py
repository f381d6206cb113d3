"""CSV files: rows of texts; tables of numbers, whose columns a header, a comment or data.columns names."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seqlab.data.text_files import read_lines, read_text
from seqlab.errors import UserError

DELIMITERS = ("\t", ",", ";", "|")  # the first of them that the first line holds is taken
NAMED = 10  # columns that a message names
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

    def place(self, name: str, setting: str) -> int:
        """Number of the column that a setting names.

        Raises:
            UserError: no such column.
        """
        if name.lower() not in self.places:
            raise UserError(
                f"data.{setting}={name}: {self.path} has no such column; it has {listed(self.names)}"
            )
        return self.places[name.lower()]


def check_lists(settings: Mapping[str, Any]) -> None:
    """Raise UserError where a setting that lists columns is one text."""
    for name, names in settings.items():
        if isinstance(names, str):
            raise UserError(f"data.{name}={names}: give a list, like data.{name}=[{names}]")


def listed(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def is_number(cell: str) -> bool:
    """Whether a cell is a finite number."""
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def read_csv(
    path: Path, columns: Sequence[str] | None, formats: str, *, example: str, headed: str
) -> CsvTable:
    """All lines but blank ones and comments (``#``), as cells under names.

    Columns are divided by the first of tab, comma, semicolon and bar that the first line holds.

    Args:
        columns: names of the columns of a file without a header line; None takes them from the last comment
            before the first line of numbers, where that names as many.
        formats: what a file may hold, for messages.
        example: of ``data.columns``, for messages.
        headed: what the lines after a header hold, for messages.

    Raises:
        UserError: missing, empty or malformed file.
    """
    lines = read_text(path, formats).splitlines()
    numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    text = [(number, line) for number, line in numbered if not line.startswith("#")]
    if not text:
        raise UserError(f"{path}: the file is empty; expected {formats}")
    delimiter = delimiter_of(text[0][1])
    rows = [(number, _cells(line, delimiter)) for number, line in text]
    first, notices = rows[0], []
    header = not any(map(is_number, first[1]))
    if columns is None and not header:
        before = [(number, line.lstrip("# ")) for number, line in numbered if number < first[0]]
        naming = [(number, _cells(line, delimiter)) for number, line in before]
        naming = [(number, names) for number, names in naming if _could_name(names, len(first[1]))]
        if naming:
            number, columns = naming[-1]
            notices.append(f"{path}: names of columns from its comment, line {number}: {', '.join(columns)}")
    names = _names(path, first, columns, header, example)
    rows = rows[header:]
    if not rows:
        raise UserError(f"{path}: a header and no line of {headed}; expected {formats}")
    for number, cells in rows:
        if len(cells) != len(names):
            raise UserError(
                f"{path}, line {number}: {len(cells)} cells, the file has {len(names)} columns "
                f"({', '.join(names)}); write every line alike"
            )
    return CsvTable(path, names, rows, notices)


def _cells(line: str, delimiter: str) -> list[str]:
    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    return [cell.strip() for cell in cells]


def _could_name(cells: list[str], width: int) -> bool:
    """Whether a comment could name so many columns."""
    return len(cells) == width > 1 and all(cells) and not any(map(is_number, cells))


def _names(path: Path, first: Row, columns: Sequence[str] | None, header: bool, example: str) -> list[str]:
    line, cells = first
    if columns is None and not header:
        raise UserError(
            f"{path}, line {line}: no header line and no comment that names {len(cells)} columns; name them, "
            f"like data.columns={example}"
        )
    names = cells if header else [str(name).strip() for name in columns or ()]
    lower = [name.lower() for name in names]
    if header and columns is not None and [name.lower() for name in columns] != lower:
        raise UserError(
            f"{path}, line {line}: the header names {', '.join(names)}, data.columns "
            f"{', '.join(columns)}; leave data.columns=null where the file has a header"
        )
    twice = [name for place, name in enumerate(names) if lower.index(name.lower()) != place]
    if twice:
        raise UserError(f"{path}, line {line}: the column {twice[0]} comes twice")
    return names


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
