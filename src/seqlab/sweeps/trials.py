"""One trial: its processes, one per seed, what they report, and how they end.

A process is forked from a server that has imported torch already, or started anew on macOS.
"""

from __future__ import annotations

import atexit
import json
import math
import multiprocessing
import os
import re
import runpy
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import fmean
from typing import Any

from seqlab.sweeps.sweep_file import Sweep

REPORTS, LOG = "reports.jsonl", "output.log"
RUNNING, FINISHED, PRUNED, INTERRUPTED = "running", "finished", "pruned", "interrupted"
CRASHED, NOT_FINITE, OUT_OF_MEMORY, KILLED = "crashed", "not finite", "out of memory", "killed"
_MEMORY = re.compile(
    r"out of memory|not enough (?:GPU )?memory|OutOfMemoryError|MemoryError|can't allocate memory",
    re.IGNORECASE,
)
_NOT_FINITE = re.compile(r"non-?finite|not finite|must be finite|\bnan\b", re.IGNORECASE)
_LOOK_SECONDS = 0.02
_TAIL_BYTES = 20_000


@dataclass
class Trial:
    """What is known of a trial, for the table, trials.csv and the report."""

    number: int
    values: dict[str, Any]
    outcome: str = RUNNING
    value: float | None = None  # the mean over seeds
    seed_values: list[float] = field(default_factory=list)
    curve: list[tuple[int, float]] = field(default_factory=list)  # (validation, value) of the first seed
    seconds: float = 0.0
    error: str = ""
    folder: str = ""

    @property
    def counts(self) -> bool:
        """Whether it counts as a trial that was run: it has ended, and not because the sweep did."""
        return self.outcome not in (RUNNING, INTERRUPTED)


@dataclass(frozen=True)
class Plan:
    """What all trials of a sweep have in common."""

    sweep: Sweep
    fixed: Sequence[str]  # overrides of every trial
    seeds: Sequence[int]
    full: bool  # with test figures and a report

    def overrides(self, values: Mapping[str, Any], seed: int, folder: Path) -> list[str]:
        """The command line of a trial's run."""
        where = str(folder.absolute()).replace("\\", "\\\\").replace("'", "\\'")
        report = f"{{_target_:seqlab.sweeps.reporting.Report,folder:'{where}',metric:{self.sweep.metric}}}"
        return [
            *self.fixed,
            *self.sweep.overrides(values),
            *([f"seed={seed}"] if len(self.seeds) > 1 else []),
            f"hydra.run.dir='{where}'",
            f"+callbacks.extra.sweep={report}",
            *([] if self.full else ["test=false"]),
        ]


def run_trial(
    trial: Trial,
    plan: Plan,
    folder: Path,
    context: Any,
    environment: Mapping[str, str],
    report: Callable[[int, float], bool],
    is_over: Callable[[], bool],
) -> None:
    """Train one seed after the other, each in its own process; the trial then holds how it ended.

    Args:
        context: of ``trial_context``.
        environment: variables of these processes.
        report: takes (validation, value) of the first seed and says whether to prune the trial.
        is_over: says whether the sweep has been interrupted.
    """
    trial.folder = str(folder)
    for seed in plan.seeds:
        trial.outcome = RUNNING
        run = folder / f"seed-{seed}"
        shutil.rmtree(run, ignore_errors=True)  # of a machine that died in the middle of it
        run.mkdir(parents=True)
        (run / REPORTS).touch()
        began = time.monotonic()  # a clock that nobody sets
        overrides = plan.overrides(trial.values, seed, run)
        running = start_program(context, plan.sweep.program, overrides, environment, run / LOG)
        try:
            judge = report if seed == plan.seeds[0] else None
            trial.outcome = _watch(trial, running, run / REPORTS, judge, is_over)
        finally:
            end_program(running)
            trial.seconds += time.monotonic() - began
        if trial.outcome == RUNNING:
            trial.outcome, trial.error = _ending(trial, plan.sweep.metric, run, running.exitcode or 0)
        if trial.outcome != FINISHED:
            return
    trial.value = fmean(trial.seed_values)


