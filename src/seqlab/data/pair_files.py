"""Files of sentence pairs: one of tab-separated columns, or two parallel ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from seqlab.data.text_files import read_lines
from seqlab.errors import UserError

Pair = tuple[str, str]
FORMAT = "source, a tab, target; further columns are ignored"


def clean(text: str) -> str:
    """Unicode NFC, white space at the ends dropped and single within."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def read_pairs(files: str | Path | Sequence[str | Path]) -> list[Pair]:
    """The pairs of one file of columns, or of two parallel files: source and target, plain or ``.gz``.

    Sides may be empty: whoever trains on them drops such pairs.

    Raises:
        UserError: a file that cannot be read, a line without a tab, or two files that are not parallel.
    """
    if isinstance(files, str | Path):
        return _from_columns(Path(files))
    if len(files) != 2:
        raise UserError(
            f"{len(files)} files, {', '.join(map(str, files)) or 'none'}: give one of columns ({FORMAT}), or "
            "two parallel ones, source first"
        )
    source, target = (read_lines(path) for path in files)
    if len(source) != len(target):
        raise UserError(
            f"{files[0]} has {len(source):,} lines and {files[1]} has {len(target):,}: parallel files have a "
            "pair on each line"
        )
    return [(clean(one), clean(other)) for one, other in zip(source, target, strict=True)]


def _from_columns(path: Path) -> list[Pair]:
    pairs = []
    for number, line in enumerate(read_lines(path, FORMAT), start=1):
        if not line.strip():
            continue
        columns = line.split("\t")
        if len(columns) < 2:
            raise UserError(f"{path}, line {number}: no tab in {line[:60]!r}; expected {FORMAT}")
        pairs.append((clean(columns[0]), clean(columns[1])))
    return pairs


def literal_pairs(entries: Sequence[Sequence[str]]) -> list[Pair]:
    """The pairs of ``data.pairs``, cleaned.

    Raises:
        UserError: no entry, or one that is not two texts.
    """
    if not entries:
        raise UserError("data.pairs is empty; give at least one [source, target]")
    for pair in entries:
        if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(side, str) for side in pair):
            raise UserError(f"data.pairs holds {pair!r}: give [source, target], both texts (in quotes)")
    return [(clean(source), clean(target)) for source, target in entries]
