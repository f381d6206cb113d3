"""A matrix as a table of shaded cells, such as attention weights: one hue, for light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike

from seqlab.report.page import fill
from seqlab.report.svg import chart_figure, chart_row
from seqlab.report.tables import format_number
from seqlab.results.outcome import HeatPanel

MAX_CELLS_A_SIDE = 64
_LEVELS = 20
_LABEL_LETTERS, _ROW_LETTERS = 15, 32  # longer labels are cut
_PIXELS = 360  # of the larger side, where its cells are neither too small nor too large


def _cut(label: str, most: int = _LABEL_LETTERS) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


def heat_maps(panels: Sequence[HeatPanel]) -> Markup:
    """Some heat maps beside each other, each as wide as it is."""
    return chart_row(
        [
            heat_map(
                panel.values,
                panel.rows,
                panel.columns,
                panel.title,
                row_title=panel.row_title,
                column_title=panel.column_title,
                note=panel.note,
            )
            for panel in panels
        ]
    )


def heat_map(
    matrix: ArrayLike,
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    title: str,
    *,
    row_title: str,
    column_title: str,
    texts: Sequence[Sequence[str]] = (),
    note: str = "",
) -> Markup:
    """Cells shaded from 0 (blank) to the largest value (full color); negative and NaN cells are blank.

    A matrix larger than 64 on a side is cut to its first rows and columns, and the note says so. Wide maps
    scroll in their own frame.

    Args:
        matrix: (T, S) values of 0 and up, such as attention weights of T steps over S.
        row_labels: T texts.
        column_labels: S texts.
        texts: (T, S) what stands in the cells, such as counts.
        note: what stands below.

    Raises:
        ValueError: the labels do not fit the matrix.
    """
    values = np.asarray(matrix, dtype=np.float64)
    if values.shape != (len(row_labels), len(column_labels)):
        raise ValueError(
            f"matrix is {values.shape} but there are {len(row_labels)} row labels and "
            f"{len(column_labels)} column labels; give a (rows, columns) matrix and a label for each"
        )
    if not values.size:
        return chart_figure(Markup("<p>There are no weights to draw.</p>"), title)
    shown = values[:MAX_CELLS_A_SIDE, :MAX_CELLS_A_SIDE]
    if shown.size < values.size:
        note = f"{note} " * bool(note) + (
            f"The first {shown.shape[0]} of {values.shape[0]} rows and {shown.shape[1]} of {values.shape[1]} "
            "columns."
        )
    usable = np.where(np.isfinite(shown) & (shown > 0), shown, 0.0)
    top = float(usable.max())
    levels = np.rint(usable / (top or 1.0) * _LEVELS).astype(np.int64).tolist()
    columns = [_cut(str(label)) for label in column_labels[: shown.shape[1]]]
    longest = max((len(text) for row in texts for text in row), default=0)
    cell = round(float(np.clip(_PIXELS / max(shown.shape), 12, 26)))
    if texts:
        cell = max(cell, 24, 8 + 7 * longest)
        levels = [list(zip(line, row, strict=False)) for line, row in zip(levels, texts, strict=False)]
    drawing = fill(
        "heat_map",
        title=title,
        row_title=row_title,
        column_title=column_title,
        rows=[
            (_cut(str(label), _ROW_LETTERS), line) for label, line in zip(row_labels, levels, strict=False)
        ],
        columns=columns,
        cell=cell,
        written=bool(texts),
        upright=max(map(len, columns)) <= 2,
        top=format_number(top, digits=3),
    )
    return chart_figure(drawing, title, note=note)
