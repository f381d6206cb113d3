"""sweep-report.html: the best configuration, what mattered, every trial; one page without scripts."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from seqlab.privacy import told
from seqlab.report.page import Section, render_page, write_page
from seqlab.report.svg import chart_figure, chart_grid
from seqlab.report.tables import config_block, key_value_table, paragraph, short_names, text_table
from seqlab.sweeps.space import plain
from seqlab.sweeps.sweep_file import Sweep
from seqlab.sweeps.table import best_trial, cells, counts, shown
from seqlab.sweeps.trials import FINISHED, PRUNED, Trial

if TYPE_CHECKING:
    import optuna

_FEWEST = 4  # finished trials, for importances
_MOST_AXES = 5  # side by side


def write_report(
    path: Path,
    sweep: Sweep,
    trials: Sequence[Trial],
    command: str,
    reached: Sequence[str],
    facts: Sequence[tuple[str, str]],
) -> dict[str, float]:
    """Write the page.

    Args:
        command: the best trial as a command line.
        reached: models and data of the search space.

    Returns:
        The importance of each parameter; empty where it is not known.
    """
    best, shares = best_trial(trials, sweep.goal), {}
    sections = [_best(sweep, best, command) if best else Section("Best", paragraph("No trial has finished."))]
    if best:
        study = study_of(sweep, trials)
        shares = importances(study)
        note = (
            "Importance is what sets the best quarter of the finished trials apart, by PED-ANOVA."
            if shares
            else "Importances need four finished trials that differ."
        )
        sections.append(Section("Search", chart_grid(charts(study, sweep.metric, shares)), note))
    names = [each.name for each in sweep.searched]
    columns = ["trial", "outcome", sweep.metric, *short_names(names).values(), "seconds", "error"]
    rows = [[*cells(trial, names), trial.error] for trial in trials]
    sections.append(Section("Trials", text_table(columns, rows) if rows else paragraph("None.")))
    table = key_value_table([("program", sweep.program.name), ("method", sweep.method), *facts])
    file = config_block(told(sweep.path.read_text(encoding="utf-8")), title="The sweep file")
    sections.append(Section("What was run", Markup("\n").join([table, file])))
    notices = ["Every figure here is of the validation data: no trial has looked at the test set."]
    if len(reached) > 1:
        notices.append(
            f"This space reaches {', '.join(reached)}. Where two models count {sweep.metric} over different "
            "things, comparing them says little: run the best of each for its test figures."
        )
    title, subtitle = f"Sweep {sweep.name}", f"{sweep.method} search; {counts(trials)}"
    write_page(path, render_page(title, subtitle, notices, sections))
    return shares


def _best(sweep: Sweep, best: Trial, command: str) -> Section:
    rows = [("trial", str(best.number)), (sweep.metric, f"{best.value:.6g}")]
    if len(best.seed_values) > 1:
        rows.append(("its seeds", ", ".join(f"{value:.6g}" for value in best.seed_values)))
    rows += [*((name, shown(value)) for name, value in best.values.items()), ("command", told(command))]
    note = "The command trains it again and measures it on the test set."
    return Section("Best", key_value_table(rows), note)


def study_of(sweep: Sweep, trials: Sequence[Trial]) -> optuna.Study:
    """The finished and pruned trials as a study in memory, whichever engine ran them."""
    import optuna
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study = optuna.create_study(direction=sweep.goal)  # type: ignore[arg-type]
    for trial in trials:
        if trial.outcome in (FINISHED, PRUNED):
            is_finished = trial.outcome == FINISHED
            study.add_trial(
                optuna.create_trial(
                    state=TrialState.COMPLETE if is_finished else TrialState.PRUNED,
                    value=trial.value if is_finished else None,
                    params={each.name: plain(trial.values[each.name]) for each in sweep.searched},
                    distributions=sweep.distributions(),
                    intermediate_values=dict(trial.curve),
                )
            )
    return study


def importances(study: optuna.Study) -> dict[str, float]:
    """Share of each parameter in what sets the best quarter of the trials apart, by PED-ANOVA.

    Empty where too few trials have finished to tell. Watanabe et al., 2023.
    """
    from optuna.importance import get_param_importances

    finished = [trial.value for trial in study.trials if trial.state.name == "COMPLETE"]
    if len(finished) < _FEWEST or len(set(finished)) < 2:
        return {}
    try:
        return get_param_importances(study, evaluator=_evaluator())
    except (ValueError, RuntimeError):  # they do not differ enough
        return {}


def _evaluator() -> Any:
    from optuna.importance import PedAnovaImportanceEvaluator

    return PedAnovaImportanceEvaluator(target_quantile=0.25)


def charts(study: optuna.Study, metric: str, shares: dict[str, float]) -> list[Markup]:
    """History, curves, importances (``shares``, where they are known), each parameter, all at once."""
    import matplotlib

    matplotlib.use("agg")
    from optuna.visualization import matplotlib as plot

    names = sorted(study.best_trial.params, key=lambda name: -shares.get(name, 0.0))
    # Optuna sets a style for all that follows, and matplotlib warns of a parameter with one value.
    with matplotlib.rc_context({"svg.hashsalt": "seqlab"}), warnings.catch_warnings(action="ignore"):
        found = [
            _picture("History", plot.plot_optimization_history(study, target_name=metric)),
            _picture("While training", plot.plot_intermediate_values(study)),
            *(_picture(name, plot.plot_slice(study, params=[name], target_name=metric)) for name in names),
            _picture(
                "All at once",
                plot.plot_parallel_coordinate(study, params=names[:_MOST_AXES], target_name=metric),
            ),
        ]
        if shares:
            bars = plot.plot_param_importances(study, evaluator=_evaluator())
            found.insert(2, _picture("Importance", bars))
    return found


def _picture(title: str, axes: Any) -> Markup:
    import numpy as np
    from matplotlib import pyplot

    figure = np.ravel(axes)[0].figure
    out = io.BytesIO()
    figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
    data = base64.b64encode(out.getvalue()).decode()
    image = Markup('<img style="max-width:100%" alt="{}" src="data:image/svg+xml;base64,{}">')
    return chart_figure(image.format(title, data), title)
