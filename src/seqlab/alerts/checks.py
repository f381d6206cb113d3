"""What is refused before a model is loaded: options out of range, one file for two things, what is no log."""

from __future__ import annotations

import argparse
import math
import os
from itertools import combinations
from pathlib import Path

from seqlab.errors import UserError, missing_file
from seqlab.logs.reading import STDIN, refuse_binary
from seqlab.training.checkpoint_mistakes import given_elsewhere

_RANGES = {
    "idle": (0.0, 1e9),  # seconds; a log's time is counted in microseconds, of 64 bits
    "report": (0.0, math.inf),
    "stall": (0.0, math.inf),
    "max_open": (1, math.inf),
    "drift_share": (0.0, 1.0),
}


def check_log(path: str) -> None:
    """Look whether a log can be read; what its lines are is seen when they are.

    Raises:
        UserError: no such file, a folder, a file that cannot be read, a checkpoint, or no text.
    """
    if os.path.isdir(path):
        raise UserError(
            f"{path} is a folder: give the log itself. Sessions that a parse made of one are scored "
            f"with `seqlab predict CKPT {path} --output scores.csv`, and one of them is shown with "
            f"`seqlab explain CKPT BLOCK --sessions {path}`"
        )
    if path != STDIN and not os.path.exists(path):
        raise missing_file(path)
    if path == STDIN or not os.path.isfile(path):
        return
    if given_elsewhere([path]) is not None:
        raise UserError(f"{path} is a checkpoint, no log: the checkpoint comes first")
    refuse_binary(path, "seqlab detect CKPT -")


def check_options(arguments: argparse.Namespace) -> None:
    """Raise UserError for options of ``seqlab detect`` that are out of range or do not go together."""
    for name, (least, most) in _RANGES.items():
        value = getattr(arguments, name)
        if value is not None and not least <= value <= most:
            accepted = f"{least:g} or more" if most == math.inf else f"{least:g} to {most:g}"
            raise UserError(f"--{name.replace('_', '-')} {value:g}: give {accepted}")
    if arguments.close and arguments.follow:
        raise UserError("--close ends a log's last part, --follow never ends: leave one of them out")
    if arguments.labels is not None and (arguments.follow or arguments.state is not None):
        raise UserError(
            "--labels: a log is compared with its labels as a whole; leave --follow and --state out"
        )
    packed = arguments.log.lower().endswith(".gz")
    if packed and arguments.follow:
        raise UserError(f"{arguments.log}: --follow watches a plain file as it grows, not a packed one")
    if arguments.state is not None and (packed or not os.path.isfile(arguments.log)):
        what = "standard input" if arguments.log == STDIN else "a packed file" if packed else "a pipe"
        raise UserError(f"--state: {what} cannot be gone on with where it was left; give a plain file")
    if arguments.state is not None and os.path.exists(arguments.state) and not arguments.state.is_file():
        raise UserError(f"--state {arguments.state} is no plain file: it is replaced by each new state")
    given = {
        "the checkpoint": arguments.checkpoint,
        "the log": Path(arguments.log),
        "--output": arguments.output,
        "--state": arguments.state,
        "--labels": arguments.labels,
    }
    for (one, first), (two, second) in combinations(given.items(), 2):
        if first is not None and second is not None and is_same(first, second):
            raise UserError(f"{two} is the same file as {one}: give it a name of its own")
    for option in ("--output", "--state"):
        if given[option] is not None:
            check_target(option, given[option])


def is_same(one: Path, other: Path) -> bool:
    """Whether two names, of files that may not exist yet, are those of one file."""
    both = os.path.exists(one) and os.path.exists(other)
    return one.resolve() == other.resolve() or (both and one.samefile(other))


def check_target(option: str, path: Path) -> None:
    """Raise UserError for a path that no file can be written under."""
    if os.path.isdir(path) or not os.path.isdir(path.absolute().parent):
        raise UserError(f"{option} {path}: give the name of a file in a folder that exists")
