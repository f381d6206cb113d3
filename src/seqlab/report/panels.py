"""What an outcome shows, for trackers: its table as plain rows, its panels as matplotlib figures."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqlab.report.charts import thin
from seqlab.results.outcome import CountPanel, HeatPanel, LinePanel, Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE_POINTS = 200  # of a curve: W&B takes 10,000 rows a table, all curves of a chart together
LONGEST_LABEL = 28  # letters
WRITTEN_UP_TO = 12  # names whose counts stand in the cells
# those of them that are there are asked for letters that matplotlib's own font lacks, such as Korean ones
OTHER_FONTS = ("Noto Sans CJK KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo", "Noto Sans CJK JP")


def result_rows(outcome: Outcome) -> tuple[list[Any], list[list[Any]]]:
    """The result table: its columns, and a row for the model and each baseline; None where there is no
    figure."""
    table = outcome.table_once
    rows = [[name, *figures] for name, figures in [*table.model_rows, *table.baseline_rows]]
    return ["name", *table.columns], rows


def thinned(panel: LinePanel) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The lines with at most LINE_POINTS points each."""
    kept = {name: thin(x, y, LINE_POINTS) for name, (x, y) in panel.lines.items()}
    return {name: (x[kept[name]], y[kept[name]]) for name, (x, y) in panel.lines.items()}


@contextmanager
def figures(outcome: Outcome, *, heat_only: bool = False) -> Iterator[dict[str, Figure]]:
    """By title, the panels as pictures, to be drawn within the block: curves, confusion matrices, heat maps.

    The reader's own matplotlib settings do not reach them.
    """
    import matplotlib
    from matplotlib import font_manager

    fonts = ["DejaVu Sans", *(name for name in OTHER_FONTS if name in font_manager.get_font_names())]
    settings: dict[Any, Any] = {k: v for k, v in matplotlib.rcParamsDefault.items() if "backend" not in k}
    settings |= {"font.family": fonts, "text.parse_math": False, "axes.titlesize": "medium"}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        drawn = {f"Attention {place}": _heat(each) for place, each in enumerate(outcome.heat_panels(), 1)}
        if not heat_only:
            drawn |= {title: _lines(title, panel) for title, panel in outcome.line_panels().items()}
            drawn |= {title: _counts(title, panel) for title, panel in outcome.count_panels().items()}
        yield drawn


def _lines(title: str, panel: LinePanel) -> Figure:
    axes = _axes(6, 4.5)
    for name, (x, y) in thinned(panel).items():
        axes.plot(x, y, label=name)
    axes.set(title=title, xlabel=panel.x_title, ylabel=panel.y_title)
    axes.legend(fontsize="small")
    return axes.get_figure()  # type: ignore[return-value]


def _counts(title: str, panel: CountPanel) -> Figure:
    """Gold by predicted; the shades are shares of a row."""
    shares = panel.counts / np.maximum(panel.counts.sum(axis=1, keepdims=True), 1)
    axes = _grid(shares, panel.names, panel.names)
    axes.set(title=title, xlabel="predicted", ylabel="gold")
    for (row, column), count in np.ndenumerate(panel.counts if len(panel.names) <= WRITTEN_UP_TO else []):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{count:,}", ha="center", va="center", color=color)
    return axes.get_figure()  # type: ignore[return-value]


def _heat(panel: HeatPanel) -> Figure:
    axes = _grid(panel.values, panel.rows, panel.columns)
    axes.set(title=panel.title, xlabel=f"{panel.column_title}\n{panel.note}".strip(), ylabel=panel.row_title)
    return axes.get_figure()  # type: ignore[return-value]


def _grid(values: NDArray, rows: Sequence[str], columns: Sequence[str]) -> Axes:
    axes = _axes(*(float(np.clip(2.5 + 0.28 * len(names), 4, 16)) for names in (columns, rows)))
    axes.imshow(np.nan_to_num(values), cmap="Blues", vmin=0, aspect="auto")
    axes.set_yticks(range(len(rows)), [_cut(name) for name in rows])
    axes.set_xticks(range(len(columns)), [_cut(name) for name in columns], rotation=90)
    return axes


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[:LONGEST_LABEL]}…"


def _axes(width: float, height: float) -> Axes:
    """Inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained").add_subplot()
