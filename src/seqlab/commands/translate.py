"""``seqlab translate CHECKPOINT``: lines in, one translation a line out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from seqlab.commands.checkpoint_argument import add_checkpoint

BATCH_LINES = 1000  # read, translated and written together when the input is a file or a pipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, "checkpoints/best.ckpt of a run of model=seq2seq or transformer")
    parser.add_argument("input", type=Path, nargs="?", help="a text file; standard input without it")
    parser.add_argument("--beam", type=int, help="hypotheses of the search; 1 is greedy")
    parser.add_argument("--length-penalty", type=float, help="0 favors short translations, 1 is usual")


def run(arguments: argparse.Namespace) -> int:
    from seqlab.data.text_files import read_lines
    from seqlab.errors import UserError, printed
    from seqlab.evaluation.base import require
    from seqlab.training.checkpoints import load_task

    if arguments.beam is not None and arguments.beam < 1:
        raise UserError(f"--beam {arguments.beam}: give a whole number, at least 1 (greedy)")
    if arguments.length_penalty is not None and arguments.length_penalty < 0:
        raise UserError(f"--length-penalty {arguments.length_penalty:g}: give 0 (none) or more")
    task, contents = load_task(arguments.checkpoint, arguments.trust)
    translate = require(
        task.evaluation,
        "translate",
        "does not translate: give one that does, such as of model=seq2seq",
        arguments.checkpoint,
    )
    if arguments.beam is not None:
        task.beam_size = arguments.beam
    if arguments.length_penalty is not None:
        task.length_penalty = arguments.length_penalty
    if arguments.input is not None:
        groups: Iterator[list[str]] = iter([read_lines(arguments.input)])
    else:
        groups = _standard_input()
    for lines in groups:
        translations, _ = translate(task, contents, lines)
        for translation in translations:
            print(printed(translation))
        sys.stdout.flush()
    return 0


def _standard_input() -> Iterator[list[str]]:
    """Line by line from a terminal, so that each is answered at once; in groups from a pipe.

    Raises:
        UserError: a line that is not UTF-8.
    """
    from seqlab.errors import UserError

    size = 1 if sys.stdin.isatty() else BATCH_LINES
    group: list[str] = []
    for number, raw in enumerate(sys.stdin.buffer, start=1):
        try:
            # a byte order mark may begin the first line
            group.append(raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n"))
        except UnicodeDecodeError as error:
            raise UserError(f"standard input, line {number}: not UTF-8 text: {error.reason}") from None
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
