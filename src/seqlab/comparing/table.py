"""The table of a comparison: its columns as text, on the terminal, as CSV and as Markdown."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seqlab.comparing.comparison import Comparison, Ranking
from seqlab.comparing.groups import setting
from seqlab.comparing.runs import Run, some
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

    def preference(self) -> tuple[bool, int]:
        """Where there is no room for all settings numbers go first, and short ones."""
        return not self.is_number, self.width


def columns_of(ranking: Ranking) -> list[Column]:
    """Row number, the settings that vary, seeds, figures, what the runs are called."""
    groups, numbers = ranking.groups, [number for number, _ in ranking.numbered]
    columns = [Column("row", "row", "#", [str(number) for number in numbers], numbers)]
    for key, heading in short_names(ranking.varying).items():
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
    columns += [_figure_column(ranking, metric) for metric in ranking.metrics]
    names = [[run.name for run in group.runs] for group in groups]
    places = [_shortened(_called(group.runs)) for group in groups]
    return [*columns, Column("runs", "runs", "runs", places, [", ".join(each) for each in names])]


def _called(runs: Sequence[Run]) -> str:
    """The names that the runs were given, else where they lie."""
    labels = dict.fromkeys(run.label for run in runs)
    return ", ".join(labels) if all(labels) else _common_folder([run.name for run in runs])


def _common_folder(names: Sequence[str]) -> str:
    common = os.path.commonpath(names) if len(names) > 1 else ""
    return f"{common}/…" if common else ", ".join(names)


def _figure_column(ranking: Ranking, metric: str) -> Column:
    """Mean and standard deviation, and the interval in a second line."""
    figures = [group.figure(metric) for group in ranking.groups]
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
    return value if is_number else setting_text(value)


def setting_text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(setting_text, value))}]"
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


def _shortened(setting: Any) -> str:
    text = f"{setting:.5g}" if isinstance(setting, float) else setting_text(setting)
    if len(text) <= LONGEST_SETTING:
        return text
    half = LONGEST_SETTING // 2
    return f"{text[: half - 1]}…{text[-half:]}"  # both ends: paths differ in the last part, lists in any


def print_tables(comparison: Comparison, console: Console | None = None) -> None:
    """A table for each ranking, what it means and what could not be shown."""
    from rich.console import Console

    if console is None:
        console = Console(highlight=False, markup=False)
        if not console.is_terminal:
            console = Console(highlight=False, markup=False, width=WIDTH)
    with_bounds, is_whole = False, True
    for ranking in comparison.rankings:
        columns, others = fit(ranking, console.width)
        with_bounds |= any("\n[" in cell for column in columns for cell in column.cells)
        console.print(escaped(f"{ranking.title}: {ranking.summary}"), end="\n\n")
        print_columns(columns, console)
        if others:
            console.print(escaped(f"not shown: {some([column.name for column in others])}"), style="dim")
        is_whole &= not others
        console.print()
    if reading := comparison.reading(with_bounds=with_bounds):
        console.print(escaped("; ".join(reading)))
    if not is_whole:
        console.print("all columns: --html, --csv or --markdown; others: --metrics")
    for notice in comparison.notices:
        console.print(escaped(f"note: {notice}"))


def print_apart(rows: Sequence[int], apart: Sequence[tuple[str, str, str]]) -> None:
    """The settings that two rows do not have alike, one a line."""
    from rich.console import Console

    print(f"\nsettings of row {rows[0]} and row {rows[1]} that are not alike: {len(apart) or 'none'}")
    if apart:
        names = ("setting", f"row {rows[0]}", f"row {rows[1]}")
        cells = zip(*apart, strict=True)
        columns = [Column("setting", name, name, each, each) for name, each in zip(names, cells, strict=True)]
        print_columns(columns, Console(highlight=False, markup=False, width=200))


def print_columns(columns: Sequence[Column], console: Console) -> None:
    """Columns beside each other, no rule between rows: it would take a third of the lines of a long table."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1), pad_edge=False)
    for column in columns:
        heading = escaped(column.heading)
        table.add_column(heading, justify="right" if column.is_number else "left", no_wrap=True)
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(escaped, cells))
    console.print(table)


