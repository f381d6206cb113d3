"""A trial's process: forked from a server that has imported torch already, or started anew on macOS."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

_STEPS = ("build", "callbacks", "checkpoints", "resume", "run_folder", "tracking", "trainer")
PRELOAD = (  # what train.py imports whatever it trains
    *("torch", "torch.utils.data", "torch._dynamo", "pytorch_lightning", "pandas", "rich.table"),
    *("seqlab.sweeps.reporting", *(f"seqlab.training.{step}" for step in _STEPS)),
)


def prepare(threads: int, modules: Sequence[str]) -> Any:
    """The multiprocessing context that trials start from.

    Args:
        threads: of each trial, for OpenMP.
        modules: to import once, before the first trial, beside those that every trial needs.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads would not survive a fork
    if sys.platform == "darwin":  # whose frameworks do not survive a fork
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOAD, *modules])
    return context


def start(
    context: Any, program: Path, overrides: Sequence[str], environment: Mapping[str, str], log: Path
) -> BaseProcess:
    """``python PROGRAM OVERRIDES`` in a process group of its own.

    Args:
        environment: variables beside those of the sweep.
        log: takes what it prints.
    """
    process = context.Process(target=_become, args=(program, list(overrides), dict(environment), log))
    process.start()
    return process


def end(process: BaseProcess) -> None:
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
