"""What is refused before a model is loaded: options out of range, one file for two things, what is no log."""

from __future__ import annotations

import argparse
import math
import os
import stat
from itertools import combinations
from pathlib import Path

from seqlab.errors import UserError
from seqlab.logs.reading import STDIN, refuse_binary

_RANGES = {
    "idle": (0.0, 1e9),  # seconds; a log's time is counted in microseconds, of 64 bits
    "report": (0.0, math.inf),
    "stall": (0.0, math.inf),
    "max_open": (1, math.inf),
    "drift_share": (0.0, 1.0),
}


def check_log(path: str, *, pipes: bool = False) -> None:
    """Look whether a log can be read; what its lines are is seen when they are.

    Args:
        pipes: whether ``-`` and pipes that have a path are accepted too.

    Raises:
        UserError: no such file, a folder, a file that cannot be read, a checkpoint, or no text.
    """
    from seqlab.training.checkpoint_mistakes import given_elsewhere

    file = Path(path)
    is_pipe = path == STDIN
    try:
        if not is_pipe:
            if file.is_dir():
                raise UserError(
                    f"{path} is a folder: give the log itself. Sessions that a parse made of one are scored "
                    f"with `seqlab predict CKPT {path} --output scores.csv`, and one of them is shown with "
                    f"`seqlab explain CKPT BLOCK --sessions {path}`"
                )
            is_pipe = not stat.S_ISREG(file.stat().st_mode)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the path is relative to {Path.cwd()}") from None
    except OSError as error:  # such as a name that is too long
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if is_pipe and not pipes:
        raise UserError(f"--log {path}: give a file, or use seqlab detect, which also reads pipes")
    if not is_pipe and given_elsewhere([path]) is not None:
        raise UserError(f"{path} is a checkpoint, no log: the checkpoint comes first")
    if not is_pipe:
        refuse_binary(path, "seqlab detect CKPT -")


def check_options(arguments: argparse.Namespace) -> None:
    """Raise UserError for options of ``seqlab detect`` that are out of range or do not go together."""
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
    log, packed = Path(arguments.log), arguments.log.lower().endswith(".gz")
    if packed and arguments.follow:
        raise UserError(f"{log}: --follow watches a plain file as it grows, not a packed one")
    if arguments.state is not None and (packed or not log.is_file()):
        what = "standard input" if arguments.log == STDIN else "a packed file" if packed else "a pipe"
        raise UserError(f"--state: {what} cannot be gone on with where it was left; give a plain file")
    try:
        for option in ("output", "state"):
            path = getattr(arguments, option)
            if path is not None and path.is_dir():
                raise UserError(f"--{option} {path} is a folder: give the name of a file")
            if path is not None and not path.absolute().parent.is_dir():
                raise UserError(f"--{option} {path}: the folder {path.parent} does not exist")
        if arguments.state is not None and arguments.state.exists() and not arguments.state.is_file():
            raise UserError(f"--state {arguments.state} is no plain file: it is replaced by each new state")
        _check_apart(arguments)
    except OSError as error:  # a folder that may not be entered, a name that is too long
        raise UserError(f"{error.filename}: {error.strerror}") from None


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
