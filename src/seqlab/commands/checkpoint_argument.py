"""Arguments of several commands: the checkpoint, whose code it may name, CSV for spreadsheets."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_checkpoint(parser: argparse.ArgumentParser, meaning: str) -> None:
    """The positional argument ``checkpoint``, and ``--trust``."""
    parser.add_argument("checkpoint", type=Path, help=meaning)
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="run code of this package where the checkpoint names it, such as mylab of mylab.tcn.CausalTCN; "
        "it may lie in the current folder; several times for several",
    )


def add_safe_csv(parser: argparse.ArgumentParser) -> None:
    """``--safe-csv``."""
    parser.add_argument(
        "--safe-csv",
        action="store_true",
        help="for a spreadsheet: an apostrophe before text that it would run as a formula",
    )
