"""sweep-report.html: the best configuration, what mattered, every trial; one page without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from seqlab.report.page import Section, render_page, write_page
from seqlab.report.svg import chart_grid
from seqlab.report.tables import config_block, key_value_table, paragraph, text_table
from seqlab.sweeps import pictures
from seqlab.sweeps.space import Parameter
from seqlab.sweeps.sweep_file import Sweep
from seqlab.sweeps.table import best_trial, counts, short_names, shown
from seqlab.sweeps.trials import FINISHED, Trial

_MOST_AXES = 5  # a phone shows no more side by side


def write_report(
    path: Path,
    sweep: Sweep,
    trials: Sequence[Trial],
    shares: Mapping[str, float],
    command: str,
    reached: Sequence[str],
    facts: Sequence[tuple[str, str]] = (),
) -> None:
    """Write the page.

    Args:
        shares: importance of each parameter; empty where it is not known.
        command: the best trial as a command line.
        reached: models and data of the search space.
        facts: more to know of how the sweep ran.
    """
    done = [trial for trial in trials if trial.outcome == FINISHED]
    sections = [_best(sweep, trials, command)]
    if done:
        sections += [_overview(sweep, trials, shares), _parameters(sweep, trials, shares)]
    sections += [_trials(sweep, trials), _run(sweep, facts)]
    notices = ["Every figure here is of the validation data: no trial has looked at the test set."]
    if len(reached) > 1:
        notices.append(
            f"This space reaches {', '.join(reached)}. Where two models count {sweep.metric} over different "
            "things, comparing them says little: run the best of each for its test figures."
        )
    title, subtitle = f"Sweep {sweep.name}", f"{sweep.method} search; {counts(trials)}"
    write_page(path, render_page(title, subtitle, notices, sections))


def _best(sweep: Sweep, trials: Sequence[Trial], command: str) -> Section:
    best = best_trial(trials, sweep.goal)
    if best is None:
        return Section("Best", paragraph("No trial has finished."))
    rows = [("trial", str(best.number)), (sweep.metric, f"{best.value:.6g}")]
    if len(best.seed_values) > 1:
        rows.append(("its seeds", ", ".join(f"{value:.6g}" for value in best.seed_values)))
    rows += [(name, shown(value)) for name, value in best.values.items()]
    rows.append(("command", command))
    return Section(
        "Best", key_value_table(rows), "The command trains it again and measures it on the test set."
    )


def _overview(sweep: Sweep, trials: Sequence[Trial], shares: Mapping[str, float]) -> Section:
    charts = [
        pictures.history_chart(trials, sweep.metric, sweep.goal),
        pictures.curves_chart(trials, sweep.metric, sweep.goal),
    ]
    if shares:
        charts.append(pictures.importance_chart(shares))
        note = ""
    else:
        note = "Importances need four finished trials that differ."
    ordered = _ordered(sweep, shares)
    charts.append(pictures.parallel_chart(ordered[:_MOST_AXES], trials, sweep.metric, sweep.goal))
    return Section("Search", chart_grid(charts), note)


def _ordered(sweep: Sweep, shares: Mapping[str, float]) -> list[Parameter]:
    return sorted(sweep.searched, key=lambda each: -shares.get(each.name, 0.0))


def _parameters(sweep: Sweep, trials: Sequence[Trial], shares: Mapping[str, float]) -> Section:
    ordered = _ordered(sweep, shares)
    charts = [pictures.slice_chart(each, trials, sweep.metric, sweep.goal) for each in ordered]
    if len(ordered) > 1:
        charts.append(pictures.pair_chart(ordered[0], ordered[1], trials, sweep.goal))
    return Section(
        "Parameters", chart_grid(charts), "The best quarter of the finished trials in the first color."
    )


def _trials(sweep: Sweep, trials: Sequence[Trial]) -> Section:
    names = [each.name for each in sweep.searched]
    rows = [
        [
            str(trial.number),
            trial.outcome + (f": {trial.error}" if trial.error else ""),
            "–" if trial.value is None else f"{trial.value:.4f}",
            *(shown(trial.values.get(name, "–")) for name in names),
            f"{trial.seconds:.1f}",
        ]
        for trial in trials
    ]
    columns = ["trial", "outcome", sweep.metric, *short_names(names), "seconds"]
    return Section("Trials", text_table(columns, rows) if rows else paragraph("None."))


def _run(sweep: Sweep, facts: Sequence[tuple[str, str]]) -> Section:
    body = Markup("\n").join(
        part
        for part in (
            key_value_table([("program", sweep.program.name), ("method", sweep.method), *facts]),
            config_block(sweep.path.read_text(encoding="utf-8"), title="The sweep file"),
        )
    )
    return Section("What was run", body)
