"""Starting a trial's process: forked from a warm one where the system can, else a fresh interpreter."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from seqlab.errors import UserError

_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Job:
    """One call of a program.

    Args:
        name: tells jobs of one launcher apart.
        overrides: the command line behind the program.
        environment: variables beside those of the sweep; OMP_NUM_THREADS among them.
        log: takes what it prints.
    """

    name: str
    program: Path
    overrides: Sequence[str]
    environment: Mapping[str, str]
    log: Path


class Launcher(Protocol):
    """Starts jobs and knows how they ended."""

    def start(self, job: Job) -> None: ...

    def exit_code(self, name: str) -> int | None:
        """None while it runs; minus a signal's number where one ended it."""

    def kill(self, name: str) -> None:
        """End a job now, with all that it started."""

    def close(self) -> None:
        """End all jobs."""


class Fresh:
    """A new interpreter for every job."""

    def __init__(self) -> None:
        self._jobs: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, job: Job) -> None:
        with job.log.open("ab") as log:
            self._jobs[job.name] = subprocess.Popen(
                [sys.executable, str(job.program), *job.overrides],
                env=os.environ | dict(job.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def exit_code(self, name: str) -> int | None:
        return self._jobs[name].poll()

    def kill(self, name: str) -> None:
        process = self._jobs[name]
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def close(self) -> None:
        for name in self._jobs:
            self.kill(name)


class Warm:
    """Jobs forked from a process that has imported torch already: no job waits for imports.

    The process starts to import at once; what else a sweep has to do first goes on beside it.

    Args:
        threads: of each job.
    """

    def __init__(self, threads: int) -> None:
        self._codes: dict[str, int | None] = {}
        self._pids: dict[str, int] = {}
        self._environment = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": "1"}
        self._first_order: dict[str, Any] = {}
        self._server = self._open()

    def _open(self) -> subprocess.Popen[bytes]:
        self._rest = b""
        return subprocess.Popen(
            [sys.executable, "-m", "seqlab.sweeps.warm"],
            env=os.environ | self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the sweep's alone
        )

    def prepare(self, conf: Path, overrides: Sequence[Sequence[str]]) -> None:
        """Import what the jobs' configs name, and wait until all is imported.

        Args:
            conf: the config folder of the program.
            overrides: of one job for each kind of config.

        Raises:
            UserError: the process ends before it is ready.
        """
        self._first_order = {"conf": str(conf), "overrides": [list(each) for each in overrides]}
        self._send(self._first_order)
        if not self._news(wait=True):
            raise UserError(
                "the process that trials start from has ended before it was ready; see its error above"
            )

    def start(self, job: Job) -> None:
        if self._server.poll() is not None:  # killed, for want of memory perhaps
            self._server = self._open()
            self.prepare(Path(self._first_order["conf"]), self._first_order["overrides"])
        self._codes[job.name] = None
        self._send(
            {
                "name": job.name,
                "program": str(job.program),
                "overrides": list(job.overrides),
                "environment": dict(job.environment),
                "log": str(job.log),
            }
        )

    def exit_code(self, name: str) -> int | None:
        self._read_news()
        if self._codes[name] is None and self._server.poll() is not None:
            self._read_news()
            if self._codes[name] is None:
                self._codes[name] = -int(signal.SIGKILL)  # it went down with the process it came from
        return self._codes[name]

    def kill(self, name: str) -> None:
        deadline = time.monotonic() + _GRACE_SECONDS
        while name not in self._pids and self.exit_code(name) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.exit_code(name) is None:
            with contextlib.suppress(ProcessLookupError, KeyError):
                os.killpg(self._pids[name], signal.SIGKILL)
        while self.exit_code(name) is None and time.monotonic() < deadline:
            time.sleep(0.01)

    def close(self) -> None:
        assert self._server.stdin is not None
        if not self._first_order:  # it still imports, and has no jobs
            self._server.kill()
        with contextlib.suppress(BrokenPipeError):
            self._server.stdin.close()
        try:
            self._server.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()

    def _send(self, order: dict[str, Any]) -> None:
        assert self._server.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # told by exit_code
            self._server.stdin.write(json.dumps(order).encode() + b"\n")
            self._server.stdin.flush()

    def _news(self, wait: bool = False) -> list[dict[str, Any]]:
        assert self._server.stdout is not None
        out = self._server.stdout.fileno()
        os.set_blocking(out, wait)
        while True:
            try:
                got = os.read(out, 65536)
            except BlockingIOError:
                return []
            *lines, self._rest = (self._rest + got).split(b"\n")
            if lines or not got or not wait:
                return [json.loads(line) for line in lines]

    def _read_news(self) -> None:
        for news in self._news():
            if "started" in news:
                self._pids[news["started"]] = news["pid"]
            elif "ended" in news:
                self._codes[news["ended"]] = news["code"]


def can_fork() -> bool:
    return hasattr(os, "fork") and sys.platform != "darwin"  # macOS frameworks do not outlive a fork
