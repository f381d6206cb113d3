"""A sweep from its command line to its report."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from seqlab.composing import search_override
from seqlab.errors import UserError
from seqlab.privacy import hidden_words
from seqlab.process import COUNT, threads_of
from seqlab.sweeps.sweep_file import Checked, Sweep, check_objective, command, read_sweep
from seqlab.sweeps.table import best_trials, counts, write_csv
from seqlab.sweeps.trials import Plan, Trial, trial_context

REPORT, COPY = "sweep-report.html", "sweep.yaml"


def run_sweep(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Run ``seqlab sweep``.

    Returns:
        0, or 1 where no trial has finished; and what was found, for ``--json``.

    Raises:
        UserError: a sweep file, an option or a storage that cannot be used.
        KeyboardInterrupt: after Ctrl-C, when what ran is stopped and the report of what there is is written.
    """
    started = time.perf_counter()
    for name in ("trials", "jobs", "seeds"):
        number = getattr(arguments, name)
        if number is not None and number < 1:
            raise UserError(f"--{name} {number}: give a whole number, at least 1")
    sweep = read_sweep(arguments.file)
    fixed = _fixed(sweep, arguments)
    checked = check_objective(sweep, fixed)
    seeds = [checked.seed + number for number in range(arguments.seeds)]
    plan = Plan(sweep, fixed, seeds, arguments.full)
    if arguments.engine == "ray":
        from seqlab.sweeps.ray_engine import run_on_ray

        folder, wanted = _folder(arguments), sweep.trials(arguments.trials)
        gpus = int(bool(visible_gpus())) if checked.gpus == "auto" else int(checked.gpus)
        trials = run_on_ray(plan, folder, wanted, threads_of_each(arguments.jobs), gpus, arguments)
        is_done = True
    else:
        environments = slots(arguments.jobs, checked.gpus)
        folder = _folder(arguments)
        trials, is_done = _run_here(plan, folder, checked, environments, arguments)
    found = _finish(plan, trials, folder, time.perf_counter() - started)
    if not is_done:
        words = [*hidden_words(sys.argv[1:]), *([] if arguments.output else ["--output", str(folder)])]
        print(f"to go on: {shlex.join(['seqlab', *words])}")
        raise KeyboardInterrupt
    return 0 if found["best"] else 1, found


def _fixed(sweep: Sweep, arguments: argparse.Namespace) -> list[str]:
    names = {each.name for each in sweep.parameters}
    for override in arguments.set:
        if not re.match(r"[+~]*[^=]+=", override):
            raise UserError(f"--set {override}: write NAME=VALUE")
        key = override.lstrip("+~").split("=", 1)[0]
        if key in names:
            raise UserError(f"--set {override}: {key} is a parameter of the sweep")
    if arguments.seeds > 1 and ("seed" in names or any(each.startswith("seed=") for each in arguments.set)):
        raise UserError(
            f"--seeds {arguments.seeds}: the sweep sets seed itself; take it out, or leave --seeds out"
        )
    folder = arguments.config_dir
    return [*([] if folder is None else [search_override(folder)]), *arguments.set]


def _folder(arguments: argparse.Namespace) -> Path:
    name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    folder = arguments.output or Path("runs") / "sweeps" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output {folder}: cannot be made: {error.strerror}") from None
    if not (folder / COPY).exists() or arguments.file.resolve() != (folder / COPY).resolve():
        shutil.copyfile(arguments.file, folder / COPY)
    return folder


def _run_here(
    plan: Plan,
    folder: Path,
    checked: Checked,
    environments: Sequence[dict[str, str]],
    arguments: argparse.Namespace,
) -> tuple[list[Trial], bool]:
    from seqlab.sweeps.optuna_engine import LocalSweep, open_study, records

    sweep = plan.sweep
    storage = arguments.storage or f"sqlite:///{(folder / 'study.db').absolute()}"
    settings = {
        "metric": f"{sweep.goal} {sweep.metric}",
        "method": sweep.method,
        "parameters": {each.name: {"distribution": each.kind, **each.settings} for each in sweep.parameters},
        "overrides": sorted(hidden_words(plan.fixed)),
        "seeds": arguments.seeds,
    }
    study = open_study(sweep, storage, arguments.study or sweep.name, settings, arguments.seed)
    context = trial_context(threads_of_each(arguments.jobs), checked.modules)
    local = LocalSweep(plan, study, context, environments, folder)
    is_done = local.run(sweep.trials(arguments.trials))
    return records(study), is_done


def threads_of_each(jobs: int) -> int:
    """The share of threads of each job: OMP_NUM_THREADS where it is set, else a part of the cores."""
    return threads_of("auto", jobs) or int(os.environ[COUNT])


def slots(jobs: int, gpus: int | str) -> list[dict[str, str]]:
    """The environment of each job: its own GPUs where ``trainer.gpus`` of the trials asks for any.

    Raises:
        UserError: fewer GPUs than the jobs want.
    """
    seen = [] if gpus == 0 else visible_gpus()
    each = 1 if gpus == "auto" else int(gpus)
    if gpus == 0 or (gpus == "auto" and not seen):
        return [{} for _ in range(jobs)]
    if jobs * each > len(seen):
        raise UserError(
            f"--jobs {jobs} with trainer.gpus={gpus}: {jobs * each} GPUs are wanted, {len(seen)} are seen; "
            f"give --jobs {max(1, len(seen) // each)}, or trainer.gpus=0"
        )
    return [{"CUDA_VISIBLE_DEVICES": ",".join(seen[job * each : (job + 1) * each])} for job in range(jobs)]


def visible_gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES may name: what it names already, else every GPU."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [part.strip() for part in named.split(",") if part.strip() not in ("", "-1")]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def _finish(plan: Plan, trials: Sequence[Trial], folder: Path, seconds: float) -> dict[str, Any]:
    """trials.csv, sweep-report.html, and what a user reads last; gives that as plain values."""
    from seqlab.sweeps.report import apart, write_report

    sweep = plan.sweep
    write_csv(folder / "trials.csv", sweep, trials)
    best = best_trials(trials, sweep.goal)
    lines = {kind: command(sweep, trial.values, hidden_words(plan.fixed)) for kind, trial in best.items()}
    in_all = sum(trial.seconds for trial in trials)
    facts = [("this call", f"{seconds:.1f} s"), ("all trials", f"{in_all:.1f} s")]
    shares = write_report(folder / REPORT, sweep, trials, lines, facts)
    print(f"\n{counts(trials)}")
    for kind, trial in best.items():
        spread = f", mean of {len(trial.seed_values)} seeds" if len(plan.seeds) > 1 else ""
        of_kind = f" of {kind}" if kind else ""
        print(f"best{of_kind}: trial {trial.number}, {sweep.metric} {trial.value:.4f}{spread}")
        if shares[kind]:
            print("importance: " + ", ".join(f"{name} {share:.2f}" for name, share in shares[kind].items()))
        print(f"its test figures and report: {lines[kind]}")
    if len(best) > 1:
        print(apart(sweep, list(best)))
    print(f"report: {folder / REPORT}")
    return {
        "metric": sweep.metric,
        "best": [
            {
                "of": kind,
                "trial": trial.number,
                "value": trial.value,
                "settings": trial.values,
                "importance": shares[kind],
                "command": lines[kind],
            }
            for kind, trial in best.items()
        ],
        "trials": folder / "trials.csv",
        "report": folder / REPORT,
    }
