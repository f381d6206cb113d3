"""The table on a terminal: as many columns as fit, and which ones did not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqlab.comparing.cells import (
    Column,
    metric_column,
    row_numbers,
    runs_column,
    seeds_column,
    setting_columns,
)
from seqlab.comparing.comparison import Comparison
from seqlab.comparing.runs import some

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100  # where the output is no terminal
_BETWEEN = 3  # blanks between two columns


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """The table, what it means and what could not be shown."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    if console is None:
        console = Console(highlight=False, markup=False)
        if not console.is_terminal:
            console = Console(highlight=False, markup=False, width=WIDTH)
    columns, left_out = fit(comparison, console.width)
    # No rule between rows: it would take a third of the lines of a long table.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1), pad_edge=False)
    for column in columns:
        side = "right" if column.is_number else "left"
        table.add_column(column.heading, justify=side, no_wrap=True)  # type: ignore[arg-type]
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    if constant := "  ".join(f"{key}={value}" for key, value in comparison.constant.items()):
        console.print(constant)
        console.print()
    console.print(table)
    console.print()
    console.print(comparison.order + (f"; {comparison.reading}" if comparison.reading else ""))
    if left_out:
        names = some([column.name for column in left_out])
        few = f"{len(left_out)} column{'s' if len(left_out) > 1 else ''}"
        console.print(
            f"{few} did not fit: {names}; all of them with --csv, --markdown or --html, others with --metrics"
        )
    for notice in comparison.notices:
        console.print(f"note: {notice}")


def fit(comparison: Comparison, width: int) -> tuple[list[Column], list[Column]]:
    """The columns that fit into ``width`` characters in their order, and the others.

    What the rows are sorted by goes first, then settings, where the runs lie, and the other figures. Of the
    settings those go first that tell rows of the same model and data from each other.
    """
    number, seeds = row_numbers(comparison), seeds_column(comparison)
    settings = setting_columns(comparison)
    figures = [_with_short_heading(metric_column(comparison, metric)) for metric in comparison.metrics]
    needed = comparison.needed
    by_need = sorted(settings, key=lambda column: column.name not in needed)
    runs = runs_column(comparison)
    wanted = [number, *figures[:1], seeds, *by_need, runs, *figures[1:]]
    room, chosen = width, []
    for column in wanted:
        room -= _width(column) + _BETWEEN
        if room + _BETWEEN < 0:
            break
        chosen.append(column)
    ordered = [number, *settings, seeds, *figures, runs]
    kept = [column for column in ordered if any(column is one for one in chosen)]
    return kept, [column for column in ordered if not any(column is one for one in chosen)]


def _with_short_heading(column: Column) -> Column:
    """``test/average_precision`` in three lines: a heading wider than its figures costs a column."""
    heading = re.sub(r"/", "/\n", column.name)
    if max(map(len, heading.split("\n"))) > max(map(len, _lines(column.cells)), default=0):
        heading = heading.replace("_", "_\n")
    return Column(column.name, heading, column.cells, column.is_number)


def _lines(cells: Sequence[str]) -> list[str]:
    return [line for cell in cells for line in cell.split("\n")]


def _width(column: Column) -> int:
    return max(len(line) for line in _lines([column.heading, *column.cells]))
