"""A sweep from its command line to its report."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from seqlab.errors import UserError
from seqlab.sweeps.launch import Fresh, Launcher, Warm, can_fork
from seqlab.sweeps.objective import Checked, check_objective, command
from seqlab.sweeps.sweep_file import Sweep, read_sweep
from seqlab.sweeps.table import LiveTable, best_trial, counts, write_csv
from seqlab.sweeps.trials import Plan, Trial

REPORT, COPY = "sweep-report.html", "sweep.yaml"


def run_sweep(arguments: argparse.Namespace) -> int:
    """Run ``seqlab sweep``.

    Returns:
        0, or 1 where no trial has finished.

    Raises:
        UserError: a sweep file, an option or a storage that cannot be used.
        KeyboardInterrupt: after Ctrl-C, when what ran is stopped and the report of what there is is written.
    """
    started = time.perf_counter()
    for name in ("trials", "jobs", "seeds"):
        number = getattr(arguments, name)
        if number is not None and number < 1:
            raise UserError(f"--{name} {number}: give a whole number, at least 1")
    sweep = _without_account(read_sweep(arguments.file), arguments.keep_logger)
    fixed = _fixed(sweep, arguments)
    with contextlib.ExitStack() as stack:
        launcher = _launcher(arguments)
        stack.callback(launcher.close)
        return _checked_sweep(sweep, fixed, launcher, arguments, started)


def _launcher(arguments: argparse.Namespace) -> Launcher:
    """What trials start from: on Linux, a process that begins to import torch while the rest is checked."""
    if arguments.engine == "ray" or arguments.start == "fresh" or not can_fork():
        return Fresh()
    return Warm(threads_of_each(arguments.jobs))


def _checked_sweep(
    sweep: Sweep, fixed: list[str], launcher: Launcher, arguments: argparse.Namespace, started: float
) -> int:
    checked = check_objective(sweep, fixed)
    folder = _folder(arguments)
    plan = _plan(sweep, fixed, checked, arguments)
    if arguments.engine == "ray":
        from seqlab.sweeps.ray_engine import run_on_ray

        wanted, threads = sweep.trials(arguments.trials), threads_of_each(arguments.jobs)
        gpus = int(bool(visible_gpus())) if checked.gpus == "auto" else int(checked.gpus)
        trials, interrupted = run_on_ray(sweep, plan, folder, wanted, threads, gpus, arguments), False
    else:
        trials, interrupted = _run_here(sweep, plan, folder, checked, launcher, arguments)
    _finish(sweep, plan, fixed, trials, folder, checked, time.perf_counter() - started)
    if interrupted:
        words = [word for word in sys.argv[1:] if not word.startswith(("--output", "--resume"))]
        again = words if arguments.output is None else sys.argv[1:]
        where = [] if again is not words else ["--output", str(folder)]
        print(f"to go on: {shlex.join(['seqlab', *again, *where])}")
        raise KeyboardInterrupt
    return 0 if best_trial(trials, sweep.goal) is not None else 1


def _without_account(sweep: Sweep, keep_logger: bool) -> Sweep:
    """Leave ``logger: wandb`` out: the sweep file says it for W&B's agents."""
    if keep_logger or sweep.constants.get("logger") != "wandb":
        return sweep
    parameters = tuple(each for each in sweep.parameters if each.name != "logger")
    return dataclasses.replace(sweep, parameters=parameters)


def _fixed(sweep: Sweep, arguments: argparse.Namespace) -> list[str]:
    names = {each.name for each in sweep.parameters}
    for override in arguments.set:
        if not re.match(r"[+~]*[^=]+=", override):
            raise UserError(f"--set {override}: write KEY=VALUE")
        key = override.lstrip("+~").split("=", 1)[0]
        if key in names:
            raise UserError(f"--set {override}: {key} is a parameter of the sweep")
    if arguments.seeds > 1 and ("seed" in names or any(each.startswith("seed=") for each in arguments.set)):
        raise UserError(
            f"--seeds {arguments.seeds}: the sweep sets seed itself; take it out, or leave --seeds out"
        )
    return list(arguments.set)


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


def _plan(sweep: Sweep, fixed: Sequence[str], checked: Checked, arguments: argparse.Namespace) -> Plan:
    full = arguments.full

    def trial_overrides(folder: Path, ask: bool) -> list[str]:
        where = str(folder).replace("\\", "\\\\").replace("'", "\\'")
        here = "seqlab.sweeps.reporting"
        report = f"{{_target_:{here}.Report,folder:'{where}',metric:{sweep.metric},ask:{str(ask).lower()}}}"
        return [
            f"hydra.run.dir='{where}'",
            f"+callbacks.extra.sweep={report}",
            *([] if full else ["test=false"]),
        ]

    return Plan(
        program=sweep.program,
        metric=sweep.metric,
        seeds=[checked.seed + place for place in range(arguments.seeds)],
        several_seeds=arguments.seeds > 1,
        prunes=sweep.early is not None,
        overrides_of=lambda values: [*fixed, *sweep.overrides(values)],
        trial_overrides=trial_overrides,
    )


