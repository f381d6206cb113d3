"""``seqlab init DIR``: a project folder of one's own, with an example package to replace."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="made where it is missing")


def run(arguments: argparse.Namespace) -> int:
    import shlex

    from seqlab.project import new_project

    folder = arguments.folder
    new_project(folder)
    print(f"train.py    one run, from the data to the report, in {folder}")
    print("conf/       your configs, beside those of seqlab: model=tcn, data=visits, ...")
    print("mylab/      the networks and the data set that they name")
    print("sweep.yaml  a search space for model=tcn: seqlab sweep sweep.yaml")
    print(f"go on with: cd {shlex.quote(str(folder))} && python train.py model=tcn")
    return 0
