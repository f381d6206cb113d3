"""The model that reads raw logs, as commands are given it: a checkpoint or an export, and its parser."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqlab.watching.models import Model


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """The positional argument ``checkpoint``."""
    parser.add_argument(
        "checkpoint",
        type=Path,
        help="checkpoints/best.ckpt of a run; with --onnx the folder of seqlab export",
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """``--onnx`` and ``--parser``."""
    parser.add_argument("--onnx", action="store_true", help="run an exported network; torch is not loaded")
    parser.add_argument(
        "--parser",
        type=Path,
        metavar="DIR",
        help="output of seqlab parse, for checkpoints trained on files of bare keys",
    )


def given_model(arguments: argparse.Namespace) -> Model:
    """The model that the command line names.

    Raises:
        UserError: see ``load_model``; a ``--parser`` that is no parse.
    """
    from seqlab.logs.known_templates import read_parser
    from seqlab.watching.models import load_model

    parser = None if arguments.parser is None else read_parser(arguments.parser)
    return load_model(arguments.checkpoint, onnx=arguments.onnx, parser=parser)
