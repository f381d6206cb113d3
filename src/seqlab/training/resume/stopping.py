"""SIGTERM, Ctrl-C and SLURM's warning: save at the next step, leave within seconds."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)
GRACE_SECONDS = 5.0  # for the step under way; then the run leaves with the last checkpoint it has


class RunInterruptedError(Exception):
    """A signal ended the run.

    Args:
        number: the signal's.
        step: optimizer steps that are saved; None where nothing was saved now.
    """

    def __init__(self, number: int, step: int | None = None) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.step = step

    @property
    def exit_code(self) -> int:
        """What a shell reports of a process that a signal ended."""
        return 128 + self.number


@dataclass
class StopRequest:
    """Whether a signal asks the run to end, and whether a training step will come to see it."""

    number: int | None = None
    is_training: bool = False
    signals: tuple[int, ...] = field(default=())

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        is_second = self.number is not None
        if self.number is None:
            self.number = number
        if is_second or not self.is_training:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise RunInterruptedError(self.number)
        signal.signal(signal.SIGALRM, self._out_of_patience)
        signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)

    def _out_of_patience(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            raise RunInterruptedError(self.number)

    def install(self) -> None:
        """Take the signals over; Lightning registers handlers of its own when training begins."""
        if threading.current_thread() is threading.main_thread():
            for number in self.signals:
                signal.signal(number, self)


REQUEST = StopRequest()


def watched_signals() -> tuple[int, ...]:
    """SIGINT, SIGTERM and, in a SLURM job, SIGUSR1: what ``#SBATCH --signal=SIGUSR1@90`` sends."""
    return (
        signal.SIGINT,
        signal.SIGTERM,
        *((signal.SIGUSR1,) if "SLURM_JOB_ID" in os.environ else ()),
    )


@contextmanager
def interruptible() -> Iterator[StopRequest]:
    """Within it a signal ends the run with RunInterruptedError; the handlers before are put back.

    Raises:
        RunInterruptedError: a signal came, and the run has ended for its sake.
    """
    if threading.current_thread() is not threading.main_thread():
        yield REQUEST
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in watched_signals()}
    REQUEST.number, REQUEST.is_training, REQUEST.signals = None, False, watched_signals()
    REQUEST.install()
    try:
        yield REQUEST
    except RunInterruptedError:
        raise
    except Exception as error:
        if REQUEST.number is None:
            raise
        # what is under way, such as an import, may turn the interruption into an error of its own
        raise RunInterruptedError(REQUEST.number) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        REQUEST.number, REQUEST.is_training = None, False


def requeue() -> None:
    """Ask SLURM to queue this job again, as Lightning does: the same script runs once more."""
    job = os.environ["SLURM_JOB_ID"]
    if "SLURM_ARRAY_JOB_ID" in os.environ:
        job = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    if not re.fullmatch(r"[0-9_]+", job):
        log.warning("SLURM_JOB_ID=%s is no job number: not requeued", job)
        return
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, timeout=30)
        log.warning("SLURM job %s is queued again", job)
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("SLURM job %s could not be queued again: %s", job, error)