def _watch(
    trial: Trial,
    running: Any,
    path: Path,
    report: Callable[[int, float], bool] | None,
    is_over: Callable[[], bool],
) -> str:
    """Read reports until the process has ended; the outcome of a trial that was ended from here."""
    with path.open(encoding="utf-8") as lines:
        while True:
            has_ended = running.exitcode is not None  # before the last look at its reports
            while line := lines.readline():
                said = json.loads(line)
                if report is not None and math.isfinite(said["value"]):
                    trial.curve.append((said["step"], said["value"]))
                    if report(said["step"], said["value"]):
                        trial.value = said["value"]
                        return PRUNED
            if has_ended:
                return RUNNING
            if is_over():
                trial.error = "the sweep was interrupted"
                return INTERRUPTED
            running.join(_LOOK_SECONDS)


def _ending(trial: Trial, metric: str, run: Path, code: int) -> tuple[str, str]:
    """How the process of a seed ended, and what it said."""
    path = run / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8")) if code == 0 and path.exists() else {}
    value = metrics.get(metric, math.nan)
    if code == 0 and math.isfinite(value):
        trial.seed_values.append(value)
        return FINISHED, ""
    if code == 0:
        return NOT_FINITE, f"metrics.json holds no finite {metric}"
    if code < 0:
        why = "; Linux does so when memory runs out" if code == -signal.SIGKILL else ""
        return KILLED, f"{signal.Signals(-code).name}: ended from outside{why}"
    error = last_error(run / LOG)
    return classify(error), error or f"exit code {code}"


def classify(error: str) -> str:
    """A word for what the last line of an error tells."""
    if _MEMORY.search(error):
        return OUT_OF_MEMORY
    return NOT_FINITE if _NOT_FINITE.search(error) else CRASHED


def last_error(log: Path) -> str:
    """The line that says what went wrong: an ``error:``, else the last line of a traceback, else the last."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    said = [line for line in lines if re.match(r"(error: |[\w.]*(Error|Exception|Interrupt)\b)", line)]
    return (said or lines or [""])[-1]


_STEPS = ("build", "callbacks", "checkpoints", "resume", "run_folder", "tracking", "trainer")
PRELOAD = (  # what train.py imports whatever it trains
    *("torch", "torch.utils.data", "torch._dynamo", "pytorch_lightning", "pandas", "rich.table"),
    *("seqlab.sweeps.reporting", *(f"seqlab.training.{step}" for step in _STEPS)),
)


def trial_context(threads: int, modules: Sequence[str]) -> Any:
    """The multiprocessing context of trials with ``threads`` each; it imports ``modules`` once for all."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads would not survive a fork
    if sys.platform == "darwin":  # whose frameworks do not survive a fork
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOAD, *modules])
    return context


def start_program(
    context: Any, program: Path, overrides: Sequence[str], environment: Mapping[str, str], log: Path
) -> BaseProcess:
    """``python PROGRAM OVERRIDES`` in a process group of its own, what it prints in ``log``."""
    process = context.Process(target=_become, args=(program, list(overrides), dict(environment), log))
    process.start()
    return process


def end_program(process: BaseProcess) -> None:
    """End a process now, with all that it started."""
    assert process.pid is not None
    if process.exitcode is None:
        with suppress(OSError):  # it has no group yet
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    process.join()


def _become(program: Path, overrides: list[str], environment: dict[str, str], log: Path) -> None:
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(out, 1)
    os.dup2(out, 2)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    os.environ.update(environment)
    threading.Thread(target=_end_with_sweep, daemon=True).start()
    sys.argv = [str(program), *overrides]
    sys.path.insert(0, str(program.parent))
    try:
        runpy.run_path(str(program), run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # a forked process ends without them


def _end_with_sweep() -> None:
    """Of a sweep that was killed no trial stays."""
    sweep = multiprocessing.parent_process()
    assert sweep is not None
    sweep.join()
    os.killpg(0, signal.SIGKILL)
