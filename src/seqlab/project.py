"""Where train.py and conf/ lie: in a project of the user's own, the checkout, or the installed package."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

from seqlab.errors import UserError
from seqlab.trust import outside_packages, trust_options

IN_WHEEL = "project_files"  # the folder of the package that setup.py copies them to
typed: list[str] = []  # the command line of a training as it was typed; Hydra is given more
_IMPORT = re.compile(r"^\s*(from|import) seqlab\b", re.MULTILINE)


def package_folder() -> Path:
    """The folder that holds seqlab's own train.py, conf/ and examples/.

    Raises:
        UserError: the package was copied without them.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / IN_WHEEL, package.parents[1]):
        if (folder / "conf" / "train.yaml").is_file():
            return folder
    raise UserError(f"{package}: its conf/train.yaml is missing; install seqlab's wheel, or use its checkout")


def project_folder() -> Path:
    """The current folder where it holds a train.py of seqlab's and a conf/; else ``package_folder()``."""
    here = Path.cwd()
    program = here / "train.py"
    if not ((here / "conf").is_dir() and program.is_file()):
        return package_folder()
    is_ours = _IMPORT.search(program.read_text(encoding="utf-8", errors="replace"))
    return here if is_ours else package_folder()


def train_words() -> list[str]:
    """How training is typed here: ``python train.py``, or ``seqlab train`` where no train.py lies."""
    return ["python", "train.py"] if project_folder() == Path.cwd() else ["seqlab", "train"]


def resume_line(folder: Path, config: Any) -> str:
    """The command line that goes on with a run; empty where nothing was saved.

    Args:
        config: of the run, as plain values.
    """
    if not (folder / "checkpoints" / "last.ckpt").exists():
        return ""
    trust = trust_options(outside_packages(config))
    return f"{shlex.join(train_words())} resume={shlex.quote(os.path.relpath(folder))} {trust}".rstrip()
