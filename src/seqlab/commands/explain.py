"""``seqlab explain CHECKPOINT BLOCK``: a block's timeline, with the surprise of each event."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from seqlab.commands.checkpoint_argument import add_checkpoint
from seqlab.commands.detect import CHECKPOINT, add_model_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, CHECKPOINT)
    parser.add_argument("block", help="a block id, such as blk_-1608999687919862906")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--log", metavar="LOG", help="the log with its lines, plain, .gz, or -")
    where.add_argument(
        "--sessions", type=Path, metavar="PATH", help="output folder of seqlab parse, or a file of sessions"
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write it as a picture too: .svg")
    parser.add_argument("--all", action="store_true", help="show runs of events without surprise in full")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    from seqlab.alerts import timeline
    from seqlab.alerts.checks import check_log
    from seqlab.alerts.models import load_model
    from seqlab.errors import missing_file

    block, log, sessions = arguments.block, arguments.log, arguments.sessions
    if log is not None:
        check_log(log)
    elif not sessions.exists():
        raise missing_file(sessions)
    if arguments.picture is not None:
        timeline.check_picture(arguments.picture)
    model = load_model(
        arguments.checkpoint, onnx=arguments.onnx, parser=arguments.parser, trust=arguments.trust
    )
    if log is None:
        found = timeline.events_of_sessions(sessions, block, model.parser)
    else:
        found = timeline.events_of_log(log, block, model.log_parser())
    shown = timeline.timeline(model, block, found)
    if arguments.json:
        print(shown.to_json())
    else:
        timeline.print_timeline(shown, everything=arguments.all)
    if arguments.picture is not None:
        timeline.write_picture(shown, arguments.picture)
        print(f"picture: {arguments.picture}", file=sys.stderr)
    return 0
