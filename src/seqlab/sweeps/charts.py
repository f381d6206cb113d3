"""What a sweep's page draws of the trials of one kind, in the style of a run's report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from seqlab.report.charts import line_chart
from seqlab.report.svg import SERIES, LegendEntry, chart_axes, chart_figure, inline_svg
from seqlab.sweeps.space import Parameter, plain
from seqlab.sweeps.trials import FINISHED, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_CURVES = 4  # those that went furthest down or up
_LONGEST_LABEL = 12


def trial_charts(
    trials: Sequence[Trial], best: Trial, parameters: Sequence[Parameter], metric: str, goal: str
) -> list[Markup]:
    """The figure of each finished trial, while the best were training, and over each parameter.

    Args:
        trials: whose figures mean the same.
        best: one of them.
    """
    done = [trial for trial in trials if trial.outcome == FINISHED and trial.value is not None]
    sign = 1 if goal == "minimize" else -1
    shown = sorted(done, key=lambda trial: (sign * (trial.value or 0.0), trial.number))[:_MOST_CURVES]
    curves = {
        f"trial {trial.number}": tuple(zip(*trial.curve, strict=True)) for trial in shown if trial.curve
    }
    found = [_scatter("Trials", "trial", metric, done, best, [trial.number for trial in done], is_log=False)]
    if curves:
        title = "While training: the best" if len(done) > len(curves) else "While training"
        found.append(line_chart(curves, "validation", metric, title=title))  # type: ignore[arg-type]
    for each in parameters:
        values = [plain(trial.values[each.name]) for trial in done]
        if len(set(values)) > 1:
            is_log = each.kind == "log_uniform_values"
            texts = [*map(str, values)] if each.choices else values  # listed values stand at equal distances
            found.append(_scatter(each.name, each.name, metric, done, best, texts, is_log=is_log))
    return found


def _scatter(
    title: str,
    label: str,
    metric: str,
    trials: Sequence[Trial],
    best: Trial,
    values: Sequence[Any],
    *,
    is_log: bool,
) -> Markup:
    """A dot for each trial, the best in a color of its own; words stand at equal distances."""
    are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    words = [] if are_numbers else sorted({str(value) for value in values}, key=_natural)
    places = list(values) if are_numbers else [words.index(str(value)) for value in values]
    with chart_axes() as (figure, axes):
        axes.set(xlabel=label, ylabel=metric)
        if is_log:
            axes.set_xscale("log")
        for color, own in ((SERIES[0], False), (SERIES[1], True)):
            points = [
                (x, each.value) for x, each in zip(places, trials, strict=True) if (each is best) == own
            ]
            _dots(axes, points, color)
        if words:
            axes.set(xticks=range(len(words)), xlim=(-0.5, len(words) - 0.5))
            axes.set_xticklabels([_short(word) for word in words])
        else:
            _number_ticks(axes, places, is_log=is_log)
        axes.margins(x=0.06, y=0.12)
        axes.ticklabel_format(axis="y", useOffset=False)
        drawing = inline_svg(figure, f"{metric} over {label}")
    legend = [LegendEntry(f"trial {best.number}, the best", SERIES[1], filled=True)]
    return chart_figure(drawing, title, legend)


def _dots(axes: Axes, points: Sequence[tuple[float, float | None]], color: str) -> None:
    """Strokes of no length with round ends: a marker would need an id in the SVG."""
    across, up = (
        np.column_stack((each, each, np.full(len(points), np.nan))).ravel()
        for each in np.array(points, dtype=float).reshape(-1, 2).T
    )
    drawn = axes.plot(across, up, color=color, linewidth=7, zorder=5 if color == SERIES[0] else 6)[0]
    drawn.set_solid_capstyle("round")


def _number_ticks(axes: Axes, values: Sequence[float], *, is_log: bool) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    if not is_log:
        whole = all(float(value).is_integer() for value in values)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=whole, min_n_ticks=1))
        return
    low, high = min(values), max(values)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if high / low > 1e3 else (1, 2, 5)
    ticks = [factor * 10.0**power for power in powers for factor in factors]
    inside = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
    axes.xaxis.set_major_locator(FixedLocator(inside if len(inside) > 1 else [low, high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:.2g}"))


def _natural(word: str) -> tuple[bool, float, str]:
    """Sort key: numbers by their value, then words."""
    try:
        return False, float(word), word
    except ValueError:
        return True, 0.0, word


def _short(word: str) -> str:
    return word if len(word) <= _LONGEST_LABEL else f"{word[: _LONGEST_LABEL - 1]}…"
