"""SIGTERM, Ctrl-C and SLURM's warning: save at the next step, leave within seconds."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
    signals: tuple[int, ...] = ()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        is_second = self.number is not None
        self.number = self.number or number
        if is_second or not self.is_training:
            self._leave()
        signal.signal(signal.SIGALRM, self._leave)
        signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)

    def _leave(self, *_: Any) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self.number is not None:
            raise RunInterruptedError(self.number)

    def install(self) -> None:
        """Take the signals over; Lightning registers handlers of its own when training begins."""
        if threading.current_thread() is threading.main_thread():
            for number in self.signals:
                signal.signal(number, self)


REQUEST = StopRequest()


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it SIGINT, SIGTERM and, in a SLURM job, SIGUSR1 (``#SBATCH --signal=SIGUSR1@90``) end the run;
    the handlers before are put back.

    Raises:
        RunInterruptedError: a signal came, and the run has ended for its sake.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    slurm = (signal.SIGUSR1,) if "SLURM_JOB_ID" in os.environ else ()
    before: dict[int, Any] = {
        number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, *slurm)
    }
    REQUEST.number, REQUEST.is_training, REQUEST.signals = None, False, tuple(before)
    REQUEST.install()
    try:
        yield
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
    """Ask SLURM to queue this job again: the same script runs once more."""
    job = os.environ["SLURM_JOB_ID"]
    if "SLURM_ARRAY_JOB_ID" in os.environ:
        job = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, timeout=30)
        log.warning("SLURM job %s is queued again", job)
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("SLURM job %s could not be queued again: %s", job, error)
