"""What ``verbose=true`` shows of a finished run: every figure with its interval, notes, the audit."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from seqlab.errors import escaped
from seqlab.results.intervals import FEW_NOTE, INTERVAL_NOTE, few_cells, is_interval, table_intervals
from seqlab.results.outcome import ResultTable


def print_results(
    table: ResultTable,
    metrics: dict[str, float],
    audit: Sequence[tuple[str, str]] = (),
) -> None:
    """Examples, one table of test figures of the model and its baselines with intervals, notes, the audit."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)  # what [red] means in a label is the label
    shown = Table(title=escaped(f"{table.title}\n"), box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    shown.title_justify, shown.title_style = "left", "bold"
    shown.add_column("", overflow="fold")  # it gives way, so that no figure is cut
    for column in table.columns:
        shown.add_column(escaped(column).replace(" @", "\n@"), justify="right", no_wrap=True)
    few, bounds = few_cells(table), table_intervals(table, metrics)
    for rows, style in ((table.model_rows, "bold"), (table.baseline_rows, "")):
        for row, figures in rows:
            cells = ["–" if figure is None else f"{figure:.4f}" for figure in figures]
            for its_row, place in few:
                cells[place] += "*" * (its_row == row)
            for (its_row, place), (low, high) in bounds.items():
                cells[place] += f"\n{low:.4f}\n{high:.4f}" * (its_row == row)
            shown.add_row(escaped(row), *cells, style=style)
        shown.add_section()
    console.print()
    for line in table.examples:
        console.print(escaped(line))
    console.print(shown)
    console.print()
    validation = [
        f"{name} {metrics[name]:.4f}"
        for name in sorted(metrics)
        if name.startswith("val/") and not is_interval(name)
    ]
    console.print(escaped("  ".join(validation)))
    marked = [("*", FEW_NOTE)] if few else []
    below = [("below a figure", INTERVAL_NOTE)] if bounds else []
    for what, note in [*marked, *below, *table.notes]:
        console.print(escaped(f"{what}: {note}"))
    for what, note in audit:
        console.print("\n".join(folded(escaped(f"{what}: {note}"), console.width)))
    console.print()


def folded(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters that end at semicolons where they can; all but one set in."""
    lines: list[str] = []
    for part in text.replace("; ", ";\n").split("\n"):
        if lines and len(lines[-1]) + 1 + len(part) <= width:
            lines[-1] += f" {part}"
        else:
            first = "  " if lines else ""
            lines += textwrap.wrap(
                part, width, initial_indent=first, subsequent_indent="  ", break_on_hyphens=False
            )
    return lines
