"""Files of labelled names or texts: CSV or TSV of text and label, plain or gzipped."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.data.pair_files import clean
from seqlab.data.text_files import read_lines
from seqlab.errors import UserError

FORMAT = 'one "name","label" a line, or columns headed name (or text, sentence) and label'
TEXT_COLUMNS, LABEL_COLUMN = ("name", "text", "sentence"), "label"


@dataclass(frozen=True)
class LabelledNames:
    """N names or texts with their labels, and where they stand."""

    names: tuple[str, ...]  # (N,) NFC, single spaces
    labels: tuple[str, ...]  # (N,)
    lines: NDArray[np.int64]  # (N,) number of the line in the file, from 1
    source: str  # the file, for messages

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: NDArray[np.int64]) -> LabelledNames:
        """Some rows, in the given order."""
        picked = rows.tolist()
        return LabelledNames(
            tuple(self.names[row] for row in picked),
            tuple(self.labels[row] for row in picked),
            self.lines[rows],
            self.source,
        )

    def distinct(self) -> LabelledNames:
        """Each name once with each of its labels, in the order of their first lines."""
        firsts: dict[tuple[str, str], int] = {}
        for row, pair in enumerate(zip(self.names, self.labels, strict=True)):
            firsts.setdefault(pair, row)
        return self.take(np.array(list(firsts.values()), dtype=np.int64))

    def num_ambiguous(self) -> int:
        """Distinct names that occur with more than one label."""
        return sum(len(labels) > 1 for labels in self._labels_of_names().values())

    def accuracy_ceiling(self) -> float:
        """The best accuracy that any rule can reach which gives equal names equal labels."""
        seen = self._labels_of_names().values()
        return sum(max(labels.values()) for labels in seen) / len(self)

    def _labels_of_names(self) -> dict[str, dict[str, int]]:
        seen: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for name, label in zip(self.names, self.labels, strict=True):
            seen[name][label] += 1
        return seen


def read_labelled_names(path: str | Path, columns: Sequence[str] | None = None) -> LabelledNames:
    """Read a CSV of name,label; with a header in any order further columns are left out.

    A file whose first line holds a tab is read as TSV, in which quotes are characters like others. Blank
    lines are passed over.

    Args:
        columns: what the columns of text and label are headed, where it is not name, text or sentence, and
            label.

    Raises:
        UserError: a file that cannot be read, is empty or holds one name; a line of another number of fields,
            with broken quotes, or without a name or label; a header without both columns; names the line.
    """
    path = Path(path)
    rows = csv_rows(path, FORMAT)
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
    names, labels = [], []
    for number, cells in rows:
        if len(cells) != width:
            raise UserError(f"{path}, line {number}: {_count(cells)}, not {width}; expected {FORMAT}")
        name, label = (clean(cells[place]) for place in places)
        for what, value in (("name", name), ("label", label)):
            if not value:
                raise UserError(f"{path}, line {number}: the {what} is empty; expected {FORMAT}")
        names.append(name)
        labels.append(label)
    if len(names) < 2:
        raise UserError(f"{path}: it holds {len(names) or 'no'} name{'s' * (not names)}; give at least 2")
    lines = np.array([number for number, _ in rows], dtype=np.int64)
    return LabelledNames(tuple(names), tuple(labels), lines, str(path))


def csv_rows(path: Path, expected: str) -> list[tuple[int, Sequence[str]]]:
    """Line number and cells of each line that is not blank; at least one. A tab in the first makes it TSV.

    Raises:
        UserError: a file that cannot be read or holds no row, or broken quotes; names the line.
    """
    lines = read_lines(path, expected)
    is_tsv = "\t" in next(line for line in lines if line.strip())
    reader = csv.reader(
        (f"{line}\n" for line in lines),
        delimiter="\t" if is_tsv else ",",
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


def _count(cells: Sequence[str]) -> str:
    return f"{len(cells)} field{'s' * (len(cells) != 1)}"
