"""How the scores of normal and abnormal items lie around a threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from seqlab.report.svg import ABNORMAL, INK, NORMAL, LegendEntry, chart_axes, chart_figure, inline_svg
from seqlab.report.tables import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 40
_LOG_SPAN = 10.0  # scores that span more than this factor get a logarithmic axis
_LOG_DEPTH = 1e-6  # of the largest score: what lies below shares one bin at the left
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Floats = NDArray[np.float64]
_Group = tuple[str, Floats, str]  # name, scores, color


@dataclass(frozen=True)
class _Scale:
    """Bins and ticks in drawn units. On a logarithmic axis a bin of its own takes what is too small."""

    edges: Floats
    ticks: list[tuple[float, str]]
    logarithmic: bool = False
    lowest: float = -math.inf
    low_place: float = 0.0

    def place(self, values: Floats) -> Floats:
        """Scores to drawn units; never outside the bins."""
        if not self.logarithmic:
            return np.clip(values, self.edges[0], self.edges[-1])
        low = values < self.lowest
        logs = np.log10(np.where(low, 1.0, values))
        return np.where(low, self.low_place, np.clip(logs, math.log10(self.lowest), self.edges[-1]))


def _tick_text(value: float) -> str:
    if 1e-3 <= value < 1e5:
        return f"{value:,g}"
    power = math.floor(math.log10(value) + 1e-9)
    factor = round(value / 10.0**power)
    return f"{'' if factor == 1 else f'{factor}·'}10{str(power).translate(_SUPERSCRIPTS)}"


def _round_up(value: float) -> float:
    """The next number of one significant digit, so that an axis can name it."""
    power = math.floor(math.log10(value))
    return float(f"{math.ceil(value / 10.0**power - 1e-9)}e{power}")


def _logarithmic(values: Floats, positive: Floats) -> _Scale:
    top = float(values.max())
    bottom = float(max(np.quantile(positive, 0.001, method="lower"), top * _LOG_DEPTH))
    bottom = _round_up(min(bottom, top / _LOG_SPAN))
    first, last = math.log10(bottom), math.log10(top)
    edges = np.linspace(first, last, BINS + 1)
    step = edges[1] - edges[0]
    powers = range(math.floor(first), math.ceil(last) + 1)
    factors = (1, 2, 5) if last - first < 2.5 else (1,)
    marks = [factor * 10.0**power for power in powers for factor in factors]
    marks = [mark for mark in marks if first - 1e-9 <= math.log10(mark) <= last + 1e-9]
    marks = marks[:: math.ceil(len(marks) / 7)]
    ticks = [(math.log10(mark), _tick_text(mark)) for mark in marks]
    below = values[values < bottom]
    low_place = first - 2 * step
    if len(below):
        edges = np.concatenate(([low_place - step, low_place + step], edges))
        clear = [tick for tick in ticks if tick[0] > low_place + 5 * step]
        ticks = [(low_place, "0" if not below.any() else f"<{_tick_text(bottom)}"), *clear]
    return _Scale(edges, ticks, True, bottom, low_place)


def _scale(scores: Floats, threshold: Floats) -> _Scale:
    """The axis that suits finite scores and holds the threshold: whole numbers, logarithmic or plain."""
    from matplotlib.ticker import MaxNLocator

    values = np.concatenate((scores, threshold))
    low, high = float(values.min()), float(values.max())
    whole = bool(np.array_equal(scores, np.round(scores)))
    if whole and high - low <= BINS:
        edges = np.arange(math.floor(low) - 0.5, math.ceil(high) + 1)
    else:
        positive = values[values > 0]
        if low >= 0 and len(positive) and high > _LOG_SPAN * float(np.quantile(positive, 0.01)):
            return _logarithmic(values, positive)
        edges = np.linspace(low, high, BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    marks = MaxNLocator(nbins=6, integer=whole).tick_values(edges[0], edges[-1])
    ticks = [(float(mark), f"{mark:,g}".replace("-", "−")) for mark in marks if edges[0] <= mark <= edges[-1]]
    return _Scale(edges, ticks)


def _shares(values: Floats, scale: _Scale) -> Floats:
    """Percent of the values in each bin."""
    counts, _ = np.histogram(scale.place(values), bins=scale.edges)
    return 100.0 * counts / max(len(values), 1)


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
    scale = _scale(np.concatenate([values for _, values, _ in groups]), np.asarray(line))
    drawing = _draw(groups, scale, line, label, x_label)
    if not line:
        note = f"{note} The threshold is {format_number(threshold)} and not drawn.".strip()
    legend = [LegendEntry(f"{name} ({len(values):,})", color, filled=True) for name, values, color in groups]
    return chart_figure(drawing, label, legend, note)


def _draw(groups: Sequence[_Group], scale: _Scale, line: Sequence[float], label: str, x_label: str) -> Markup:
    shares = [_shares(values, scale) for _, values, _ in groups]
    smallest = min(float(share[share > 0].min()) for share in shares)
    largest = max(float(share.max()) for share in shares)
    log_shares = smallest < 1 and largest > 10
    floor = 10.0 ** math.floor(math.log10(0.7 * smallest)) if log_shares else 0.0
    with chart_axes() as (figure, axes):
        for number, ((_, _, color), share) in enumerate(zip(groups, shares, strict=True)):
            seen = np.where(share > 0, share, np.nan)
            axes.stairs(seen, scale.edges, baseline=floor, fill=True, color=color, alpha=0.3, linewidth=0)
            axes.stairs(seen, scale.edges, baseline=floor, color=color, linewidth=1.4, zorder=3 + number)
        axes.set(xlabel=x_label, ylabel="share per bin", xlim=(scale.edges[0], scale.edges[-1]))
        axes.set_xticks([place for place, _ in scale.ticks], [text for _, text in scale.ticks])
        if log_shares:
            axes.set(yscale="log", ylim=(floor, 100.0))
            powers = range(round(math.log10(floor)), 3)
            marks = [10.0**power for power in powers][:: math.ceil(len(powers) / 6)]
        else:
            axes.set_ylim(0, largest * 1.05)
            marks = [mark for mark in axes.get_yticks() if 0 <= mark <= largest * 1.05]
        axes.set_yticks(marks, [f"{mark:g} %" for mark in marks])
        axes.minorticks_off()
        names = " and ".join(name for name, _, _ in groups)
        description = f"Histogram of {label}, {x_label}: {names}"
        for value in line:
            description += f"; {_draw_threshold(axes, scale, value)}"
        return inline_svg(figure, description)


def _draw_threshold(axes: Axes, scale: _Scale, threshold: float) -> str:
    """A dashed line and, above the plot where no bar can meet it, its label; gives the label."""
    place = float(scale.place(np.asarray([threshold]))[0])
    text = f"threshold {format_number(threshold)}"
    axes.axvline(place, color=INK, linewidth=1.4, dashes=(4, 2.5), zorder=6)
    along = (place - scale.edges[0]) / (scale.edges[-1] - scale.edges[0])
    side = "left" if along < 0.3 else "right" if along > 0.7 else "center"
    axes.annotate(text, (place, 1), (0, 5), ("data", "axes fraction"), "offset points", color=INK, ha=side)
    return text
