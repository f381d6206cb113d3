"""From a forecasting run to the contents of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from seqlab.evaluation.forecast import MODEL_ROW, ForecastOutcome
from seqlab.evaluation.forecast_figures import BASELINE_ROWS, interval_name
from seqlab.report.charts import line_chart
from seqlab.report.page import Section
from seqlab.report.run_page import write_run_page
from seqlab.report.svg import INK, SERIES, LegendEntry, chart_axes, chart_figure, chart_grid, inline_svg
from seqlab.report.tables import metrics_table

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from seqlab.data.stock import StockPrices
    from seqlab.tasks.base import SequenceTask
    from seqlab.training.history import History
    from seqlab.training.run_folder import RunFolder

LAST_DAYS = 60  # of the closer picture


def write_report(
    folder: RunFolder,
    config: DictConfig,
    task: SequenceTask,
    datamodule: StockPrices,
    outcome: ForecastOutcome,
    metrics: dict[str, float],
    history: History,
) -> None:
    """Write report.html of a forecasting run."""
    sections = [forecast_section(outcome)]
    if outcome.windows.truth.shape[1] > 1:
        sections.append(step_section(outcome))
    if outcome.folds:
        sections.append(fold_section(outcome))
    write_run_page(
        folder,
        config,
        outcome.result_table(),
        metrics,
        history,
        sections,
        facts=datamodule.facts(),
        emphasis=MODEL_ROW,
        loss_label="loss (on the network's scale)",
    )


def forecast_section(outcome: ForecastOutcome) -> Section:
    """Forecast against truth: the whole test part, and its last days from nearer by."""
    whole = forecast_chart(outcome, 0, "The test part")
    near = forecast_chart(outcome, max(len(outcome.windows) - LAST_DAYS, 0), f"Its last {LAST_DAYS} days")
    note = f"One day ahead, {outcome.target} in its own unit. Skill is {outcome.skill_note()}."
    if outcome.flattered is not None:
        note += f" {outcome.flattery()[0].upper()}{outcome.flattery()[1:]}."
    charts = [whole] if len(outcome.windows) <= LAST_DAYS else [whole, near]
    return Section("Forecast", chart_grid(charts), note)


def forecast_chart(outcome: ForecastOutcome, first: int, title: str) -> Markup:
    """Truth, forecast and interval of the first step ahead, from a window on."""
    days = np.arange(first, len(outcome.windows))
    truth = outcome.windows.truth[first:, 0]
    with chart_axes() as (figure, axes):
        legend = []
        if len(outcome.quantiles) > 1:
            low, high = outcome.prices[first:, 0, 0], outcome.prices[first:, 0, -1]
            axes.fill(*_band(days, low, high), color=SERIES[1], alpha=0.25, linewidth=0)
            legend.append(
                LegendEntry(f"{interval_name(outcome.quantiles)} % interval", SERIES[1], filled=True)
            )
        axes.plot(days, truth, color=INK, linewidth=1.6)
        axes.plot(days, outcome.forecast[first:, 0], color=SERIES[0], linewidth=1.4, dashes=(5, 2.5))
        legend += [LegendEntry("truth", INK), LegendEntry("forecast", SERIES[0], (5, 2.5))]
        if outcome.flattered is not None:
            middle = outcome.quantiles.index(0.5) if outcome.quantiles else 0
            axes.plot(
                days, outcome.flattered[first:, 0, middle], color=SERIES[2], linewidth=1.2, dashes=(1.5, 2)
            )
            legend.append(LegendEntry("forecast, test scaled by itself", SERIES[2], (1.5, 2)))
        axes.set(ylabel=outcome.target, xlabel="" if outcome.days else "day of the test part")
        axes.margins(x=0.02, y=0.06)
        if outcome.days is not None:
            places = np.unique(np.linspace(first, len(outcome.windows) - 1, 4).astype(int))
            axes.set_xticks(places, [outcome.days[place][0] for place in places])
        drawing = inline_svg(figure, f"{title}: truth and forecast")
    return chart_figure(drawing, title, legend)


def _band(
    days: NDArray[np.int64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The outline of the area between two lines."""
    return np.concatenate((days, days[::-1])), np.concatenate((low, high[::-1]))


def step_section(outcome: ForecastOutcome) -> Section:
    """Mean absolute error of each step ahead, of the model and its baselines."""
    truth = outcome.windows.truth
    steps = np.arange(1, truth.shape[1] + 1)
    lines = {MODEL_ROW: outcome.forecast} | {
        BASELINE_ROWS[name]: forecast for name, forecast in outcome.baselines.items()
    }
    series = {name: (steps, np.abs(forecast - truth).mean(axis=0)) for name, forecast in lines.items()}
    return Section(
        "Error by horizon", chart_grid([line_chart(series, "days ahead", "MAE", title="MAE by days ahead")])
    )


def fold_section(outcome: ForecastOutcome) -> Section:
    """What each fold of the walk-forward evaluation gave."""
    names = ["mae", "last_value_mae", "skill", "train_days"]
    rows = [(f"from {fold.begins}", [fold.figures.get(name) for name in names]) for fold in outcome.folds]
    columns = ("MAE", "MAE of the last value", "skill", "training days")
    note = "For each fold a new network learned from all days before it, by the same recipe."
    return Section("Walk-forward", metrics_table(columns, rows, row_title="fold"), note)
