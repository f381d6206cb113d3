"""One trial: its processes, one per seed, what they report, and how they end."""

from __future__ import annotations

import json
import math
import re
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from seqlab.sweeps.launch import Job, Launcher

REPORTS, ANSWERS, LOG = "reports.jsonl", "answers.txt", "output.log"
FINISHED, PRUNED, INTERRUPTED = "finished", "pruned", "interrupted"
CRASHED, NOT_FINITE, OUT_OF_MEMORY, KILLED = "crashed", "not finite", "out of memory", "killed"
_MEMORY = re.compile(
    r"out of memory|not enough (?:GPU )?memory|OutOfMemoryError|MemoryError|can't allocate memory"
    r"|Cannot allocate memory"
)
_NOT_FINITE = re.compile(r"non-?finite|not finite|must be finite|\bnan\b", re.IGNORECASE)
_TAIL_BYTES = 20_000


@dataclass
class Trial:
    """What is known of a trial, for the table, trials.csv and the report.

    ``value`` is the mean over seeds; ``curve`` holds (validation, value) of the first seed.
    """

    number: int
    values: dict[str, Any]
    outcome: str = "running"
    value: float | None = None
    seed_values: list[float] = field(default_factory=list)
    curve: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0
    start_seconds: float = 0.0  # from the start of its processes to the start of fit
    fit_seconds: float = 0.0
    error: str = ""
    folder: str = ""

    @property
    def counts(self) -> bool:
        """Whether it counts as a trial that was run: it has ended, and not because the sweep did."""
        return self.outcome not in ("running", INTERRUPTED)


@dataclass(frozen=True)
class Plan:
    """What all trials of a sweep have in common.

    Args:
        overrides_of: values of the searched parameters to overrides.
        trial_overrides: (run folder, ask) to the overrides that make a run a trial.
    """

    program: Path
    metric: str
    seeds: Sequence[int]
    several_seeds: bool
    prunes: bool
    overrides_of: Callable[[Mapping[str, Any]], list[str]]
    trial_overrides: Callable[[Path, bool], list[str]]


class Running:
    """A trial under way: call ``poll`` until it says that it has ended.

    Args:
        judge: takes (validation, value) of the first seed and says whether to prune; None never prunes.
    """

    def __init__(
        self,
        trial: Trial,
        plan: Plan,
        folder: Path,
        launcher: Launcher,
        environment: Mapping[str, str],
        judge: Callable[[int, float], bool] | None,
    ) -> None:
        self.trial, self._plan, self._launcher, self._judge = trial, plan, launcher, judge
        self._folder, self._environment = folder, environment
        self._place = 0
        self._pruned = False
        self._began = time.time()
        trial.folder = str(folder)
        self._start()

    def poll(self) -> bool:
        """Read reports, answer them, go on to the next seed; True when the trial has ended."""
        self._read_reports()
        code = self._launcher.exit_code(self._job.name)
        if code is None:
            return False
        self._read_reports()
        self.trial.seconds += time.time() - self._seed_began
        self._fill_times()
        outcome, error = self._ending(code)
        if outcome == FINISHED and self._place + 1 < len(self._plan.seeds):
            self._place += 1
            self._start()
            return False
        self.trial.outcome, self.trial.error = outcome, error
        if outcome == FINISHED:
            self.trial.value = fmean(self.trial.seed_values)
        elif outcome == PRUNED:
            self.trial.value = self.trial.curve[-1][1]
        return True

    def interrupt(self) -> None:
        """End it from outside: it counts as never run."""
        self._launcher.kill(self._job.name)
        self.trial.outcome, self.trial.error = INTERRUPTED, "the sweep was interrupted"

    @property
    def _run_folder(self) -> Path:
        return self._folder / f"seed-{self._plan.seeds[self._place]}"

    def _start(self) -> None:
        folder, seed = self._run_folder, self._plan.seeds[self._place]
        shutil.rmtree(folder, ignore_errors=True)  # of a machine that died in the middle of it
        folder.mkdir(parents=True)
        ask = self._judge is not None and self._place == 0
        overrides = [
            *self._plan.overrides_of(self.trial.values),
            *([f"seed={seed}"] if self._plan.several_seeds else []),
            *self._plan.trial_overrides(folder.absolute(), ask),
        ]
        self._read = 0
        self._seed_began = time.time()
        self._times: dict[str, float] = {}
        self._latest, self._out_of_memory = 0.0, kills_for_memory()
        self._job = Job(
            name=f"{self.trial.number}-{seed}",
            program=self._plan.program,
            overrides=overrides,
            environment=self._environment,
            log=folder / LOG,
        )
        self._launcher.start(self._job)

    def _read_reports(self) -> None:
        path = self._run_folder / REPORTS
        if not path.exists():
            return
        with path.open("rb") as reports:
            reports.seek(self._read)
            text = reports.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            report = json.loads(line)
            if report["event"] != "validation":
                self._times[report["event"]] = report["time"]
                continue
            self._latest = report["value"]
            if self._place == 0:
                self._take(report["step"], report["value"])

    def _take(self, step: int, value: float) -> None:
        if not math.isfinite(value):
            return
        self.trial.curve.append((step, value))
        if self._judge is None:
            return
        self._pruned = self._judge(step, value)
        with (self._run_folder / ANSWERS).open("a", encoding="utf-8") as answers:
            answers.write("prune\n" if self._pruned else "go\n")

    def _fill_times(self) -> None:
        started = self._times.get("fit")
        if started is None:
            return
        self.trial.start_seconds += started - self._seed_began
        self.trial.fit_seconds += self._metrics().get(
            "timing/fit_seconds", self._times.get("fitted", started) - started
        )

    def _metrics(self) -> dict[str, float]:
        path = self._run_folder / "metrics.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def _ending(self, code: int) -> tuple[str, str]:
        """How the process of a seed ended, and what it said."""
        value = self._metrics().get(self._plan.metric)
        if code == 0 and self._pruned:
            return PRUNED, ""
        if code == 0 and value is not None and math.isfinite(value):
            self.trial.seed_values.append(value)
            return FINISHED, ""
        error = last_error(self._run_folder / LOG)
        if code == 0:
            return NOT_FINITE, f"metrics.json holds no finite {self._plan.metric}"
        if not math.isfinite(self._latest):
            return NOT_FINITE, error
        if code == -signal.SIGKILL:
            short = kills_for_memory() > self._out_of_memory
            said = "memory ran out" if short else "ended from outside; Linux does so when memory runs out"
            return OUT_OF_MEMORY if short else KILLED, f"SIGKILL: {said}"
        return classify(error), error or f"exit code {code}"


def kills_for_memory() -> int:
    """How often Linux has ended a process of this control group for want of memory; 0 if it does not say."""
    try:
        lines = Path("/sys/fs/cgroup/memory.events").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def classify(error: str) -> str:
    """A word for what the last line of an error tells."""
    if _MEMORY.search(error):
        return OUT_OF_MEMORY
    return NOT_FINITE if _NOT_FINITE.search(error) else CRASHED


def last_error(log: Path) -> str:
    """The line that says what went wrong: an ``error:``, else the last line of a traceback, else the last."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    said = [line for line in lines if re.match(r"(error: |[\w.]*(Error|Exception|Interrupt)\b)", line)]
    return (said or lines or [""])[-1]
