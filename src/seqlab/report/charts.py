"""Curves, lines and histograms: ROC, precision-recall, scores around a threshold, anything over steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from seqlab.report.svg import (
    ABNORMAL,
    DASHES,
    INK,
    MUTED,
    NORMAL,
    SERIES,
    LegendEntry,
    chart_axes,
    chart_figure,
    inline_svg,
)
from seqlab.report.tables import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve = tuple[ArrayLike, ArrayLike]
Floats = NDArray[np.float64]
Points = tuple[Floats, Floats]
_Group = tuple[str, Floats, str]  # name, scores, color

MAX_POINTS = 400  # more than a chart has pixels to show; keeps a curve below 20 kB
_DOTTED_UP_TO = 20  # a line of so few points shows where they are
BINS = 40
_LOG_SPAN = 10.0  # scores that span more than this factor get a logarithmic axis
_LOG_DEPTH = 1e-6  # of the largest score: what lies below shares one bin at the left


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


def roc_curve_chart(curves: Mapping[str, Curve], *, title: str = "ROC") -> Markup:
    """Receiver operating characteristic of one or more scores, with the diagonal of a blind guess.

    Args:
        curves: name to (false positive rate, true positive rate), each of (N,) values in 0 to 1, in the
            order of the threshold.
    """
    lines = {name: _finite(*curve) for name, curve in curves.items()}
    return _unit_square(lines, "false positive rate", "true positive rate", title, guess=(0, 1))


def precision_recall_chart(
    curves: Mapping[str, Curve], *, prevalence: float | None = None, title: str = "Precision and recall"
) -> Markup:
    """Precision over recall of one or more scores, as steps: between two thresholds nothing is reached.

    Args:
        curves: name to (precision, recall), each of (N,) values in 0 to 1, in the order of the threshold
            (either way).
        prevalence: share of positives, the precision of a blind guess; drawn as a line if given.
    """
    lines = {}
    for name, (precision, recall) in curves.items():
        x, y = _finite(recall, precision)
        rises = not len(x) or x[0] <= x[-1]
        lines[name] = (x, y) if rises else (x[::-1], y[::-1])
    known = prevalence is not None and np.isfinite(prevalence)
    guess = (prevalence, prevalence) if known else None
    return _unit_square(lines, "recall", "precision", title, guess=guess, drawstyle="steps-pre")


def _unit_square(
    lines: Mapping[str, Points],
    x_label: str,
    y_label: str,
    title: str,
    *,
    guess: Sequence[float | None] | None,
    drawstyle: str = "default",
) -> Markup:
    """Curves of shares, both from 0 to 1; ``guess`` is the height of a blind one at 0 and at 1."""
    with chart_axes() as (figure, axes):
        ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=x_label, ylabel=y_label, xticks=ticks, yticks=ticks)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        legend = _draw(axes, {name: line for name, line in lines.items() if len(line[0])}, drawstyle)
        names = ", ".join(entry.name for entry in legend) or "no data"
        if guess is not None:
            axes.plot([0, 1], guess, color=MUTED, linewidth=1, dashes=(2, 3))  # type: ignore[arg-type]
            legend.append(LegendEntry("blind guess", MUTED, (2, 3)))
        drawing = inline_svg(figure, f"{title} curves: {names}")
    return chart_figure(drawing, title, legend)


def line_chart(
    series: Mapping[str, Curve], x_label: str, y_label: str, *, title: str = "", note: str = ""
) -> Markup:
    """Lines over a common axis, such as losses over epochs.

    Args:
        series: name to (x, y), each (N,), x rising; values that are not finite are left out and counted
            in the note.
        x_label: with its unit; whole numbers get whole ticks.
        y_label: with its unit.
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
        whole = all(np.array_equal(x, np.round(x)) for x, _ in lines.values())
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=whole, min_n_ticks=1))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.ticklabel_format(axis="both", useOffset=False)
        if not any(len(x) for x, _ in lines.values()):
            axes.set(xticks=[], yticks=[])
            axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", color=MUTED)
        drawing = inline_svg(figure, f"{title or y_label} over {x_label}: {', '.join(lines) or 'no data'}")
    told = [entry.name.lower() for entry in legend] == [title.lower()]
    return chart_figure(drawing, title, () if told else legend, note)


def _draw(
    axes: Axes, lines: Mapping[str, Points], drawstyle: str = "default", *, dots: bool = False
) -> list[LegendEntry]:
    """Draw named lines, thinned, the first on top; gives their legend."""
    legend = []
    for number, (name, (x, y)) in enumerate(lines.items()):
        color, dashes = SERIES[number % len(SERIES)], DASHES[number % len(DASHES)]
        keep, width = thin(x, y), 2 if number == 0 else 1.6
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


