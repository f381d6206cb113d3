"""sweep-report.html: the best of each model, what mattered, every trial; one page without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from seqlab.privacy import told
from seqlab.report.page import Section, render_page, write_page
from seqlab.report.svg import chart_grid
from seqlab.report.tables import config_block, key_value_table, paragraph, short_names, text_table
from seqlab.sweeps.charts import trial_charts
from seqlab.sweeps.space import plain
from seqlab.sweeps.sweep_file import Sweep
from seqlab.sweeps.table import best_trials, cells, counts, kind_of, shown
from seqlab.sweeps.trials import FINISHED, Trial

if TYPE_CHECKING:
    import optuna

FEWEST = 10  # finished trials, for importances


def write_report(
    path: Path,
    sweep: Sweep,
    trials: Sequence[Trial],
    commands: Mapping[str, str],
    facts: Sequence[tuple[str, str]],
) -> dict[str, dict[str, float]]:
    """Write the page.

    Args:
        commands: the best trial of each kind as a command line.

    Returns:
        By kind the importance of each parameter; empty where it is not known.
    """
    best, shares = best_trials(trials, sweep.goal), {}
    sections = []
    names = [each.name for each in sweep.searched]
    for kind, trial in best.items():
        own = [each for each in trials if kind_of(each) == kind]
        shares[kind] = importances(study_of(sweep, own))
        sections += [
            _best(sweep, kind, trial, commands[kind]),
            _search(sweep, kind, trial, own, shares[kind]),
        ]
    if not best:
        sections.append(Section("Best", paragraph("No trial has finished.")))
    columns = ["trial", "outcome", sweep.metric, *short_names(names).values(), "seconds", "error"]
    rows = [[*cells(trial, names), trial.error] for trial in sorted(trials, key=kind_of)]
    sections.append(Section("Trials", text_table(columns, rows) if rows else paragraph("None.")))
    table = key_value_table([("program", sweep.program.name), ("method", sweep.method), *facts])
    file = config_block(told(sweep.path.read_text(encoding="utf-8")), title="The sweep file")
    sections.append(Section("What was run", Markup("\n").join([table, file])))
    notes = [apart(sweep, list(best))] if len(best) > 1 else []
    named = sweep.name if "sweep" in sweep.name.lower() else f"Sweep {sweep.name}"
    subtitle = f"{sweep.method} search by {sweep.metric}, the test data unseen; {counts(trials)}"
    page = render_page(f"{named[0].upper()}{named[1:]}", subtitle, notes, sections)
    write_page(path, page)
    return shares


def apart(sweep: Sweep, kinds: Sequence[str]) -> str:
    """Why the trials of several models are not ranked against each other."""
    return (
        f"{' and '.join(kinds)} may count {sweep.metric} over different things, so they are not ranked "
        "against each other: train the best of each, and compare their test figures with seqlab compare."
    )


def _best(sweep: Sweep, kind: str, best: Trial, command: str) -> Section:
    rows = [("trial", str(best.number)), (sweep.metric, f"{best.value:.6g}")]
    if len(best.seed_values) > 1:
        rows.append(("its seeds", ", ".join(f"{value:.6g}" for value in best.seed_values)))
    rows += [*((name, shown(value)) for name, value in best.values.items()), ("command", told(command))]
    note = "The command trains it again and measures it on the test set."
    return Section(f"Best of {kind}" if kind else "Best", key_value_table(rows), note)


def _search(
    sweep: Sweep, kind: str, best: Trial, trials: Sequence[Trial], shares: Mapping[str, float]
) -> Section:
    done = sum(trial.outcome == FINISHED for trial in trials)
    pictures = chart_grid(trial_charts(trials, best, sweep.searched, sweep.metric, sweep.goal))
    note = f"What mattered is not known from {done} finished trials: it takes {FEWEST} or more."
    if shares:
        rows = [(name, f"{share:.0%}") for name, share in shares.items()]
        pictures += key_value_table(rows, caption="What mattered")
        note = (
            f"What mattered: what sets the best quarter of {done} finished trials apart, by PED-ANOVA; "
            "a guess, as other trials could give other shares."
        )
    return Section(f"Search of {kind}" if kind else "Search", pictures, note)


def study_of(sweep: Sweep, trials: Sequence[Trial]) -> optuna.Study:
    """The finished trials and the parameters that differ as a study in memory, whichever engine ran them."""
    import optuna
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study = optuna.create_study(direction=sweep.goal)  # type: ignore[arg-type]
    done = [trial for trial in trials if trial.outcome == FINISHED]
    told_apart = [each for each in sweep.searched if len({plain(one.values[each.name]) for one in done}) > 1]
    known = sweep.distributions()
    for trial in done:
        study.add_trial(
            optuna.create_trial(
                state=TrialState.COMPLETE,
                value=trial.value,
                params={each.name: plain(trial.values[each.name]) for each in told_apart},
                distributions={each.name: known[each.name] for each in told_apart},
            )
        )
    return study


def importances(study: optuna.Study) -> dict[str, float]:
    """Share of each parameter in what sets the best quarter of the trials apart, by PED-ANOVA.

    Empty where too few trials have finished to tell. Watanabe et al., 2023.
    """
    from optuna.importance import get_param_importances

    finished = [trial.value for trial in study.trials if trial.state.name == "COMPLETE"]
    if len(finished) < FEWEST or len(set(finished)) < 2:
        return {}
    try:
        return get_param_importances(study, evaluator=_evaluator())
    except (ValueError, RuntimeError):  # they do not differ enough
        return {}


def _evaluator() -> Any:
    from optuna.importance import PedAnovaImportanceEvaluator

    return PedAnovaImportanceEvaluator(target_quantile=0.25)
