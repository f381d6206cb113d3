"""CSV files of numbers: lines to cells, names of columns from a header, a comment or data.columns."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seqlab.data.text_files import read_lines, read_text
from seqlab.errors import UserError

FORMATS = (
    "lines of Date,Open,High,Low,Close,Volume in any order under a header, or of ds,y or unique_id,ds,y, or "
    "numbers alone with data.columns"
)
LISTS = ("targets", "features", "known", "columns")  # settings that list columns
DELIMITERS = ("\t", ",", ";", "|")  # the first of them that the first line holds is taken
NAMED = 10  # columns that a message names


class CsvTable(NamedTuple):
    """A file's cells, and what was said while they were read."""

    path: Path
    names: list[str]
    rows: list[tuple[int, list[str]]]  # line of the file, from 1, and its cells
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

    def column(self, place: int) -> list[str]:
        """The cells of a column."""
        return [cells[place] for _, cells in self.rows]


def plain_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of columns as a checkpoint holds them.

    Raises:
        UserError: where a list is one text, or names nothing to forecast or to read.
    """
    found = dict(settings)
    for name in LISTS:
        names = settings.get(name)
        if isinstance(names, str):
            raise UserError(f"data.{name}={names}: give a list, like data.{name}=[{names}]")
        if names is not None:
            found[name] = [str(each) for each in names]
    # data=stock reads its features alone, data=series its targets too
    for name in ("targets",) if "targets" in settings else ("features",):
        if found.get(name) == []:
            raise UserError(f"data.{name}=[]: name at least one column, or null for the usual ones")
    return found


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


def read_csv(path: Path, columns: Sequence[str] | None) -> CsvTable:
    """All lines but blank ones and comments (``#``), as cells under names.

    Columns are divided by the first of tab, comma, semicolon and bar that the first line holds.

    Args:
        columns: names of the columns of a file without a header line; None takes them from the last comment
            before the first line of numbers, where that names as many.

    Raises:
        UserError: missing, empty or malformed file.
    """
    lines = [line.strip() for line in read_text(path, FORMATS).splitlines()]
    first = next((number for number, line in enumerate(lines) if line and not line.startswith("#")), None)
    if first is None:
        raise UserError(f"{path}: the file is empty; expected {FORMATS}")
    reader = csv.reader(lines, delimiter=delimiter_of(lines[first]), skipinitialspace=True)
    table = [
        (number, [cell.strip() for cell in cells]) for number, cells in enumerate(reader, start=1) if cells
    ]
    comments = [(number, [cells[0].lstrip("# "), *cells[1:]]) for number, cells in table if number <= first]
    rows = [(number, cells) for number, cells in table if not cells[0].startswith("#")]
    (line, head), notices = rows[0], []
    has_header = not any(map(is_number, head))
    if columns is None and not has_header:
        naming = [each for each in comments if _could_name(each[1], len(head))]
        if not naming:
            raise UserError(
                f"{path}, line {line}: no header line and no comment that names {len(head)} columns; name "
                "them, like data.columns=[Date,Close]"
            )
        number, columns = naming[-1]
        notices.append(f"{path}: names of columns from its comment, line {number}: {', '.join(columns)}")
    names = head if has_header else [str(name).strip() for name in columns or ()]
    lower = [name.lower() for name in names]
    if has_header and columns is not None and [name.lower() for name in columns] != lower:
        raise UserError(
            f"{path}, line {line}: the header names {', '.join(names)}, data.columns {', '.join(columns)}; "
            "leave data.columns=null where the file has a header"
        )
    twice = next((name for place, name in enumerate(names) if lower.index(name.lower()) != place), None)
    if twice is not None:
        raise UserError(f"{path}, line {line}: the column {twice} comes twice")
    rows = rows[has_header:]
    if not rows:
        raise UserError(f"{path}: a header and no line of numbers; expected {FORMATS}")
    for number, cells in rows:
        if len(cells) != len(names):
            raise UserError(
                f"{path}, line {number}: {len(cells)} cells, the file has {len(names)} columns "
                f"({', '.join(names)}); write every line alike"
            )
    return CsvTable(path, names, rows, notices)


def _could_name(cells: list[str], width: int) -> bool:
    """Whether a comment could name so many columns."""
    return len(cells) == width > 1 and all(cells) and not any(map(is_number, cells))


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