def score_histogram(
    normal: ArrayLike,
    abnormal: ArrayLike,
    threshold: float,
    label: str,
    *,
    normal_name: str = "normal",
    abnormal_name: str = "abnormal",
    x_label: str = "score",
) -> Markup:
    """Share of each class per bin of its score, and the threshold as a labeled line.

    Each class sums to 100 %, so that a rare one is seen. The axes turn logarithmic where the scores, or
    the shares, span orders of magnitude. Without labels pass all scores as ``normal``, none as
    ``abnormal``, and ``normal_name`` says what they are.

    Args:
        normal: (N,) scores, higher is more suspect; NaN and infinity are left out and counted in the note.
        abnormal: (A,) scores, may be empty.
        threshold: in the scores' unit; not drawn unless finite.
        label: title of the chart.
    """
    groups: list[_Group] = []
    dropped = 0
    for name, values, color in ((normal_name, normal, NORMAL), (abnormal_name, abnormal, ABNORMAL)):
        scores = np.asarray(values, dtype=np.float64).ravel()
        finite = scores[np.isfinite(scores)]
        dropped += len(scores) - len(finite)
        if len(finite):
            groups.append((name, finite, color))
    note = f"{dropped:,} scores that are not finite are left out." if dropped else ""
    if not groups:
        return chart_figure(Markup("<p>There are no finite scores to draw.</p>"), label, (), note)
    line = [float(threshold)] if np.isfinite(threshold) else []
    drawing = _draw_histogram(groups, line, label, x_label)
    if not line:
        note = f"{note} The threshold is {format_number(threshold)} and not drawn.".strip()
    legend = [LegendEntry(f"{name} ({len(values):,})", color, filled=True) for name, values, color in groups]
    return chart_figure(drawing, label, legend, note)


def _draw_histogram(groups: Sequence[_Group], line: Sequence[float], label: str, x_label: str) -> Markup:
    description = f"Histogram of {label}, {x_label}: {' and '.join(name for name, _, _ in groups)}"
    with chart_axes() as (figure, axes):
        edges = _score_axis(axes, np.concatenate([values for _, values, _ in groups]), line)
        shares = [100 * np.histogram(values, bins=edges)[0] / len(values) for _, values, _ in groups]
        floor = _share_axis(axes, np.concatenate(shares))
        for number, ((_, _, color), share) in enumerate(zip(groups, shares, strict=True)):
            seen = np.where(share > 0, share, np.nan)
            axes.stairs(seen, edges, baseline=floor, fill=True, color=color, alpha=0.3, linewidth=0)
            axes.stairs(seen, edges, baseline=floor, color=color, linewidth=1.4, zorder=3 + number)
        axes.set(xlabel=x_label, ylabel="share per bin", xlim=(edges[0], edges[-1]))
        axes.minorticks_off()
        for value in line:  # a dashed line and, above the plot where no bar can meet it, its label
            text = f"threshold {format_number(value)}"
            axes.axvline(value, color=INK, linewidth=1.4, dashes=(4, 2.5), zorder=6)
            along = axes.transAxes.inverted().transform(axes.transData.transform((value, max(floor, 1))))[0]
            side = "left" if along < 0.3 else "right" if along > 0.7 else "center"
            above = (("data", "axes fraction"), "offset points")
            axes.annotate(text, (value, 1), (0, 5), *above, color=INK, ha=side)
            description += f"; {text}"
        return inline_svg(figure, description)


def _score_axis(axes: Axes, scores: Floats, line: Sequence[float]) -> Floats:
    """The edges of the bins, and an axis that suits the scores: whole numbers, logarithmic or plain.

    Below the smallest scores of a logarithmic axis one bin reaches down to 0.
    """
    from matplotlib.ticker import MaxNLocator

    values = np.concatenate((scores, line))
    low, high = float(values.min()), float(values.max())
    whole = bool(np.array_equal(scores, np.round(scores))) and high - low <= BINS
    positive = values[values > 0]
    if whole:
        edges = np.arange(math.floor(low) - 0.5, math.ceil(high) + 1)
    elif low >= 0 and len(positive) and high > _LOG_SPAN * float(np.quantile(positive, 0.01)):
        bottom = max(float(np.quantile(positive, 0.001, method="lower")), high * _LOG_DEPTH)
        edges = np.geomspace(bottom, high, BINS + 1)
        edges[[0, -1]] = bottom, high  # free of rounding: the largest score is in the last bin
        powers = 10.0 ** np.arange(math.ceil(math.log10(bottom)), math.floor(math.log10(high)) + 1)
        factors = (1, 2, 5) if len(powers) < 3 else (1,)
        marks = [factor * power for power in powers.tolist() for factor in factors if factor * power <= high]
        marks = marks[:: math.ceil(len(marks) / 6) or 1]
        if low < bottom:
            edges, marks = np.concatenate(([0.0], edges)), [0.0, *marks]
        axes.set_xscale("symlog", linthresh=bottom, linscale=0.2)
        axes.set_xticks(marks, [format_number(mark) for mark in marks])
        return edges
    else:
        edges = np.linspace(low, high, BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=whole))
    axes.xaxis.set_major_formatter(lambda mark, _: format_number(mark))
    return edges


def _share_axis(axes: Axes, shares: Floats) -> float:
    """The axis of percentages, logarithmic where they span orders of magnitude; gives where it begins."""
    from matplotlib.ticker import LogLocator

    smallest, largest = float(shares[shares > 0].min()), float(shares.max())
    floor = 0.0
    if smallest < 1 and largest > 10:
        floor = 10.0 ** math.floor(math.log10(0.7 * smallest))
        axes.set(yscale="log", ylim=(floor, 100.0))
        axes.yaxis.set_major_locator(LogLocator(numticks=7))
    else:
        axes.set_ylim(0, largest * 1.05)
    axes.yaxis.set_major_formatter(lambda mark, _: f"{mark:g} %")
    return floor
