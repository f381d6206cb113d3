"""``seqlab detect CHECKPOINT LOG``: raw log lines in, alerts out; a whole log or one that grows."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from seqlab.commands.checkpoint_argument import add_checkpoint
from seqlab.interrupts import EXIT_INTERRUPTED

CHECKPOINT = "checkpoints/best.ckpt of a run; with --onnx the folder of seqlab export"
IDLE_WHEN_FOLLOWING = 600.0
MAX_OPEN, MAX_OPEN_WHEN_FOLLOWING = 1_000_000, 50_000


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """``--onnx`` and ``--parser``."""
    parser.add_argument("--onnx", action="store_true", help="run an exported network; torch is not loaded")
    parser.add_argument(
        "--parser",
        type=Path,
        metavar="DIR",
        help="output of seqlab parse, for checkpoints trained on files of bare keys",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, CHECKPOINT)
    add = parser.add_argument
    add("log", help="a log file, plain or .gz, or a pipe; - for standard input")
    add("--follow", action="store_true", help="go on as the log grows, until Ctrl-C")
    add("--json", action="store_true", help="one JSON object a line instead of text")
    add("--output", type=Path, metavar="FILE", help="append alerts to a file")
    add(
        "--idle",
        type=float,
        metavar="S",
        help="close a block after S seconds without a line, of the log's time and, with --follow, watched; "
        "default: with --follow 600, or the window of a log without session keys where that is longer; else "
        "blocks stay open to the end of the log",
    )
    add(
        "--max-open",
        type=int,
        metavar="N",
        help="open blocks; beyond them the longest silent one is closed; default 1,000,000, "
        "with --follow 50,000",
    )
    what = "remember where reading is and which blocks are open, and go on there the next time"
    add("--state", type=Path, metavar="FILE", help=what)
    add(
        "--labels",
        type=Path,
        metavar="CSV",
        help="BlockId,Label of the log's sessions: recall, precision and false positive rate at the end",
    )
    add("--close", action="store_true", help="with --state: this is the log's last part: end its open blocks")
    add_model_options(parser)
    add(
        "--report", type=float, default=60.0, metavar="S", help="seconds between reports of --follow; 0: none"
    )
    add("--stall", type=float, default=300.0, metavar="S", help="say so when no line comes for S seconds")
    add(
        "--drift-share",
        type=float,
        metavar="P",
        help="say so when more than this share of the last 10,000 events has unseen keys; "
        "default: 0.01 above validation's share",
    )


def run(arguments: argparse.Namespace) -> int:
    from seqlab.alerts.checks import check_log, check_options
    from seqlab.alerts.models import load_model
    from seqlab.alerts.run import Settings, Watch
    from seqlab.errors import UserError

    check_log(arguments.log)
    check_options(arguments)
    labelled = None
    if arguments.labels is not None:
        from seqlab.alerts.labelled import LabelledSessions

        labelled = LabelledSessions(arguments.labels)
    model = load_model(
        arguments.checkpoint, onnx=arguments.onnx, parser=arguments.parser, trust=arguments.trust
    )
    idle, max_open, drift_share = arguments.idle, arguments.max_open, arguments.drift_share
    if idle is None and arguments.follow:  # a session that is a window of time may be silent for as long
        idle = max(IDLE_WHEN_FOLLOWING, (model.log_parser()["window"] or {"seconds": 0})["seconds"])
    if max_open is None:
        max_open = MAX_OPEN_WHEN_FOLLOWING if arguments.follow else MAX_OPEN
    if drift_share is None:
        drift_share = model.judge.unseen_share + 0.01
    settings = Settings(
        arguments.log,
        follow=arguments.follow,
        as_json=arguments.json,
        output=arguments.output,
        state=arguments.state,
        idle=idle,
        max_open=max_open,
        report=arguments.report,
        stall=arguments.stall,
        drift_share=drift_share,
        close=arguments.close,
    )
    watch = Watch(model, settings, labelled)
    try:
        ended = watch.run()
        watch.say_summary()
    finally:
        watch.close()
    if (problem := watch.problem()) is not None:
        raise UserError(problem)
    if labelled is not None and arguments.json:
        print(json.dumps({"kind": "labels", "file": arguments.log} | labelled.figures()))
    return 0 if ended or arguments.follow else EXIT_INTERRUPTED
