"""``seqlab generate CHECKPOINT``: a language model writes on after a prompt."""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import chain

from seqlab.commands.checkpoint_argument import add_checkpoint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, "checkpoints/best.ckpt of a run of model=char_rnn")
    parser.add_argument("--prompt", default="", help="what the text begins with; a new line without it")
    parser.add_argument("--length", type=int, default=500, help="characters (words) to write; default 500")
    parser.add_argument(
        "--temperature",
        type=float,
        help="0: always the likeliest; 1: as learned; the model's own model.temperature without it",
    )
    parser.add_argument("--top-k", type=int, help="draw from so many likeliest only")
    parser.add_argument(
        "--top-p",
        type=float,
        help="draw from the fewest likeliest that have this probability; 1: from all; model.top_p without it",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws; the same seed, the same text")


def run(arguments: argparse.Namespace) -> int:
    from seqlab.errors import UserError, printed
    from seqlab.evaluation.base import require
    from seqlab.search.sampling import Sampling
    from seqlab.training.checkpoints import load_task

    if arguments.length < 1:
        raise UserError(f"--length {arguments.length}: give a whole number, at least 1")
    given = {name: getattr(arguments, name) for name in ("temperature", "top_k", "top_p")}
    given = {name: value for name, value in given.items() if value is not None}
    Sampling(**given)  # refused before the checkpoint is read
    task, contents = load_task(arguments.checkpoint, arguments.trust)
    write_on = require(
        task.evaluation, "write_on", "writes no text: give one of model=char_rnn", arguments.checkpoint
    )
    sampling = replace(task.sampling, **given)  # type: ignore[type-var]
    pieces = write_on(
        task, contents, arguments.prompt, length=arguments.length, sampling=sampling, seed=arguments.seed
    )
    for piece in chain([arguments.prompt], pieces):
        print(printed(piece), end="", flush=True)
    print()
    return 0
