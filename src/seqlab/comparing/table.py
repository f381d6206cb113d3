"""The table of a comparison: its columns as text, on the terminal, as CSV and as Markdown."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seqlab.comparing.comparison import Comparison
from seqlab.comparing.runs import some
from seqlab.comparing.statistics import Spread
from seqlab.errors import escaped
from seqlab.report.tables import column_decimals, format_number, short_names
from seqlab.results.outcome import without_formulas

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

LONGEST_SETTING = 28
WIDTH = 100  # where the output is no terminal
_BETWEEN = 3  # blanks between two columns


@dataclass(frozen=True)
class Column:
    """``cells`` hold one text per row, of one or two lines; ``values`` what they show, None for nothing.

    ``kind`` is row, setting, seeds, figure or runs.
    """

    kind: str
    name: str
    heading: str
    cells: Sequence[str]
    values: Sequence[Any]

    @property
    def is_number(self) -> bool:
        return all(value is None or isinstance(value, int | float) for value in self.values)

    @property
    def width(self) -> int:
        return max(len(line) for cell in (self.heading, *self.cells) for line in cell.split("\n"))


def columns_of(comparison: Comparison) -> list[Column]:
    """Row number, the settings that vary, seeds, figures, where the runs lie."""
    groups = comparison.groups
    numbers = list(range(1, len(groups) + 1))
    columns = [Column("row", "row", "#", [str(number) for number in numbers], numbers)]
    for key, heading in short_names(comparison.varying).items():
        settings = [group.settings[key] for group in groups]
        values = [_plain(value) for value in settings]
        columns.append(Column("setting", key, heading, [_shortened(value) for value in values], values))
    finished = [len(group.finished) for group in groups]
    totals = [len(group.runs) for group in groups]
    counts = [
        str(seeds) if seeds == total else f"{seeds} of {total}"
        for seeds, total in zip(finished, totals, strict=True)
    ]
    columns.append(Column("seeds", "seeds", "seeds", counts, finished))
    columns += [_figure_column(comparison, metric) for metric in comparison.metrics]
    names = [[run.name for run in group.runs] for group in groups]
    places = [_shortened(_common_folder(each)) for each in names]
    return [*columns, Column("runs", "runs", "runs", places, [", ".join(each) for each in names])]


def _common_folder(names: Sequence[str]) -> str:
    common = os.path.commonpath(names) if len(names) > 1 else ""
    return f"{common}/…" if common else ", ".join(names)


def _figure_column(comparison: Comparison, metric: str) -> Column:
    """Mean and standard deviation, and the interval in a second line."""
    figures = [group.figure(metric) for group in comparison.groups]
    known = [figure for figure in figures if figure]
    places = column_decimals([figure.mean for figure in known])
    spreads = [figure.std for figure in known if figure.std]
    if places is not None and spreads:  # the least standard deviation shows a digit
        places = max(places, min(6, -math.floor(math.log10(min(spreads)))))
    cells = [_figure_text(figure, places) for figure in figures]
    return Column("figure", metric, metric, cells, [figure and figure.mean for figure in figures])


def _figure_text(figure: Spread | None, places: int | None) -> str:
    first = format_number(figure.mean if figure else None, places)
    if figure is None or figure.low is None:
        return first
    if figure.std is not None:
        first += f" ± {format_number(figure.std, places)}"
    return f"{first}\n[{format_number(figure.low, places)}, {format_number(figure.high, places)}]"


def _plain(value: Any) -> Any:
    """Numbers as numbers, everything else as it is typed on the command line."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


def _shortened(setting: Any) -> str:
    text = f"{setting:.5g}" if isinstance(setting, float) else _text(setting)
    if len(text) <= LONGEST_SETTING:
        return text
    half = LONGEST_SETTING // 2
    return f"{text[: half - 1]}…{text[-half:]}"  # both ends: paths differ in the last part, lists in any


