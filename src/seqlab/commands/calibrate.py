"""``seqlab calibrate CHECKPOINT NORMALS``: thresholds fitted again to new normals, without training."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlab.commands.checkpoint_argument import add_checkpoint
from seqlab.commands.json_output import add_json, print_json

if TYPE_CHECKING:
    from seqlab.evaluation.base import Contents
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
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from seqlab.alerts.checks import check_target, is_same
    from seqlab.data.new_sessions import read_any_sessions
    from seqlab.detection.thresholds import check_target_fpr
    from seqlab.errors import UserError, missing_file
    from seqlab.evaluation.calibrating import recalibrate
    from seqlab.training.checkpoints import KEY, load_task, read_checkpoint, write_atomically

    checkpoint, normals = arguments.checkpoint, arguments.normals
    output = arguments.output or checkpoint.with_name(f"{checkpoint.stem}_calibrated{checkpoint.suffix}")
    if arguments.target_fpr is not None:
        check_target_fpr(arguments.target_fpr)
    if arguments.in_place:
        output = checkpoint
    elif is_same(output, checkpoint):
        raise UserError(f"--output {output} is the given checkpoint: --in-place replaces it")
    if is_same(output, normals):
        raise UserError(f"--output {output} is the normals")
    check_target("--output", output)
    if not normals.exists():
        raise missing_file(normals)
    task, contents = load_task(checkpoint, arguments.trust)
    if not task.evaluation.fits_thresholds:
        raise UserError("this checkpoint judges no log sessions: calibrate takes model=gru and model=gru_ae")
    share = arguments.target_fpr
    if share is None:
        share = contents.evaluation.get("target_fpr", TARGET_FPR)
    found = recalibrate(task, contents, read_any_sessions(normals, contents.data), share)
    content = read_checkpoint(checkpoint)
    made_of = {"normals": str(normals), "sessions": found.num_normals, "target_fpr": share}
    content[KEY]["judge"] = found.judge | {"calibrated": made_of}
    try:
        write_atomically(content, output)
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror or error}") from None
    if any(isinstance(given, str) and is_same(normals, Path(given)) for given in _training_files(contents)):
        found.warnings.append(
            "the model learned from these sessions: new ones will raise more false alarms than the target; "
            "give sessions that it has not seen"
        )
    if arguments.json:
        changes = [
            {
                "score": change.score,
                "old": change.old,
                "new": change.new.value,
                "share_above_old": change.share_above_old,
                "share_above_new": change.share_above_new,
                "method": change.new.method,
            }
            for change in found.changes
        ]
        print_json(made_of | {"thresholds": changes, "warnings": found.warnings, "checkpoint": output})
        return 0
    _print(normals, share, found)
    print(f"written   {output}")
    return 0


def _training_files(contents: Contents) -> list[Any]:
    """What the run's data read its normal sessions from."""
    from seqlab.data.log_sessions import LogSessions

    data = contents.config.get("data", {})
    given = [data.get(name) for name in LogSessions.training_files]
    return [file for each in given for file in (each if isinstance(each, list) else [each])]


def _print(normals: Path, target_fpr: float, found: Recalibrated) -> None:
    print(f"normals   {found.num_normals:,} of {found.num_sessions:,} sessions of {normals}")
    for count, what in found.left_out:
        print(f"          {count:,} {what}")
    for warning in found.warnings:
        print(f"warning   {warning}")
    print(f"target    a share of {target_fpr:g} above the threshold\n")
    print("score               old       new  above old  above new")
    for change in found.changes:
        thresholds = f"{change.old:8.4g}  {change.new.value:8.4g}"
        shares = f"{change.share_above_old:9.4f}  {change.share_above_new:9.4f}"
        print(f"{change.score:14}  {thresholds}  {shares}")
    print("\nhow the new ones were found:")
    for change in found.changes:
        print(textwrap.fill(f"{change.score}: {change.new.method}", 110, subsequent_indent="    "))
    print()
