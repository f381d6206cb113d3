"""A histogram of scores by class, with the threshold of an alert."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from seqlab.report.svg import (
    ABNORMAL,
    INK,
    NORMAL,
    LegendEntry,
    chart_axes,
    chart_data,
    chart_figure,
    inline_svg,
)
from seqlab.report.tables import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
_Group = tuple[str, Floats, str]  # name, scores, color

BINS = 40
_LOG_SPAN = 10.0  # scores that span more than this factor get a logarithmic axis
_LOG_DEPTH = 1e-6  # of the largest score: what lies below shares one bin at the left


def score_histogram(
    normal: ArrayLike,
    abnormal: ArrayLike,
    threshold: float,
    label: str,
    *,
    normal_name: str = "normal",
    abnormal_name: str = "abnormal",
    x_label: str = "score",
    role: str = "",
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
        role: for the page's script: ``scores`` where a reader may move the threshold.
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
    drawing, data = _draw_histogram(groups, line, label, x_label, {"role": role} if role else {})
    if not line:
        note = f"{note} The threshold is {format_number(threshold)} and not drawn.".strip()
    legend = [LegendEntry(f"{name} ({len(values):,})", color, filled=True) for name, values, color in groups]
    return chart_figure(drawing, label, legend, note, data=data)


def _draw_histogram(
    groups: Sequence[_Group], line: Sequence[float], label: str, x_label: str, more: dict[str, Any]
) -> tuple[Markup, str]:
    """The drawing, and what the page's script reads of it."""
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
        drawing = inline_svg(figure, description)
        bars = {  # the last edge ends the last bar
            name: (edges, np.append(share, np.nan), color)
            for (name, _, color), share in zip(groups, shares, strict=True)
        }
        return drawing, chart_data(axes, bars, steps=True, unit=" %", **more)


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
