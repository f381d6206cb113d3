"""The model that reads raw logs, as commands are given it: a checkpoint or an export, and its parser."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqlab.alerts.models import Model


CHECKPOINT = "checkpoints/best.ckpt of a run; with --onnx the folder of seqlab export"


def add_options(parser: argparse.ArgumentParser) -> None:
    """``--onnx`` and ``--parser``."""
    parser.add_argument("--onnx", action="store_true", help="run an exported network; torch is not loaded")
    parser.add_argument(
        "--parser",
        type=Path,
        metavar="DIR",
        help="output of seqlab parse, for checkpoints trained on files of bare keys",
    )


def check_log(path: str, *, pipes: bool = False) -> None:
    """Look whether a log can be read, before a model is loaded for it.

    Args:
        pipes: whether ``-`` and pipes that have a path are accepted too.

    Raises:
        UserError: no such file, a folder, a file that cannot be read, a checkpoint, or no text: see
            ``refuse_binary``.
    """
    from seqlab.alerts.source import STDIN
    from seqlab.alerts.source import check_log as check_file
    from seqlab.data.raw_logs import holds_sessions
    from seqlab.errors import UserError
    from seqlab.logs.reading import refuse_binary
    from seqlab.training.checkpoint_mistakes import given_elsewhere

    file = Path(path)
    if pipes and path == STDIN:
        return
    try:
        file.exists()
    except OSError as error:  # such as a name that is too long
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if (file / "sessions.parquet").is_file():
        raise UserError(
            f"{path} is what seqlab parse made of a log: give the log itself, or score the sessions with "
            f"`seqlab predict CKPT {path} --output scores.csv` and look at one with "
            f"`seqlab explain CKPT BLOCK --sessions {path}`"
        )
    if not file.exists() or file.is_file() or file.is_dir():
        check_file(path)
        if given_elsewhere([path]) is not None:
            raise UserError(f"{path} is a checkpoint, no log: the checkpoint comes first")
        refuse_binary(path, "seqlab detect CKPT -")
        if holds_sessions(file):
            raise UserError(
                f"{path} holds sessions of keys, no log lines: score them with `seqlab predict CKPT {path} "
                "--output scores.csv`"
            )
    elif not pipes:
        raise UserError(f"{path} is a pipe or a device: give a file, or use seqlab detect")
    elif not os.access(path, os.R_OK):
        raise UserError(f"{path}: cannot be read: Permission denied")


def given_model(arguments: argparse.Namespace) -> Model:
    """The model that the command line names.

    Raises:
        UserError: see ``load_model``; a ``--parser`` that is no parse.
    """
    from seqlab.alerts.models import load_model
    from seqlab.logs.known_templates import read_parser

    parser = None if arguments.parser is None else read_parser(arguments.parser)
    return load_model(arguments.checkpoint, onnx=arguments.onnx, parser=parser, trust=arguments.trust)
