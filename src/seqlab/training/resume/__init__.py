"""Exact resume: a run that was stopped goes on as if it had never stopped.

``last_checkpoint`` saves between two steps, with all that Lightning leaves out. Here a signal (SIGTERM,
Ctrl-C, SLURM's warning) is made to wait for that. ``going_on``, which a resumed run alone loads, finds the
checkpoint and restores it.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.utilities import rank_zero_only

from seqlab.errors import UserError
from seqlab.files import RUN_LOCK, locked, whole_file
from seqlab.privacy import hidden

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from seqlab.training.run_folder import RunFolder

log = logging.getLogger(__name__)
GRACE_SECONDS = 5.0  # for the step under way; then the run leaves with the last checkpoint it has


class Start(NamedTuple):
    """Where training begins."""

    checkpoint: Path | None = None  # to go on from; None at the beginning
    step: int = 0  # optimizer steps that are done
    tracker_ids: Mapping[str, str] = {}  # runs of W&B and MLflow that go on


def check_folder(folder: Path, config: DictConfig) -> None:
    """Raise UserError where the run folder holds a run that this one would train again or overwrite."""
    if config.resume is not None:
        from seqlab.training.resume.going_on import check_not_finished

        check_not_finished(folder, config)
        return
    states = {"metrics.json": "a finished run", "checkpoints/last.ckpt": "a run that was stopped"}
    for name, state in states.items():
        if (folder / name).exists() and rank_zero_only.rank == 0:  # type: ignore[attr-defined]
            raise UserError(
                f"hydra.run.dir={folder}: {state} lies there. To go on with it: python train.py "
                f"resume={folder}; to begin anew choose another folder, or remove that one"
            )


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold a run folder, so that no other run writes into it.

    Raises:
        UserError: another process does.
    """
    from filelock import Timeout

    with ExitStack() as held:
        if rank_zero_only.rank == 0:  # type: ignore[attr-defined]
            try:
                held.enter_context(locked(folder / RUN_LOCK))
            except Timeout:
                raise UserError(
                    f"hydra.run.dir={folder}: another run is writing there; wait for it, or choose "
                    "another folder"
                ) from None
        yield


def record_config(folder: Path, config: DictConfig) -> None:
    """Write .hydra/, from which a run is resumed, without its secrets. Hydra itself would overwrite that of a
    run that lies there before anybody could look."""
    if rank_zero_only.rank != 0:  # type: ignore[attr-defined]
        return
    run = HydraConfig.get()
    record: dict[str, Any] = {"config": config, "hydra": {"hydra": run}, "overrides": run.overrides.task}
    (folder / ".hydra").mkdir(exist_ok=True)
    for name, content in record.items():
        with whole_file(folder / ".hydra" / f"{name}.yaml") as part:
            plain = hidden(OmegaConf.to_container(OmegaConf.create(content)))
            part.write_text(OmegaConf.to_yaml(plain), encoding="utf-8")


def find_start(config: DictConfig, folder: RunFolder) -> Start:
    """The last whole checkpoint where the run is resumed; the beginning else."""
    if config.resume is None:
        return Start()
    from seqlab.training.resume.going_on import last_start

    return last_start(config, folder)


def fit(trainer: pl.Trainer, task: Any, datamodule: Any, start: Start) -> None:
    """Train from ``start`` to the end."""
    if start.checkpoint is None:
        trainer.fit(task, datamodule=datamodule)
    else:
        from seqlab.training.resume.going_on import fit_on

        fit_on(trainer, task, datamodule, start)


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
