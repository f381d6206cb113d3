"""A matrix as shaded cells, such as attention weights: plain SVG in one hue, for light and dark pages."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from seqlab.report.svg import chart_figure
from seqlab.report.tables import format_number

MAX_CELLS_A_SIDE = 64
_LEVELS = 20
_LABEL_EMS = 9.0  # longer labels are cut


def _ems(text: str) -> float:
    """About how wide a text runs, in units of its font size; Hangul and Han are full-width."""
    return sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.6 for letter in text)


def _cut(label: str) -> str:
    if _ems(label) <= _LABEL_EMS:
        return label
    while label and _ems(label) > _LABEL_EMS - 1:
        label = label[:-1]
    return f"{label}…"


def _shading(levels: NDArray[np.int64]) -> Markup:
    """One stroke per run of equal cells, one path per shade: a third of the bytes of one box per cell."""
    paths: dict[int, list[str]] = {}
    for row, line in enumerate(levels):
        starts = np.flatnonzero(np.diff(line, prepend=-1))
        for start, end in zip(starts, np.append(starts[1:], len(line)), strict=True):
            if line[start] > 0:
                paths.setdefault(int(line[start]), []).append(f"M{start} {row}h{end - start}")
    return Markup("").join(
        Markup('<path d="{}" opacity="{}"/>').format("".join(strokes), f"{level / _LEVELS:g}")
        for level, strokes in sorted(paths.items())
    )


def _ramp(top: float) -> Markup:
    boxes = Markup("").join(
        Markup('<path d="M{} 6h8" opacity="{}"/>').format(8 * step, f"{step / 10:g}") for step in range(11)
    )
    return Markup(
        '<p class="ramp">0<svg class="cells" viewBox="0 0 88 12" aria-hidden="true">'
        '<g stroke-width="12">{}</g></svg>{}</p>'
    ).format(boxes, format_number(top, digits=3))


def heat_map(
    matrix: ArrayLike,
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    title: str,
    *,
    row_title: str,
    column_title: str,
) -> Markup:
    """Cells shaded from 0 (blank) to the largest value (full color); negative and NaN cells are blank.

    A matrix larger than 64 on a side is cut to its first rows and columns, and the note says so. Wide maps
    scroll in their own frame.

    Args:
        matrix: (T, S) values of 0 and up, such as attention weights of T steps over S.
        row_labels: T texts.
        column_labels: S texts.

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
    note = ""
    if max(values.shape) > MAX_CELLS_A_SIDE:
        note = (
            f"The first {min(values.shape[0], MAX_CELLS_A_SIDE)} of {values.shape[0]} rows and "
            f"{min(values.shape[1], MAX_CELLS_A_SIDE)} of {values.shape[1]} columns."
        )
        values = values[:MAX_CELLS_A_SIDE, :MAX_CELLS_A_SIDE]
    rows, columns = values.shape
    usable = np.where(np.isfinite(values) & (values > 0), values, 0.0)
    top = float(usable.max())
    levels = np.rint(usable / (top or 1.0) * _LEVELS).astype(np.int64)
    row_texts = [_cut(str(label)) for label in row_labels[:rows]]
    column_texts = [_cut(str(label)) for label in column_labels[:columns]]
    drawing = _layout(
        levels, row_texts, column_texts, row_title=row_title, column_title=column_title, title=title
    )
    return chart_figure(
        Markup('<div class="scroll" role="region" tabindex="0" aria-label="{}">{}</div>{}').format(
            title, drawing, _ramp(top)
        ),
        title,
        note=note,
    )


def _layout(
    levels: NDArray[np.int64],
    row_texts: Sequence[str],
    column_texts: Sequence[str],
    *,
    row_title: str,
    column_title: str,
    title: str,
) -> Markup:
    """Place cells, labels and titles in pixels; texts keep their size on every screen."""
    rows, columns = levels.shape
    cell = float(np.clip(360 / max(rows, columns), 12, 26))
    size = min(12.0, cell - 1)
    upright = max(map(_ems, column_texts)) * size <= cell - 2
    left = 30 + max(map(_ems, row_texts)) * size
    above = 22 + (size if upright else max(map(_ems, column_texts)) * size) + 6
    wide = max(left + columns * cell, left + _ems(column_title) * 12) + 2
    high = max(above + rows * cell, above + _ems(row_title) * 12) + 2
    middle = 0.36 * size  # from a letter's middle to the line it stands on
    row_marks = Markup("").join(
        Markup('<text x="{}" y="{}">{}</text>').format(
            f"{left - 6:.1f}", f"{above + (row + 0.5) * cell + middle:.1f}", text
        )
        for row, text in enumerate(row_texts)
    )
    column_marks = Markup("").join(
        Markup('<text x="{}" y="{}">{}</text>').format(
            *(
                (f"{left + (column + 0.5) * cell:.1f}", f"{above - 6:.1f}")
                if upright
                else (f"{6 - above:.1f}", f"{left + (column + 0.5) * cell + middle:.1f}")
            ),
            text,
        )
        for column, text in enumerate(column_texts)
    )
    return Markup(
        '<svg class="cells" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img" '
        'aria-label="{label}">'
        '<text class="axis" x="{left}" y="13">{column_title}</text>'
        '<text class="axis" transform="rotate(-90)" x="{down}" y="13" text-anchor="end">{row_title}</text>'
        '<g font-size="{size}"><g text-anchor="end">{row_marks}</g><g {turn}>{column_marks}</g></g>'
        '<g transform="translate({left} {above})scale({cell})">'
        '<path class="frame" d="M0 0h{columns}v{rows}h-{columns}z"/>'
        '<g transform="translate(0 .5)" stroke-width="1">{cells}</g></g></svg>'
    ).format(
        wide=f"{wide:.0f}",
        high=f"{high:.0f}",
        label=f"Heat map of {title}: {row_title} by {column_title}, {rows} by {columns}",
        left=f"{left:.1f}",
        above=f"{above:.1f}",
        down=f"{-above:.1f}",
        column_title=column_title,
        row_title=row_title,
        size=f"{size:.1f}",
        row_marks=row_marks,
        turn=Markup('text-anchor="middle"' if upright else 'transform="rotate(-90)"'),
        column_marks=column_marks,
        cell=f"{cell:.2f}",
        rows=rows,
        columns=columns,
        cells=_shading(levels),
    )
