"""Curves and lines: ROC, precision-recall, anything over steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from seqlab.report.svg import (
    DASHES,
    INK,
    MUTED,
    SERIES,
    LegendEntry,
    chart_axes,
    chart_data,
    chart_figure,
    inline_svg,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve = tuple[ArrayLike, ArrayLike]
Floats = NDArray[np.float64]
Points = tuple[Floats, Floats]

MAX_POINTS = 400  # more than a chart has pixels to show; keeps a curve below 20 kB
_DOTTED_UP_TO = 20  # a line of so few points shows where they are


def _finite(x: ArrayLike, y: ArrayLike) -> Points:
    """Both as flat arrays without the pairs that are not finite."""
    xs, ys = np.asarray(x, dtype=np.float64).ravel(), np.asarray(y, dtype=np.float64).ravel()
    if len(xs) != len(ys):
        raise ValueError(f"a curve has {len(xs)} x values and {len(ys)} y values; give one y per x")
    finite = np.isfinite(xs) & np.isfinite(ys)
    return xs[finite], ys[finite]


def thin(x: Floats, y: Floats, points: int = MAX_POINTS) -> NDArray[np.int64]:
    """Indices of at most ``points`` of (N,) points, evenly spread along the curve as it is drawn.

    First and last stay. Spread by drawn length rather than by index, corners and spikes survive.
    """
    if len(x) <= points:
        return np.arange(len(x))
    width, height = np.ptp(x) or 1.0, np.ptp(y) or 1.0
    length = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(x)) / width + np.abs(np.diff(y)) / height)))
    chosen = np.searchsorted(length, np.linspace(0.0, length[-1], points))
    chosen[0], chosen[-1] = 0, len(x) - 1
    return np.unique(chosen)


def roc_curve_chart(
    curves: Mapping[str, Curve],
    *,
    chosen: tuple[float, float] | None = None,
    num_negative: int | None = None,
    title: str = "ROC",
) -> Markup:
    """Receiver operating characteristic of one or more scores, with the diagonal of a blind guess.

    Args:
        curves: name to (false positive rate, true positive rate), each of (N,) values in 0 to 1, in the
            order of the threshold.
        chosen: the point of the run's own threshold, on the first curve.
        num_negative: sessions that the rate is of; it makes the rate's axis logarithmic from 1 in so many,
            for what matters lies below 0.01.
    """
    lines = {name: _finite(*curve) for name, curve in curves.items()}
    x_label, y_label = "false positive rate", "true positive rate"
    smallest = 1 / num_negative if num_negative and num_negative > 10 else None
    note = "" if smallest is None else "The false positive rate has a logarithmic axis."
    blind = np.linspace(0, 1, 2) if smallest is None else np.append(0, np.geomspace(smallest, 1, 50))
    return _unit_square(lines, x_label, y_label, title, (blind, blind), chosen, note, smallest)


def precision_recall_chart(
    curves: Mapping[str, Curve],
    *,
    prevalence: float | None = None,
    chosen: tuple[float, float] | None = None,
    title: str = "Precision and recall",
) -> Markup:
    """Precision over recall of one or more scores, as steps: between two thresholds nothing is reached.

    Args:
        curves: name to (precision, recall), each of (N,) values in 0 to 1, in the order of the threshold
            (either way).
        prevalence: share of positives, the precision of a blind guess; drawn as a line if given.
        chosen: recall and precision of the run's own threshold, on the first curve.
    """
    lines = {}
    for name, (precision, recall) in curves.items():
        x, y = _finite(recall, precision)
        rises = not len(x) or x[0] <= x[-1]
        lines[name] = (x, y) if rises else (x[::-1], y[::-1])
    known = prevalence is not None and np.isfinite(prevalence)
    guess = (np.array([0.0, 1.0]), np.full(2, prevalence)) if known else None
    return _unit_square(lines, "recall", "precision", title, guess, chosen, drawstyle="steps-pre")


def _unit_square(
    lines: Mapping[str, Points],
    x_label: str,
    y_label: str,
    title: str,
    guess: Points | None,
    chosen: tuple[float, float] | None,
    note: str = "",
    smallest: float | None = None,
    *,
    drawstyle: str = "default",
) -> Markup:
    """Curves of shares, both from 0 to 1; a logarithmic axis from ``smallest`` on, with a place for 0."""
    with chart_axes() as (figure, axes):
        ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=x_label, ylabel=y_label, xticks=ticks, yticks=ticks)
        if smallest is not None:
            axes.set_xscale("symlog", linthresh=smallest, linscale=0.3)
            powers = 10.0 ** np.arange(np.ceil(np.log10(smallest)), 1)
            axes.set_xticks([0, *powers])
            axes.minorticks_off()
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        drawn = {name: line for name, line in lines.items() if len(line[0])}
        legend = _draw(axes, drawn, drawstyle)
        names = ", ".join(entry.name for entry in legend) or "no data"
        if guess is not None:
            axes.plot(*guess, color=MUTED, linewidth=1, dashes=(2, 3))
            legend.append(LegendEntry("blind guess", MUTED, (2, 3)))
        if chosen is not None:
            dot = axes.plot(*zip(chosen, chosen, strict=True), color=INK, linewidth=9, zorder=7)[0]
            dot.set_solid_capstyle("round")
            legend.append(LegendEntry("this run's threshold", INK, dot=True))
        drawing = inline_svg(figure, f"{title} curves: {names}")
        data = _touched(axes, drawn, role=x_label)
    return chart_figure(drawing, title, legend, note, data=data)


def _touched(axes: Axes, lines: Mapping[str, Points], **more: Any) -> str:
    """What the page's script reads of lines that ``_draw`` drew."""
    kept = {}
    for number, (name, (x, y)) in enumerate(lines.items()):
        keep = thin(axes.xaxis.get_transform().transform(x), y)
        kept[name] = (x[keep], y[keep], SERIES[number % len(SERIES)])
    return chart_data(axes, kept, **more)


