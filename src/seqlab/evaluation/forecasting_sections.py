"""Pictures of a forecasting run for its report."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from seqlab.evaluation.forecasting_figures import interval_name, mase_by_series
from seqlab.evaluation.forecasting_outcome import MODEL_ROW, ForecastingOutcome
from seqlab.report.charts import line_chart
from seqlab.report.page import Section
from seqlab.report.svg import INK, SERIES, LegendEntry, chart_axes, chart_figure, chart_grid, inline_svg
from seqlab.report.tables import metrics_table

LAST_STEPS = 60  # of the closer picture; with a season, at least three of these
PICTURED = 3  # series of a panel


def forecasting_sections(outcome: ForecastingOutcome) -> list[Section]:
    """What the report shows of a run."""
    sections = [forecast_section(outcome)]
    if len(outcome.names) > 1:
        sections.append(series_section(outcome))
    if outcome.windows.truth.shape[1] > 1:
        sections.append(step_section(outcome))
    if outcome.folds:
        sections.append(fold_section(outcome))
    return sections


def forecast_section(outcome: ForecastingOutcome) -> Section:
    """Forecast against truth: the test part, and its last steps from nearer by; of a panel, some series."""
    near = max(LAST_STEPS, 3 * (outcome.season or 0))
    charts, left_out = [], ""
    if len(outcome.names) == 1:
        rows = np.arange(len(outcome.windows.last))
        charts.append(forecast_chart(outcome, rows, "The test part"))
        if len(rows) > near:
            charts.append(forecast_chart(outcome, rows[-near:], f"Its last {near} {outcome.noun}"))
    else:
        shown = pictured(outcome)
        for number in shown:
            rows = np.flatnonzero(outcome.windows.series == number)[-near:]
            charts.append(forecast_chart(outcome, rows, outcome.names[number]))
        if len(shown) < len(outcome.names):
            left_out = (
                f" Shown: {len(shown)} of {len(outcome.names)} series, from the best MASE to the worst."
            )
    note = f"One {outcome.each} ahead, {outcome.unit}.{left_out} Skill is {outcome.skill_note()}."
    if outcome.flattered is not None:
        note += f" {outcome.flattery()[0].upper()}{outcome.flattery()[1:]}."
    return Section("Forecast", chart_grid(charts), note)


def pictured(outcome: ForecastingOutcome) -> list[int]:
    """The series with the best, the middle and the worst MASE."""
    there = [number for number in np.argsort(outcome.mase).tolist() if np.isfinite(outcome.mase[number])]
    if not there:
        return np.unique(outcome.windows.series)[:PICTURED].tolist()
    places = np.linspace(0, len(there) - 1, min(PICTURED, len(there))).round().astype(int)
    return [there[place] for place in places.tolist()]


def forecast_chart(outcome: ForecastingOutcome, rows: NDArray[np.int64], title: str) -> Markup:
    """Truth, forecast and interval of the first step ahead, of some forecasts of one series."""
    steps = rows if len(outcome.names) == 1 else np.arange(len(rows))
    truth = outcome.windows.truth[rows, 0]
    with chart_axes() as (figure, axes):
        legend = []
        if len(outcome.quantiles) > 1:
            low, high = outcome.values[rows, 0, 0], outcome.values[rows, 0, -1]
            axes.fill(*_band(steps, low, high), color=SERIES[1], alpha=0.25, linewidth=0)
            legend.append(
                LegendEntry(f"{interval_name(outcome.quantiles)} % interval", SERIES[1], filled=True)
            )
        axes.plot(steps, truth, color=INK, linewidth=1.6)
        axes.plot(steps, outcome.forecast[rows, 0], color=SERIES[0], linewidth=1.4, dashes=(5, 2.5))
        legend += [LegendEntry("truth", INK), LegendEntry("forecast", SERIES[0], (5, 2.5))]
        if outcome.flattered is not None:
            middle = outcome.quantiles.index(0.5) if outcome.quantiles else 0
            axes.plot(
                steps, outcome.flattered[rows, 0, middle], color=SERIES[2], linewidth=1.2, dashes=(1.5, 2)
            )
            legend.append(LegendEntry("forecast, test scaled by itself", SERIES[2], (1.5, 2)))
        target = outcome.targets[int(rows[0]) % len(outcome.targets)]
        axes.set(ylabel=target, xlabel="" if outcome.dates else f"{outcome.each} of the test part")
        axes.margins(x=0.02, y=0.06)
        if outcome.dates is not None:
            places = np.unique(np.linspace(0, len(rows) - 1, 4).astype(int))
            dates = [str(outcome.dates[row][0]) for row in rows[places].tolist()]
            axes.set_xticks(steps[places], [date.replace("T", "\n") for date in dates])  # the time below
        drawing = inline_svg(figure, f"{title}: truth and forecast")
    return chart_figure(drawing, title, legend)


def _band(
    steps: NDArray[np.int64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The outline of the area between two lines."""
    return np.concatenate((steps, steps[::-1])), np.concatenate((low, high[::-1]))


def series_section(outcome: ForecastingOutcome) -> Section:
    """The series with the largest MASE, beside the naive forecasts of the same series."""
    windows = outcome.windows
    columns = {"MASE": outcome.mase} | {
        f"MASE of the {baseline.label}": mase_by_series(
            baseline.values, windows.truth, windows.series, outcome.scales
        )
        for baseline in outcome.baselines.values()
    }
    columns["MAE"] = outcome.mase * outcome.scales
    rows = [
        (outcome.names[number], [float(values[number]) for values in columns.values()])
        for number in outcome.worst()
    ]
    note = (
        f"Those of {len(outcome.names)} series whose forecasts are the worst, measured by the naive "
        "forecast's error on their training part. MAE is in each series' own unit."
    )
    return Section("Worst series", metrics_table(tuple(columns), rows, row_title="series"), note)


def step_section(outcome: ForecastingOutcome) -> Section:
    """Error of each step ahead, of the model and its baselines: MAE, of several series MASE."""
    figure = "mae" if len(outcome.names) == 1 else "mase"
    steps = np.arange(1, outcome.windows.truth.shape[1] + 1)
    lines = {MODEL_ROW: "test"} | {each.label: f"baseline/{name}" for name, each in outcome.baselines.items()}
    series = {
        label: (steps, [outcome.metrics.get(f"{prefix}/step_{step}/{figure}", np.nan) for step in steps])
        for label, prefix in lines.items()
    }
    ahead, name = f"{outcome.noun} ahead", figure.upper()
    return Section(
        "Error by horizon", chart_grid([line_chart(series, ahead, name, title=f"{name} by {ahead}")])
    )


def fold_section(outcome: ForecastingOutcome) -> Section:
    """What each fold of the walk-forward evaluation gave."""
    names = ["mae", "last_value_mae", "mase", "skill", f"train_{outcome.noun.replace(' ', '_')}"]
    rows = [(f"from {fold.begins}", [fold.figures.get(name) for name in names]) for fold in outcome.folds]
    columns = ("MAE", "MAE of the last value", "MASE", "skill", f"training {outcome.noun}")
    note = f"For each fold a new network learned from all {outcome.noun} before it, by the same recipe."
    return Section("Walk-forward", metrics_table(columns, rows, row_title="fold"), note)
