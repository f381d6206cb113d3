"""Pictures of a forecast: its last steps, the whole test part, paths of several steps."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from seqlab.data.time_grid import singular
from seqlab.evaluation.forecasting_figures import interval_name
from seqlab.report.page import Section
from seqlab.report.svg import (
    INK,
    SERIES,
    LegendEntry,
    chart_axes,
    chart_data,
    chart_figure,
    chart_grid,
    inline_svg,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from seqlab.evaluation.forecasting_report import ForecastingOutcome

LAST_STEPS = 90  # of the closer picture; with a season, at least three of these
MOST_STEPS = 4_000  # that a reader may zoom into
PICTURED = 3  # series of a panel
TIME_BEGINS = re.compile(r"(?<=\d)[T ](?=\d)")  # 2025-04-26 07:00


def forecast_section(outcome: ForecastingOutcome) -> Section:
    """Forecast against truth: the last steps, and the whole test part; of a panel, some series."""
    near = max(LAST_STEPS, 3 * (outcome.season or 0))
    charts, said = [], ""
    if len(outcome.names) == 1:
        rows = np.arange(len(outcome.windows.truth))
        if len(rows) > near:
            title = f"The last {near} {outcome.noun}"
            charts.append(forecast_chart(outcome, rows[-near:], title, whole=rows[-MOST_STEPS:]))
        charts.append(forecast_chart(outcome, rows, "The test part"))
        if outcome.windows.truth.shape[1] > 1:
            charts.append(path_chart(outcome, rows[-near:]))
    else:
        ranked = outcome.by_mase() or np.unique(outcome.windows.series).tolist()
        shown = np.unique(np.linspace(len(ranked) - 1, 0, PICTURED).round().astype(int))[::-1].tolist()
        for number in (ranked[place] for place in shown):
            rows = np.flatnonzero(outcome.windows.series == number)[-near:]
            charts.append(forecast_chart(outcome, rows, outcome.names[number]))
        said = f" Shown: {len(shown)} of {len(outcome.names)} series, from the best MASE to the worst."
    if outcome.windows.truth.shape[1] == 1:
        said += f" Paths of several {outcome.noun} take a model of `data.horizon=5` or more."
    note = f"One {singular(outcome.noun)} ahead, {outcome.unit}.{said} Skill is {outcome.skill_note()}."
    return Section("Forecast", chart_grid(charts), note)


def forecast_chart(
    outcome: ForecastingOutcome,
    rows: NDArray[np.int64],
    title: str,
    whole: NDArray[np.int64] | None = None,
) -> Markup:
    """Truth, the first step ahead with its interval, and the last value; of some forecasts of a series.

    Args:
        whole: forecasts that a reader may zoom out to.
    """
    steps = rows if len(outcome.names) == 1 else np.arange(len(rows))
    legend = [
        LegendEntry("truth", INK),
        LegendEntry("forecast", SERIES[0], (5, 2.5)),
        LegendEntry("last value", SERIES[2], (1.5, 2)),
    ]
    last = outcome.windows.last.reshape(-1)
    with chart_axes() as (figure, axes):
        if len(outcome.quantiles) > 1:
            outline = np.concatenate((outcome.values[rows, 0, 0], outcome.values[rows[::-1], 0, -1]))
            axes.fill(np.concatenate((steps, steps[::-1])), outline, color=SERIES[1], alpha=0.25, linewidth=0)
            said = f"{interval_name(outcome.quantiles)} % interval"
            legend.insert(0, LegendEntry(said, SERIES[1], filled=True))
        axes.plot(steps, last[rows], color=SERIES[2], linewidth=1.1, dashes=(1.5, 2))
        axes.plot(steps, outcome.windows.truth[rows, 0], color=INK, linewidth=1.6)
        axes.plot(steps, outcome.forecast[rows, 0], color=SERIES[0], linewidth=1.4, dashes=(5, 2.5))
        target = outcome.targets[int(rows[0]) % len(outcome.targets)]
        axes.set(ylabel=target, xlabel="" if outcome.dates else f"{singular(outcome.noun)} of the test part")
        axes.margins(x=0.02, y=0.06)
        if outcome.dates is not None:
            places = np.unique(np.linspace(0, len(rows) - 1, 4).astype(int))
            dates = [str(outcome.dates[row][0]) for row in rows[places].tolist()]
            axes.set_xticks(steps[places], [TIME_BEGINS.sub("\n", date) for date in dates])  # the time below
        drawing = inline_svg(figure, f"{title}: truth and forecast")
        data = _touched(outcome, axes, rows if whole is None else whole, rows, is_zoomed=whole is not None)
    return chart_figure(drawing, title, legend, data=data)


def _touched(
    outcome: ForecastingOutcome,
    axes: Axes,
    rows: NDArray[np.int64],
    shown: NDArray[np.int64],
    *,
    is_zoomed: bool,
) -> str:
    """What the page's script reads: all ``rows``, of which ``shown`` are drawn."""
    one = len(outcome.names) == 1
    rows = rows[:: math.ceil(len(rows) / MOST_STEPS)]
    steps = rows if one else np.arange(len(rows))
    lines = {
        "truth": (steps, outcome.windows.truth[rows, 0], INK),
        "forecast": (steps, outcome.forecast[rows, 0], SERIES[0]),
        "last value": (steps, outcome.windows.last.reshape(-1)[rows], SERIES[2]),
    }
    values, bands = outcome.values, None
    if len(outcome.quantiles) > 1:
        bands = {"forecast": (values[rows, 0, 0], values[rows, 0, -1])}
    more: dict[str, Any] = {}
    if outcome.dates is not None:
        first = int(steps[0]) if one else 0
        named = range(first, int(steps[-1]) + 1) if one else rows.tolist()
        more = {"names": [str(outcome.dates[row][0]) for row in named], "first": first}
    if is_zoomed:
        more["zoom"] = [int(shown[0]), int(shown[-1])]
    elif one:
        more["overview"] = True
    return chart_data(axes, lines, bands=bands, **more)