def _run_here(
    sweep: Sweep,
    plan: Plan,
    folder: Path,
    checked: Checked,
    launcher: Launcher,
    arguments: argparse.Namespace,
) -> tuple[list[Trial], bool]:
    from seqlab.sweeps import study as studies
    from seqlab.sweeps.optuna_engine import Engine, Slot

    environments = slots(arguments.jobs, checked.gpus)
    storage = arguments.storage or f"sqlite:///{(folder / 'study.db').absolute()}"
    settings = {
        "metric": f"{sweep.goal} {sweep.metric}",
        "method": sweep.method,
        "parameters": {each.name: {"distribution": each.kind, **each.settings} for each in sweep.parameters},
        "overrides": sorted(arguments.set),
        "seeds": arguments.seeds,
    }
    name = arguments.study or sweep.name
    study = studies.open_study(sweep, storage, name, settings, arguments.seed)
    revived, before = studies.revive(study), studies.counted(study)
    wanted = sweep.trials(arguments.trials)
    if before or revived:
        again = f", {revived} interrupted to run again" if revived else ""
        print(f"{before} trials are there already{again}")
    if isinstance(launcher, Warm) and before < wanted:
        corners = [[*each, *plan.trial_overrides(folder, False)] for each in checked.corners]
        launcher.prepare(sweep.program.parent / "conf", corners)
    names = [each.name for each in sweep.searched]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what a cluster says before it ends a job
    try:
        threading.Thread(target=_import_for_report, daemon=True).start()
        with LiveTable(names, sweep.metric, sweep.goal, wanted) as table:
            places = [Slot(environment) for environment in environments]
            Engine(sweep, study, plan, launcher, places, folder, wanted, table).run()
    except KeyboardInterrupt:
        return studies.records(study), True
    return studies.records(study), False


def _import_for_report() -> None:
    """While the trials train, the sweep has nothing to do: what its end needs is imported then."""
    for name in ("matplotlib.figure", "matplotlib.backends.backend_svg", "optuna.importance"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def threads_of_each(jobs: int) -> int:
    """The share of threads of each job: OMP_NUM_THREADS where it is set, else an even part of the cores."""
    return int(os.environ.get("OMP_NUM_THREADS") or max(1, len(os.sched_getaffinity(0)) // jobs))


def slots(jobs: int, gpus: int | str) -> list[dict[str, str]]:
    """The environment of each job: its share of threads, and its own GPUs where trials use any.

    Args:
        gpus: ``trainer.gpus`` of the trials.

    Raises:
        UserError: fewer GPUs than the jobs want.
    """
    threads = str(threads_of_each(jobs))
    seen = [] if gpus == 0 else visible_gpus()
    each = 1 if gpus == "auto" else int(gpus)
    if gpus == 0 or (gpus == "auto" and not seen):
        return [{"OMP_NUM_THREADS": threads} for _ in range(jobs)]
    if jobs * each > len(seen):
        raise UserError(
            f"--jobs {jobs} with trainer.gpus={gpus}: {jobs * each} GPUs are wanted, {len(seen)} are seen; "
            f"give --jobs {max(1, len(seen) // each)}, or trainer.gpus=0"
        )
    return [
        {
            "OMP_NUM_THREADS": threads,
            "CUDA_VISIBLE_DEVICES": ",".join(seen[place * each : (place + 1) * each]),
        }
        for place in range(jobs)
    ]


def visible_gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES may name: what it names already, else every GPU that nvidia-smi lists."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [part.strip() for part in named.split(",") if part.strip() not in ("", "-1")]
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [
        str(place) for place, line in enumerate(filter(None, listed.splitlines())) if line.startswith("GPU ")
    ]


def _finish(
    sweep: Sweep,
    plan: Plan,
    fixed: Sequence[str],
    trials: Sequence[Trial],
    folder: Path,
    checked: Checked,
    seconds: float,
) -> None:
    """trials.csv, sweep-report.html, and what a user reads last."""
    from seqlab.sweeps.importance import importances
    from seqlab.sweeps.report import write_report

    names = [each.name for each in sweep.searched]
    write_csv(folder / "trials.csv", names, sweep.metric, trials)
    best = best_trial(trials, sweep.goal)
    line = command(sweep, best.values, fixed) if best is not None else ""
    shares = importances(trials, sweep)
    facts = [
        ("this call", f"{seconds:.1f} s"),
        ("training, all trials", f"{sum(trial.fit_seconds for trial in trials):.1f} s"),
        ("trials, before fit", f"{sum(trial.start_seconds for trial in trials):.1f} s"),
        ("trials, in all", f"{sum(trial.seconds for trial in trials):.1f} s"),
    ]
    write_report(folder / REPORT, sweep, trials, shares, line, checked.names, facts)
    print(f"\n{counts(trials)}")
    if best is not None:
        spread = f", mean of {len(best.seed_values)} seeds" if plan.several_seeds else ""
        print(f"best: trial {best.number}, {sweep.metric} {best.value:.4f}{spread}")
        if shares:
            print("importance: " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))
        print(f"its test figures and report: {line}")
    print(f"report: {folder / REPORT}")
