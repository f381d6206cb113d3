"""sweep-report.html: the best configuration, what mattered, every trial; one page without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from seqlab.report.page import Section, render_page, write_page
from seqlab.report.svg import chart_grid
from seqlab.report.tables import config_block, key_value_table, paragraph, text_table
from seqlab.sweeps import charts
from seqlab.sweeps.sweep_file import Sweep
from seqlab.sweeps.table import best_trial, cells, counts, short_names, shown
from seqlab.sweeps.trials import FINISHED, Trial


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
        facts: more to know of how the sweep ran.

    Returns:
        The importance of each parameter; empty where it is not known.
    """
    sections, shares = [_best(sweep, trials, command)], {}
    if any(trial.outcome == FINISHED for trial in trials):
        study = charts.study_of(sweep, trials)
        shares = charts.importances(study)
        note = (
            "Importance is what sets the best quarter of the finished trials apart, by PED-ANOVA."
            if shares
            else "Importances need four finished trials that differ."
        )
        pictures = charts.charts(study, sweep.metric, shares)
        sections.append(Section("Search", chart_grid(pictures), note))
    sections += [_trials(sweep, trials), _run(sweep, facts)]
    notices = ["Every figure here is of the validation data: no trial has looked at the test set."]
    if len(reached) > 1:
        notices.append(
            f"This space reaches {', '.join(reached)}. Where two models count {sweep.metric} over different "
            "things, comparing them says little: run the best of each for its test figures."
        )
    title, subtitle = f"Sweep {sweep.name}", f"{sweep.method} search; {counts(trials)}"
    write_page(path, render_page(title, subtitle, notices, sections))
    return shares


def _best(sweep: Sweep, trials: Sequence[Trial], command: str) -> Section:
    best = best_trial(trials, sweep.goal)
    if best is None:
        return Section("Best", paragraph("No trial has finished."))
    rows = [("trial", str(best.number)), (sweep.metric, f"{best.value:.6g}")]
    if len(best.seed_values) > 1:
        rows.append(("its seeds", ", ".join(f"{value:.6g}" for value in best.seed_values)))
    rows += [(name, shown(value)) for name, value in best.values.items()]
    rows.append(("command", command))
    note = "The command trains it again and measures it on the test set."
    return Section("Best", key_value_table(rows), note)


def _trials(sweep: Sweep, trials: Sequence[Trial]) -> Section:
    names = [each.name for each in sweep.searched]
    rows = [[*cells(trial, names), trial.error] for trial in trials]
    columns = ["trial", "outcome", sweep.metric, *short_names(names), "seconds", "error"]
    return Section("Trials", text_table(columns, rows) if rows else paragraph("None."))


def _run(sweep: Sweep, facts: Sequence[tuple[str, str]]) -> Section:
    table = key_value_table([("program", sweep.program.name), ("method", sweep.method), *facts])
    file = config_block(sweep.path.read_text(encoding="utf-8"), title="The sweep file")
    return Section("What was run", Markup("\n").join([table, file]))
