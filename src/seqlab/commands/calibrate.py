"""``seqlab calibrate CHECKPOINT NORMALS``: thresholds fitted again to new normals, without training."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlab.commands.checkpoint_argument import add_checkpoint

if TYPE_CHECKING:
    from seqlab.evaluation.calibrating import Recalibrated

TARGET_FPR = 0.002


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, "checkpoints/best.ckpt of a run of a log model")
    parser.add_argument(
        "normals", type=Path, help="normal sessions: a file or parsed folder, as `seqlab predict` takes it"
    )
    parser.add_argument(
        "--target-fpr",
        type=float,
        metavar="SHARE",
        help=f"of normal sessions that may be alerts; that of the run without one, else {TARGET_FPR}",
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--output", type=Path, metavar="CKPT", help="to write; CHECKPOINT_calibrated.ckpt without one"
    )
    target.add_argument("--in-place", action="store_true", help="replace the given checkpoint")


def run(arguments: argparse.Namespace) -> int:
    from seqlab.detection.thresholds import check_target_fpr
    from seqlab.errors import UserError
    from seqlab.evaluation.calibrating import recalibrate
    from seqlab.evaluation.detection import read_any_sessions
    from seqlab.training.checkpoints import KEY, load_task, read_checkpoint

    if arguments.target_fpr is not None:
        check_target_fpr(arguments.target_fpr)
    checkpoint, output = arguments.checkpoint, _output(arguments)
    if not arguments.normals.exists():
        raise UserError(f"{arguments.normals}: no such file; the path is relative to {Path.cwd()}")
    task, contents = load_task(checkpoint, arguments.trust)
    if not task.evaluation.fits_thresholds:
        raise UserError("this checkpoint judges no log sessions: calibrate takes model=gru and model=gru_ae")
    share = (
        arguments.target_fpr
        if arguments.target_fpr is not None
        else contents.evaluation.get("target_fpr", TARGET_FPR)
    )
    found = recalibrate(task, contents, read_any_sessions(arguments.normals, contents.data), share)
    content = read_checkpoint(checkpoint)
    made_of = {"normals": str(arguments.normals), "sessions": found.num_normals, "target_fpr": share}
    content[KEY]["judge"] = found.judge | {"calibrated": made_of}
    _write(content, output)
    _print(arguments.normals, share, found)
    print(f"written   {output}")
    return 0


def _output(arguments: argparse.Namespace) -> Path:
    from seqlab.errors import UserError

    given: Path = arguments.checkpoint
    if arguments.in_place:
        return given
    output: Path = arguments.output or given.with_name(f"{given.stem}_calibrated{given.suffix}")
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise UserError(f"--output {output}: give the name of a file in a folder that exists")
    taken = (given, "the given checkpoint: --in-place replaces it"), (arguments.normals, "the normals")
    for other, what in taken:
        if output.exists() and other.exists() and output.samefile(other):
            raise UserError(f"--output {output} is {what}")
    return output


def _write(content: dict[str, Any], output: Path) -> None:
    from seqlab.errors import UserError
    from seqlab.training.checkpoints import write_atomically

    try:
        write_atomically(content, output)
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror or error}") from None


def _print(normals: Path, target_fpr: float, found: Recalibrated) -> None:
    of = "" if found.num_normals == found.num_sessions else f" of {found.num_sessions:,}"
    print(f"normals   {found.num_normals:,}{of} sessions of {normals}")
    for count, what in (
        (found.num_abnormal, "labelled abnormal"),
        (found.num_unlabelled, "without a label, where others have one"),
    ):
        if count:
            print(f"          {count:,} left out: {what}")
    if found.num_unseen:
        print(f"          {found.num_unseen:,} more hold keys that training never showed")
    for warning in found.warnings:
        print(f"warning   {warning}")
    print(f"target    a share of {target_fpr:g} above the threshold\n")
    width = max(len(change.score) for change in found.changes)
    print(f"{'score':{width}}       old       new  above old  above new")
    for change in found.changes:
        thresholds = f"{change.old:8.4g}  {change.new.value:8.4g}"
        shares = f"{change.share_above_old:9.4f}  {change.share_above_new:9.4f}"
        print(f"{change.score:{width}}  {thresholds}  {shares}")
    print("\nhow the new ones were found:")
    columns = max(shutil.get_terminal_size().columns, 60)
    for change in found.changes:
        print(
            textwrap.fill(
                f"{change.score:{width}}  {change.new.method}", columns, subsequent_indent=" " * (width + 2)
            )
        )
    print()
