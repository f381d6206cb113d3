"""``seqlab detect CHECKPOINT LOG``: raw log lines in, alerts out; a whole log or one that grows."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from seqlab.commands.checkpoint_argument import add_checkpoint

CHECKPOINT = "checkpoints/best.ckpt of a run; with --onnx the folder of seqlab export"
IDLE_WHEN_FOLLOWING = 600.0
MAX_OPEN, MAX_OPEN_WHEN_FOLLOWING = 1_000_000, 50_000
EXIT_INTERRUPTED = 130


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
    parser.add_argument("log", help="a log file, plain or .gz, or a pipe; - for standard input")
    parser.add_argument("--follow", action="store_true", help="go on as the log grows, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of text")
    parser.add_argument("--output", type=Path, metavar="FILE", help="append alerts to a file")
    parser.add_argument(
        "--idle",
        type=float,
        metavar="S",
        help="close a block after S seconds without a line: of the log's time and, with --follow, of "
        "watching; default: 600 with --follow, or the window of a log without session keys where that is "
        "longer; else blocks stay open to the end of the log",
    )
    parser.add_argument(
        "--max-open",
        type=int,
        metavar="N",
        help="open blocks; beyond them the longest silent one is closed; default 1,000,000, "
        "with --follow 50,000",
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="remember where reading is and which blocks are open, and go on there: after a restart, or when "
        "the log has grown",
    )
    parser.add_argument(
        "--close",
        action="store_true",
        help="with --state: this is the log's last part, so its open blocks and its last line end here",
    )
    add_model_options(parser)
    parser.add_argument(
        "--report", type=float, default=60.0, metavar="S", help="seconds between reports of --follow; 0: none"
    )
    parser.add_argument(
        "--stall", type=float, default=300.0, metavar="S", help="say so when no line comes for S seconds"
    )
    parser.add_argument(
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

    check_log(arguments.log, pipes=True)
    check_options(arguments)
    model = load_model(
        arguments.checkpoint, onnx=arguments.onnx, parser=arguments.parser, trust=arguments.trust
    )
    default_max = MAX_OPEN_WHEN_FOLLOWING if arguments.follow else MAX_OPEN
    drift_share = model.judge.unseen_share + 0.01 if arguments.drift_share is None else arguments.drift_share
    watch = Watch(
        model,
        Settings(
            arguments.log,
            follow=arguments.follow,
            as_json=arguments.json,
            output=arguments.output,
            state=arguments.state,
            idle=_idle(arguments, model.log_parser()),
            max_open=default_max if arguments.max_open is None else arguments.max_open,
            report=arguments.report,
            stall=arguments.stall,
            drift_share=drift_share,
            close=arguments.close,
        ),
    )
    try:
        ended = watch.run()
        watch.say_summary()
    finally:
        watch.close()
    if (problem := watch.problem()) is not None:
        raise UserError(problem)
    return 0 if ended or arguments.follow else EXIT_INTERRUPTED


def _idle(arguments: argparse.Namespace, parser: dict[str, Any]) -> float | None:
    """Seconds; a session that is a window of time may be silent for nearly as long as the window."""
    if arguments.idle is not None or not arguments.follow:
        return arguments.idle
    window = parser["window"]
    return IDLE_WHEN_FOLLOWING if window is None else max(IDLE_WHEN_FOLLOWING, window["seconds"])