def line_chart(
    series: Mapping[str, Curve],
    x_label: str,
    y_label: str,
    *,
    title: str = "",
    note: str = "",
    smooth: bool = False,
) -> Markup:
    """Lines over a common axis, such as losses over epochs.

    Args:
        series: name to (x, y), each (N,), x rising; values that are not finite are left out and counted
            in the note.
        x_label: with its unit; whole numbers get whole ticks.
        y_label: with its unit.
        smooth: whether a reader may smooth the lines.
    """
    from matplotlib.ticker import MaxNLocator

    lines = {name: _finite(*pair) for name, pair in series.items()}
    left_out = {name: np.size(series[name][0]) - len(x) for name, (x, _) in lines.items()}
    if any(left_out.values()):
        gaps = ", ".join(f"{number} of {name}" for name, number in left_out.items() if number)
        note = f"{note} Left out because not finite: {gaps}.".strip()
    with chart_axes() as (figure, axes):
        legend = _draw(axes, lines, dots=True)
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.margins(x=0.02, y=0.08)
        if all((y >= 0).all() for _, y in lines.values()):
            axes.set_ylim(bottom=max(0.0, axes.get_ylim()[0]))
        whole = all(np.array_equal(x, np.round(x)) for x, _ in lines.values())
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=whole, min_n_ticks=1))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.ticklabel_format(axis="both", useOffset=False)
        if not any(len(x) for x, _ in lines.values()):
            axes.set(xticks=[], yticks=[])
            axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", color=MUTED)
        drawing = inline_svg(figure, f"{title or y_label} over {x_label}: {', '.join(lines) or 'no data'}")
        data = _touched(axes, lines, **({"smooth": 0} if smooth and any(map(len, lines.values())) else {}))
    told = [entry.name.lower() for entry in legend] == [title.lower()]
    return chart_figure(drawing, title, () if told else legend, note, data=data)


def _draw(
    axes: Axes, lines: Mapping[str, Points], drawstyle: str = "default", *, dots: bool = False
) -> list[LegendEntry]:
    """Draw named lines, thinned, the first on top; gives their legend."""
    legend = []
    for number, (name, (x, y)) in enumerate(lines.items()):
        color, dashes = SERIES[number % len(SERIES)], DASHES[number % len(DASHES)]
        keep = thin(axes.xaxis.get_transform().transform(x), y)
        width = 2 if number == 0 else 1.6
        line = axes.plot(x[keep], y[keep], color=color, linewidth=width, zorder=5 - 0.1 * number)[0]
        line.set_drawstyle(drawstyle)  # type: ignore[arg-type]
        line.set_solid_joinstyle("round")
        if dashes:
            line.set_dashes(dashes)
        legend.append(LegendEntry(name, color, dashes))
        if dots and len(x) <= _DOTTED_UP_TO:
            # a marker would need an id in the SVG; a stroke of no length with round ends needs none
            across, up = (
                np.column_stack((each, each, np.full_like(each, np.nan))).ravel() for each in (x, y)
            )
            points = axes.plot(across, up, color=color, linewidth=5, zorder=6)[0]
            points.set_solid_capstyle("round")
    return legend