def print_table(comparison: Comparison, console: Console | None = None) -> None:
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
        table.add_column(
            escaped(column.heading), justify="right" if column.is_number else "left", no_wrap=True
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(escaped, cells))
    if comparison.constant:
        console.print(escaped("  ".join(comparison.constant)), end="\n\n")
    console.print(table)
    console.print()
    console.print(escaped("; ".join(comparison.reading)))
    if left_out:
        few = f"{len(left_out)} column{'s' if len(left_out) > 1 else ''}"
        names = escaped(some([column.name for column in left_out]))
        console.print(
            f"{few} did not fit: {names}; all of them with --csv, --markdown or --html, others with --metrics"
        )
    for notice in comparison.notices:
        console.print(escaped(f"note: {notice}"))


def fit(comparison: Comparison, width: int) -> tuple[list[Column], list[Column]]:
    """The columns that fit into ``width`` characters in their order, and the others.

    What the rows are sorted by goes first, then settings, where the runs lie, and the other figures. Of the
    settings those go first that tell rows of the same model and data from each other.
    """
    columns = [_with_short_heading(column) for column in columns_of(comparison)]
    first_figure = next((column for column in columns if column.kind == "figure"), None)

    def rank(column: Column) -> int:
        if column is first_figure:
            return 1
        if column.kind == "setting":
            return 3 if column.name in comparison.needed else 4
        return {"row": 0, "seeds": 2, "runs": 5, "figure": 6}[column.kind]

    room, kept = width + _BETWEEN, []
    for column in sorted(columns, key=rank):
        room -= column.width + _BETWEEN
        if room < 0:
            break
        kept.append(column.name)
    shown = [column for column in columns if column.name in kept]
    return shown, [column for column in columns if column.name not in kept]


def _with_short_heading(column: Column) -> Column:
    """``test/average_precision`` in three lines: a heading wider than its figures costs a column."""
    if column.kind != "figure":
        return column
    heading = re.sub(r"/", "/\n", column.name)
    if max(map(len, heading.split("\n"))) > replace(column, heading="").width:
        heading = heading.replace("_", "_\n")
    return replace(column, heading=heading)


def to_frame(comparison: Comparison) -> pd.DataFrame:
    """One row per group: row number, settings, seeds, unfinished runs, figures, names of the runs.

    A figure is the column of its name; with more than one seed somewhere ``<name> std``, ``<name> low``
    and ``<name> high`` follow. What does not exist is NaN.
    """
    import pandas as pd

    parts = (
        {"": "mean", " std": "std", " low": "low", " high": "high"} if comparison.has_seeds else {"": "mean"}
    )
    rows = []
    for number, group in enumerate(comparison.groups, start=1):
        row: dict[str, Any] = {"row": number} | {key: _plain(value) for key, value in group.settings.items()}
        row |= {"seeds": len(group.finished), "unfinished": len(group.unfinished)}
        for metric in comparison.metrics:
            figure = group.figure(metric)
            row |= {f"{metric}{suffix}": getattr(figure, name, None) for suffix, name in parts.items()}
        row["runs"] = "; ".join(run.name for run in group.runs)
        rows.append(row)
    frame = pd.DataFrame(rows)
    figures = [f"{metric}{suffix}" for metric in comparison.metrics for suffix in parts]
    return frame.astype(dict.fromkeys(figures, "float64"))


def to_csv(comparison: Comparison, *, safe: bool = False) -> str:
    """Every column at full precision; ``safe``: see ``without_formulas``."""
    frame = to_frame(comparison)
    return (without_formulas(frame) if safe else frame).to_csv(index=False, lineterminator="\n")


def to_markdown(comparison: Comparison) -> str:
    """The whole table, whatever its width, with a line below that says how to read it."""
    columns = [column for column in columns_of(comparison) if column.kind != "runs"]
    headings = [column.heading if column.kind == "row" else column.name for column in columns]
    cells = [[cell.replace("\n", " ") for cell in column.cells] for column in columns]
    lines = [f"| {' | '.join(map(_escaped, row))} |" for row in [headings, *zip(*cells, strict=True)]]
    lines.insert(1, "|" + "|".join("---:" if column.is_number else "---" for column in columns) + "|")
    below = [", ".join(comparison.constant), *comparison.reading]
    return "\n".join(lines) + f"\n\n{_escaped('; '.join(filter(None, below)))}.\n"


def _escaped(cell: str) -> str:
    escaped = cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return escaped.replace("*", "\\*").replace("_", "\\_")