def path_chart(outcome: ForecastingOutcome, rows: NDArray[np.int64]) -> Markup:
    """Forecasts of all steps ahead, each from where the one before it ends, over what came."""
    horizon = outcome.windows.truth.shape[1]
    starts = rows[(len(rows) - 1) % horizon :: horizon]
    steps = starts[:, None] + np.append(-1, np.arange(horizon))  # each begins at the last known value
    paths = np.concatenate((outcome.windows.last.reshape(-1, 1)[starts], outcome.forecast[starts]), axis=1)
    came = np.arange(rows[0], rows[-1] + horizon)
    truth = np.append(outcome.windows.truth[rows, 0], outcome.windows.truth[rows[-1], 1:])
    title = f"Paths of {horizon} {outcome.noun}"
    legend = [
        LegendEntry("truth", INK),
        LegendEntry("forecast, from its last known value", SERIES[0], (5, 2.5)),
    ]
    with chart_axes() as (figure, axes):
        axes.plot(came, truth, color=INK, linewidth=1.6)
        for step, path in zip(steps, paths, strict=True):
            axes.plot(step, path, color=SERIES[0], linewidth=1.4, dashes=(5, 2.5))
        axes.set(ylabel=outcome.targets[0], xlabel=f"{singular(outcome.noun)} of the test part")
        axes.margins(x=0.02, y=0.06)
        drawing = inline_svg(figure, f"{title}: truth and forecast")
        lines = {
            "truth": (came, truth, INK),
            "forecast": (steps[:, 1:].ravel(), paths[:, 1:].ravel(), SERIES[0]),
        }
        data = chart_data(axes, lines)
    return chart_figure(drawing, title, legend, data=data)
