"""Whether a run without figures is under way, was stopped or has failed."""

from __future__ import annotations

import os
import re
from pathlib import Path

from seqlab.errors import shown
from seqlab.files import RUN_LOCK, is_locked

FINISHED, RUNNING, STOPPED, FAILED = "finished", "running", "stopped", "failed"
OPEN = (STOPPED, FAILED)  # what a command goes on with
_RECORD = re.compile(rb"^\[\d{4}-\d\d-\d\d [^\]]*\]\[[^\]]*\]\[\w+\] - ", re.MULTILINE)  # Hydra's job log
_FAILED = b"failed: "
_TAIL_BYTES = 20_000


def state_of(folder: Path) -> tuple[str, str]:
    """Of a run without metrics.json: running, stopped or failed; and why it failed.

    The run that writes a folder holds its lock. What ended a run that failed is the last thing in its log.
    """
    if is_locked(folder / RUN_LOCK):
        return RUNNING, ""
    try:
        with (folder / "train.log").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            tail = file.read()
    except OSError:
        return STOPPED, ""
    last = _RECORD.split(tail)[-1]
    if not last.startswith(_FAILED):
        return STOPPED, ""
    lines = last.removeprefix(_FAILED).decode("utf-8", errors="replace").strip().split("\n")
    return FAILED, shown(lines[-1])  # of a traceback what was raised
