"""The pictures of a sweep: history, curves, importances, slices, parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from seqlab.report.svg import INK, MUTED, SERIES, LegendEntry, chart_axes, chart_figure, inline_svg
from seqlab.sweeps.space import Parameter
from seqlab.sweeps.table import short_names, shown
from seqlab.sweeps.trials import FINISHED, PRUNED, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BEST, _OTHER = SERIES[0], SERIES[1]
_MOST_TICKS = 6
_MOST_LETTERS = 12
Place = tuple[float, float]


def _dots(axes: Axes, points: Iterable[Place], color: str, size: float = 6) -> None:
    """Strokes of no length with round ends: a marker would need an id in the SVG."""
    for across, up in points:
        dot = axes.plot([across, across], [up, up], color=color, linewidth=size, zorder=6)[0]
        dot.set_solid_capstyle("round")


def _best_share(trials: Sequence[Trial], goal: str) -> set[int]:
    """Numbers of the best quarter of the finished trials, at least one."""
    done = [trial for trial in trials if trial.outcome == FINISHED and trial.value is not None]
    ordered = sorted(done, key=lambda trial: (trial.value or 0.0) * (1 if goal == "minimize" else -1))
    return {trial.number for trial in ordered[: max(1, len(ordered) // 4)]}


def _whole_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=7, integer=True, min_n_ticks=1)


def _wide(values: Sequence[float]) -> bool:
    """Whether a logarithmic axis shows more: all above 0, and over a factor of 20."""
    return bool(values) and min(values) > 0 and max(values) / min(values) > 20


def history_chart(trials: Sequence[Trial], metric: str, goal: str) -> Markup:
    """Every finished trial, and the best of those up to it."""
    done = [trial for trial in trials if trial.outcome == FINISHED and trial.value is not None]
    best: list[Place] = []
    for trial in done:
        reached = best[-1][1] if best else trial.value
        better = min if goal == "minimize" else max
        best.append((trial.number, better(reached, trial.value)))  # type: ignore[type-var, arg-type]
    with chart_axes() as (figure, axes):
        _dots(axes, [(trial.number, trial.value or 0.0) for trial in done], _OTHER, 5)
        line = axes.plot([x for x, _ in best], [y for _, y in best], color=_BEST, linewidth=2, zorder=5)[0]
        line.set_drawstyle("steps-post")
        axes.set(xlabel="trial", ylabel=metric)
        axes.xaxis.set_major_locator(_whole_ticks())
        if _wide([trial.value or 0.0 for trial in done]):
            _logarithmic(axes, "y")
        drawing = inline_svg(figure, f"{metric} of {len(done)} finished trials and the best so far")
    legend = [LegendEntry("best so far", _BEST), LegendEntry("a trial", _OTHER, filled=True)]
    return chart_figure(drawing, "History", legend)


def curves_chart(trials: Sequence[Trial], metric: str, goal: str) -> Markup:
    """The metric over validations: where pruned trials stopped."""
    best = _best_share(trials, goal)
    with chart_axes() as (figure, axes):
        for trial in trials:
            color = MUTED if trial.outcome == PRUNED else _BEST if trial.number in best else _OTHER
            steps, values = [step for step, _ in trial.curve], [value for _, value in trial.curve]
            axes.plot(steps, values, color=color, linewidth=2 if trial.number in best else 1.2)
            if trial.outcome == PRUNED or len(steps) == 1:
                _dots(axes, trial.curve[-1:], color, 5)
        axes.set(xlabel="validation", ylabel=metric)
        axes.xaxis.set_major_locator(_whole_ticks())
        if _wide([value for trial in trials for _, value in trial.curve]):
            _logarithmic(axes, "y")
        drawing = inline_svg(figure, f"{metric} over validations of {len(trials)} trials")
    legend = [LegendEntry("best quarter", _BEST), LegendEntry("finished", _OTHER)]
    if any(trial.outcome == PRUNED for trial in trials):
        legend.append(LegendEntry("pruned", MUTED))
    return chart_figure(drawing, "While training", legend)


def _logarithmic(axes: Axes, side: str) -> None:
    """A logarithmic axis whose ticks are plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    (axes.set_xscale if side == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="minor", bottom=False, left=False)


def importance_chart(shares: Mapping[str, float]) -> Markup:
    """A bar for each parameter, the longest on top."""
    names, longest = list(shares)[::-1], max(shares.values())
    with chart_axes() as (figure, axes):
        axes.barh(range(len(names)), [shares[name] for name in names], color=_BEST, height=0.6)
        axes.set_yticks(range(len(names)), short_names(names))
        axes.set(xlabel="share of importance", xlim=(0, longest * 1.15))
        axes.grid(visible=False)
        for place, name in enumerate(names):
            axes.text(shares[name] + 0.015 * longest, place, f"{shares[name]:.2f}", va="center", color=INK)
        drawing = inline_svg(figure, "importance of each parameter: " + ", ".join(shares))
    return chart_figure(
        drawing, "Importance", note="What sets the best quarter of trials apart from the rest, by PED-ANOVA."
    )


