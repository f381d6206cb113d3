"""The table a run ends with, on the terminal."""

from __future__ import annotations

from seqlab.results.outcome import ResultTable


def print_results(table: ResultTable, metrics: dict[str, float]) -> None:
    """Warnings, examples, one table of test figures of the model and its baselines, then its notes."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    validation = [f"{name} {value:.4f}" for name, value in sorted(metrics.items()) if name.startswith("val/")]
    rich_table = Table(
        title=table.title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left", title_style="bold"
    )
    rich_table.add_column("", no_wrap=True)
    for column in table.columns:
        rich_table.add_column(column, justify="right", no_wrap=True)
    for rows, style in ((table.model_rows, "bold"), (table.baseline_rows, "")):
        for place, (name, figures) in enumerate(rows):
            cells = ["–" if figure is None else f"{figure:.4f}" for figure in figures]
            rich_table.add_row(name, *cells, style=style, end_section=place == len(rows) - 1)
    console.print()
    for warning in table.warnings:
        console.print(Text.assemble(("warning", "bold yellow"), f": {warning}"), soft_wrap=True)
    if table.warnings:
        console.print()
    for line in table.examples:
        console.print(line, markup=False)
    console.print(rich_table)
    console.print("  ".join(validation))
    for name, note in table.notes:
        console.print(f"{name}: {note}", markup=False)
    units = {name: name[13:-11].replace("_", " ") for name in metrics if name.endswith("_per_second")}
    rates = [f"{metrics[name]:,.0f} {unit}/s" for name, unit in units.items()]
    console.print(f"trained {metrics['timing/fit_seconds']:.1f} s at {', '.join(rates)}")
