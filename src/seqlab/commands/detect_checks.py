"""What ``seqlab detect`` refuses before it starts: options out of range, one file for two things."""

from __future__ import annotations

import argparse
import math
import os
import stat
from itertools import combinations
from pathlib import Path

from seqlab.errors import UserError

STDIN = "-"
_LONGEST = 1e9  # seconds; a log's time is counted in microseconds, of 64 bits
_RANGES = {
    "idle": (0.0, _LONGEST),
    "report": (0.0, math.inf),
    "stall": (0.0, math.inf),
    "max_open": (1, math.inf),
    "drift_share": (0.0, 1.0),
}


def check_options(arguments: argparse.Namespace) -> None:
    """Raise UserError for options that are out of range or do not go together."""
    from seqlab.alerts.output import check_output

    for name, (least, most) in _RANGES.items():
        value = getattr(arguments, name)
        if value is not None and not least <= value <= most:
            accepted = f"{least:g} or more" if most == math.inf else f"{least:g} to {most:g}"
            raise UserError(f"--{name.replace('_', '-')} {value:g}: give {accepted}")
    if arguments.close and arguments.follow:
        raise UserError(
            "--close ends a log's last part, --follow never comes to an end: end that with Ctrl-C, then run "
            "the same with --close and without --follow"
        )
    _check_log_kind(arguments)
    try:
        if arguments.state is not None:
            _check_state(arguments.state)
        if arguments.output is not None:
            check_output(arguments.output, with_state=arguments.state is not None)
        _check_apart(arguments)
    except OSError as error:  # a folder that may not be entered, a name that is too long
        raise UserError(f"{error.filename}: {error.strerror}") from None


def is_away(arguments: argparse.Namespace) -> bool:
    """Whether the log is not there now, but was: a watch that goes on after a restart waits for it."""
    goes_on = arguments.follow and arguments.state is not None and arguments.state.is_file()
    return bool(goes_on and arguments.log != STDIN and not Path(arguments.log).exists())


def _check_log_kind(arguments: argparse.Namespace) -> None:
    packed = arguments.log.lower().endswith(".gz")
    if packed and arguments.follow:
        raise UserError(f"{arguments.log}: --follow watches a plain file as it grows, not a packed one")
    log = Path(arguments.log)
    piped = arguments.log == STDIN or (log.exists() and not log.is_file())
    if arguments.state is not None and (packed or piped):
        what = "a packed file" if packed else "standard input" if arguments.log == STDIN else "a pipe"
        raise UserError(f"--state: {what} cannot be gone on with where it was left; give a plain file")


def _check_state(path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise UserError(f"--state {path}: the folder {path.parent} does not exist")
    if path.is_dir():
        raise UserError(f"--state {path} is a folder: give the name of a file")
    if path.exists() and not path.is_file():
        raise UserError(
            f"--state {path} is no plain file: it is replaced by each new state; give another name"
        )


def _check_apart(arguments: argparse.Namespace) -> None:
    """One file for two things would destroy one of them."""
    output = arguments.output
    files = {
        "the checkpoint": _identity(arguments.checkpoint),
        "the log": _identity(0 if arguments.log == STDIN else Path(arguments.log)),
        "standard output" if output is None else "--output": _identity(1 if output is None else output),
        "--state": None if arguments.state is None else _identity(arguments.state),
    }
    for (one, first), (two, second) in combinations(files.items(), 2):
        if first is not None and first == second:
            raise UserError(f"{two} is the same file as {one}: give it a name of its own")


def _identity(file: Path | int) -> tuple[int, int] | str | None:
    """Equal for two names of one plain file, links followed; None for what is no plain file."""
    try:
        found = os.fstat(file) if isinstance(file, int) else file.stat()
    except FileNotFoundError:
        return str(Path(file).resolve()) if isinstance(file, Path) else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None