class Axis:
    """A parameter's values as places on a line.

    Numbers keep their own scale, logarithmic where their range calls for it; choices stand in order.
    """

    def __init__(self, parameter: Parameter, trials: Sequence[Trial]) -> None:
        self.name = parameter.name
        values = [trial.values[self.name] for trial in trials if self.name in trial.values]
        self.texts: list[str] = []
        if parameter.choices or not all(isinstance(value, int | float) for value in values):
            self.texts = list(dict.fromkeys(map(shown, parameter.choices or sorted(values, key=str))))
        numbers = [float(value) for value in values] if not self.texts else []
        self.is_logarithmic = _wide(numbers)
        self.is_whole = all(isinstance(value, int) for value in values)
        self.low, self.high = (min(numbers), max(numbers)) if numbers else (0.0, float(len(self.texts) - 1))

    def place(self, value: Any) -> float:
        return float(self.texts.index(shown(value))) if self.texts else float(value)

    def share(self, value: Any) -> float:
        """The place between 0 and 1."""
        place, low, high = self.place(value), self.low, self.high
        if self.is_logarithmic:
            place, low, high = math.log(place), math.log(low), math.log(high)
        return (place - low) / (high - low) if high > low else 0.5

    def label(self, axes: Axes, side: str) -> None:
        """Set scale and ticks of the x or y axis."""
        if self.texts:
            ticks = axes.set_xticks if side == "x" else axes.set_yticks
            ticks(range(len(self.texts)), [text[:_MOST_LETTERS] for text in self.texts])
            (axes.set_xlim if side == "x" else axes.set_ylim)(-0.5, len(self.texts) - 0.5)
        elif self.is_logarithmic:
            _logarithmic(axes, side)
        elif self.is_whole:
            (axes.xaxis if side == "x" else axes.yaxis).set_major_locator(_whole_ticks())
        else:
            axes.locator_params(axis=side, nbins=_MOST_TICKS)  # type: ignore[arg-type]


def slice_chart(parameter: Parameter, trials: Sequence[Trial], metric: str, goal: str) -> Markup:
    """The metric over one parameter, all others as they came."""
    done = [trial for trial in trials if trial.outcome == FINISHED and trial.value is not None]
    best, axis = _best_share(trials, goal), Axis(parameter, done)
    with chart_axes() as (figure, axes):
        for group, color in ((False, _OTHER), (True, _BEST)):
            chosen = [trial for trial in done if (trial.number in best) is group]
            _dots(
                axes,
                [(axis.place(trial.values[parameter.name]), trial.value or 0.0) for trial in chosen],
                color,
            )
        axis.label(axes, "x")
        if _wide([trial.value or 0.0 for trial in done]):
            _logarithmic(axes, "y")
        axes.set(xlabel=parameter.name, ylabel=metric)
        drawing = inline_svg(figure, f"{metric} over {parameter.name}")
    return chart_figure(drawing, parameter.name)


def pair_chart(first: Parameter, second: Parameter, trials: Sequence[Trial], goal: str) -> Markup:
    """Where the best quarter lies in the plane of the two most important parameters."""
    done = [trial for trial in trials if trial.outcome == FINISHED]
    best = _best_share(trials, goal)
    across, up = Axis(first, done), Axis(second, done)
    with chart_axes() as (figure, axes):
        for group, color in ((False, _OTHER), (True, _BEST)):
            chosen = [trial.values for trial in done if (trial.number in best) is group]
            _dots(axes, [(across.place(v[first.name]), up.place(v[second.name])) for v in chosen], color)
        across.label(axes, "x")
        up.label(axes, "y")
        axes.set(xlabel=first.name, ylabel=second.name)
        drawing = inline_svg(figure, f"trials by {first.name} and {second.name}")
    legend = [LegendEntry("best quarter", _BEST, filled=True), LegendEntry("other", _OTHER, filled=True)]
    return chart_figure(drawing, "The two that matter most", legend)


def parallel_chart(
    parameters: Sequence[Parameter], trials: Sequence[Trial], metric: str, goal: str
) -> Markup:
    """Each trial as a line through its parameters and its metric, lowest value at the bottom of each."""
    done = [trial for trial in trials if trial.outcome == FINISHED and trial.value is not None]
    best, lines = _best_share(trials, goal), [Axis(parameter, done) for parameter in parameters]
    figures = [trial.value or 0.0 for trial in done]
    low, high = min(figures), max(figures)
    names = [*short_names([axis.name for axis in lines]), metric]
    ends = [
        *(
            (axis.texts[0], axis.texts[-1]) if axis.texts else (shown(axis.low), shown(axis.high))
            for axis in lines
        ),
        (shown(low), shown(high)),
    ]
    with chart_axes() as (figure, axes):
        for trial in sorted(done, key=lambda each: each.number in best):
            places = [axis.share(trial.values[axis.name]) for axis in lines]
            places.append(((trial.value or 0.0) - low) / (high - low) if high > low else 0.5)
            is_best = trial.number in best
            axes.plot(places, color=_BEST if is_best else MUTED, linewidth=2 if is_best else 0.8)
        for place, (bottom, top) in enumerate(ends):
            axes.plot([place, place], [0, 1], color=INK, linewidth=1, zorder=1)
            axes.text(place, -0.03, bottom[:_MOST_LETTERS], ha="center", va="top", color=MUTED, fontsize=10)
            axes.text(place, 1.03, top[:_MOST_LETTERS], ha="center", va="bottom", color=MUTED, fontsize=10)
        axes.set_xticks(range(len(names)), [name[:_MOST_LETTERS] for name in names])
        axes.tick_params(axis="x", pad=18, labelsize=10)
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.set(ylim=(-0.02, 1.08))
        drawing = inline_svg(figure, "parallel coordinates of " + ", ".join(names))
    legend = [LegendEntry("best quarter", _BEST), LegendEntry("other", MUTED)]
    return chart_figure(drawing, "All at once", legend)
