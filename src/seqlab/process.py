"""What a process settles before its libraries are loaded: threads, a notebook's backend. Loads no torch."""

from __future__ import annotations

import importlib.util
import os

from seqlab.errors import UserError, shown

# Operations of these networks are small: a second thread adds some 10 %, and with many, waiting for others
# costs more than they compute. Each operation ends with its last thread: where anything else runs beside as
# many threads as cores, all wait for the one that lost its core. So one core is left to others. Figures:
# benchmarks/README.md, "Threads".
MOST, LEFT_TO_OTHERS = 4, 1
COUNT = "OMP_NUM_THREADS"
# How long a thread that has nothing to do keeps its core busy: of GNU's OpenMP, which PyTorch brings on
# Linux, and of LLVM's and Intel's. With these values it frees the core after a moment too short to hurt.
WAITING = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0"}


def leave_backend_of_kernel() -> None:
    """Take away the MPLBACKEND of a notebook's kernel where this Python lacks its package: matplotlib, which
    torchmetrics imports, would refuse it with a traceback."""
    backend = os.environ.get("MPLBACKEND", "")
    package = backend.removeprefix("module://").partition(".")[0]
    if backend.startswith("module://") and importlib.util.find_spec(package) is None:
        del os.environ["MPLBACKEND"]


def free_idle_cores() -> None:
    """Let idle threads sleep; it has to be said before torch is loaded. What a user says about it stays.

    By default each keeps its core busy for milliseconds, and two runs on one machine take many times as long
    as one: the busy threads of one keep the other's from computing.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in WAITING.items():
            os.environ.setdefault(name, value)


def cores() -> int:
    """The cores that this process may use."""
    # macOS does not tell which these are
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_of(wanted: int | str, processes: int = 1) -> int | None:
    """Threads of one process for ``trainer.threads``; None: as OMP_NUM_THREADS says.

    Args:
        wanted: a number, or auto: OMP_NUM_THREADS where it is set, else a few, and fewer than cores.
        processes: that train together on this machine, and share the cores.

    Raises:
        UserError: any other value.
    """
    if wanted == "auto":
        shared = (cores() - LEFT_TO_OTHERS) // processes
        return None if os.environ.get(COUNT) else max(1, min(MOST, shared))
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1:
        raise UserError(f"trainer.threads={shown(wanted)}: give auto, or a number of threads, at least 1")
    return wanted
