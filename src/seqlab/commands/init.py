"""``seqlab init DIR``: a project folder of one's own, with an example package to replace."""

from __future__ import annotations

import argparse
import shlex
import shutil
from pathlib import Path

from seqlab.errors import UserError
from seqlab.project import package_folder

PROJECT = {
    "train.py": "train.py",
    "examples/sweep.yaml": "sweep.yaml",
    "examples/conf": "conf",
    "examples/mylab": "mylab",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="made where it is missing")


def run(arguments: argparse.Namespace) -> int:
    folder = arguments.folder
    new_project(folder)
    print(f"train.py    one run, from the data to the report, in {folder}")
    print("conf/       your configs, beside those of seqlab: model=tcn, data=visits, ...")
    print("mylab/      the networks and the data set that they name")
    print("sweep.yaml  a search space for model=tcn: seqlab sweep sweep.yaml")
    print(f"go on with: cd {shlex.quote(str(folder))} && python train.py model=tcn")
    return 0


def new_project(folder: Path) -> None:
    """Copy train.py and the example's sweep.yaml, conf/ and package into a folder of the user's own.

    Raises:
        UserError: one of them is there already, or the folder cannot be written.
    """
    source = package_folder()
    for name in PROJECT.values():
        if (folder / name).exists():
            raise UserError(f"{folder / name} exists and is left as it is; give the name of a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part, name in PROJECT.items():
            if (source / part).is_dir():
                shutil.copytree(source / part, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source / part, folder / name)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror or error}") from None