def fit(ranking: Ranking, width: int) -> tuple[list[Column], list[Column]]:
    """The columns that fit into ``width`` characters in their order, and the others.

    The settings that tell rows of the same model from each other have half the width, numbers and short ones
    first; then come figures, other settings, and what the runs are called. Where a figure would not fit, the
    figures go without their intervals.
    """
    columns = [_with_short_heading(column) for column in columns_of(ranking)]
    shown, left_out = _fitting(columns, ranking, width)
    if any(column.kind == "figure" for column in left_out):
        short = [replace(each, cells=[cell.split("\n", 1)[0] for cell in each.cells]) for each in columns]
        shown, left_out = _fitting([_with_short_heading(column) for column in short], ranking, width)
    return shown, left_out


def _fitting(columns: Sequence[Column], ranking: Ranking, width: int) -> tuple[list[Column], list[Column]]:
    first_figure = next((column for column in columns if column.kind == "figure"), None)

    def rank(column: Column) -> tuple[int, ...]:
        if column is first_figure:
            return (1,)
        if column.kind == "setting":
            return (2 if column.name in ranking.needed else 6, *column.preference())
        return ({"row": 0, "seeds": 3 if ranking.has_seeds else 7, "figure": 4, "runs": 8}[column.kind],)

    room = width + _BETWEEN
    kept: list[str] = []
    ranked = sorted(columns, key=rank)
    for is_second, column in [(again, column) for again in (False, True) for column in ranked]:
        spared = width // 2 if rank(column)[0] == 2 and not is_second else 0  # room for figures
        if column.name not in kept and column.width + _BETWEEN <= room - spared:
            room -= column.width + _BETWEEN
            kept.append(column.name)
    shown = [column for column in columns if column.name in kept]
    return shown, [column for column in columns if column.name not in kept]


def _with_short_heading(column: Column) -> Column:
    """``test/average_precision`` in three lines: a heading wider than its figures costs a column."""
    if column.kind != "figure":
        return column
    heading = column.name.replace("/", "/\n")
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
    rankings = comparison.rankings
    settings = list(dict.fromkeys(key for ranking in rankings for key in ranking.differences.shown))
    metrics = list(dict.fromkeys(metric for ranking in rankings for metric in ranking.metrics))
    rows = []
    for number, group in enumerate(comparison.groups, start=1):
        row: dict[str, Any] = {"row": number}
        row |= {key: _plain(setting(group.runs[0], key)) for key in settings}
        row |= {"seeds": len(group.finished), "unfinished": len(group.unfinished)}
        for metric in metrics:
            figure = group.figure(metric)
            row |= {f"{metric}{suffix}": getattr(figure, name, None) for suffix, name in parts.items()}
        row["runs"] = "; ".join(run.name for run in group.runs)
        rows.append(row)
    figures = [f"{metric}{suffix}" for metric in metrics for suffix in parts]
    return pd.DataFrame(rows).astype(dict.fromkeys(figures, "float64"))


def to_csv(comparison: Comparison, *, safe: bool = False) -> str:
    """Every column at full precision; ``safe``: see ``without_formulas``."""
    frame = to_frame(comparison)
    return (without_formulas(frame) if safe else frame).to_csv(index=False, lineterminator="\n")


def to_markdown(comparison: Comparison) -> str:
    """The whole tables, whatever their width, with lines that say how to read them."""
    parts = []
    for ranking in comparison.rankings:
        columns = [column for column in columns_of(ranking) if column.kind != "runs"]
        headings = [column.heading if column.kind == "row" else column.name for column in columns]
        cells = [[cell.replace("\n", " ") for cell in column.cells] for column in columns]
        lines = [f"| {' | '.join(map(_escaped, row))} |" for row in [headings, *zip(*cells, strict=True)]]
        lines.insert(1, "|" + "|".join("---:" if column.is_number else "---" for column in columns) + "|")
        parts += [_escaped(f"{ranking.title}: {ranking.summary}."), "\n".join(lines)]
    below = _escaped("; ".join(comparison.reading()))
    return "\n\n".join([*parts, *([f"{below}."] if below else [])]) + "\n"


def _escaped(cell: str) -> str:
    escaped = cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return escaped.replace("*", "\\*").replace("_", "\\_")
