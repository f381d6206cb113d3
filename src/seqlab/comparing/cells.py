"""The table as text cells, for the terminal and for Markdown; and the files CSV and Markdown."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqlab.comparing.comparison import Comparison, text
from seqlab.comparing.statistics import Spread
from seqlab.report.tables import column_decimals, format_number

if TYPE_CHECKING:
    import pandas as pd

LONGEST_SETTING = 28


@dataclass(frozen=True)
class Column:
    """``cells`` hold one text per row, of one or two lines; ``is_number`` cells stand at the right."""

    name: str
    heading: str
    cells: Sequence[str]
    is_number: bool = True


def row_numbers(comparison: Comparison) -> Column:
    return Column("row", "#", [str(number) for number in range(1, len(comparison.groups) + 1)])


def setting_columns(comparison: Comparison) -> list[Column]:
    """The settings that differ, under the shortest heading that is not ambiguous."""
    headings = short_names(comparison.varying)
    columns = []
    for key in comparison.varying:
        values = [group.settings[key] for group in comparison.groups]
        is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        cells = [_shortened(value) for value in values]
        columns.append(Column(key, headings[key], cells, is_number))
    return columns


def seeds_column(comparison: Comparison) -> Column:
    """How many seeds count, and of how many runs where some are unfinished."""
    cells = []
    for group in comparison.groups:
        finished, total = len(group.finished), len(group.runs)
        cells.append(str(finished) if finished == total else f"{finished} of {total}")
    return Column("seeds", "seeds", cells)


def runs_column(comparison: Comparison) -> Column:
    """Where the runs lie, below the folder that all have in common."""
    cells = [_shortened(_where([run.name for run in group.runs])) for group in comparison.groups]
    return Column("runs", "runs", cells, is_number=False)


def _where(names: Sequence[str]) -> str:
    common = os.path.commonpath(names) if len(names) > 1 else ""
    return f"{common}/…" if common else ", ".join(names)


def metric_column(comparison: Comparison, metric: str) -> Column:
    """Mean and standard deviation, and the interval in a second line."""
    figures = [group.figure(metric) for group in comparison.groups]
    places = _places([figure for figure in figures if figure])
    return Column(metric, metric, [_figure_text(figure, places) for figure in figures])


def _places(figures: Sequence[Spread]) -> int | None:
    """As many places as the means need, and the least standard deviation shows a digit."""
    places = column_decimals([figure.mean for figure in figures])
    spreads = [figure.std for figure in figures if figure.std]
    if places is None or not spreads:
        return places
    return max(places, min(6, -math.floor(math.log10(min(spreads)))))


def _figure_text(figure: Spread | None, places: int | None) -> str:
    if figure is None or figure.std is None:
        return format_number(figure.mean if figure else None, places)
    first = f"{format_number(figure.mean, places)} ± {format_number(figure.std, places)}"
    return f"{first}\n[{format_number(figure.low, places)}, {format_number(figure.high, places)}]"


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """As many of a key's last parts as tell it from the others: ``lr`` for ``optimizer.lr``."""
    found = {}
    for key in keys:
        parts = key.split(".")
        for length in range(1, len(parts) + 1):
            tail = ".".join(parts[-length:])
            if sum(f".{other}".endswith(f".{tail}") for other in keys) == 1:
                break
        found[key] = tail
    return found


def _shortened(setting: Any) -> str:
    value = f"{setting:.5g}" if isinstance(setting, float) else text(setting)
    if len(value) <= LONGEST_SETTING:
        return value
    half = LONGEST_SETTING // 2
    return f"{value[: half - 1]}…{value[-half:]}"  # both ends: paths differ in the last part, lists in any


def to_csv(frame: pd.DataFrame) -> str:
    """Every column at full precision."""
    return frame.to_csv(index=False, lineterminator="\n")


def to_markdown(comparison: Comparison) -> str:
    """The whole table, whatever its width, with a line below that says how to read it."""
    columns = [
        row_numbers(comparison),
        *setting_columns(comparison),
        seeds_column(comparison),
        *(metric_column(comparison, metric) for metric in comparison.metrics),
    ]
    lines = [
        "| "
        + " | ".join(_markdown(column.name if column.name != "row" else "#") for column in columns)
        + " |",
        "|" + "|".join("---:" if column.is_number else "---" for column in columns) + "|",
    ]
    for cells in zip(*(column.cells for column in columns), strict=True):
        lines.append("| " + " | ".join(_markdown(cell.replace("\n", " ")) for cell in cells) + " |")
    constant = ", ".join(f"{key}={value}" for key, value in comparison.constant.items())
    below = "; ".join(part for part in (constant, comparison.order, comparison.reading) if part)
    return "\n".join(lines) + f"\n\n{_markdown(below)}.\n"


def _markdown(cell: str) -> str:
    escaped = cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return escaped.replace("*", "\\*").replace("_", "\\_")
