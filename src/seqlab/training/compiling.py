"""``trainer.compile=true``: the network through torch.compile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any

from seqlab.errors import UserError
from seqlab.tasks.base import SequenceTask


def check_compiler(config: Mapping[str, Any]) -> None:
    """Raise UserError where torch.compile is asked for and its kernels could not be built."""
    if not isinstance(config["compile"], bool):
        raise UserError(f"trainer.compile={config['compile']}: give true or false")
    compiler = os.environ.get("CXX", "g++")  # what torch.compile itself calls
    if config["compile"] and shutil.which(compiler) is None:
        raise UserError(
            f"trainer.compile=true: torch.compile needs a C++ compiler, and {compiler} is not on the PATH; "
            "install g++, name one in CXX, or leave trainer.compile=false"
        )


def compile_network(task: SequenceTask, config: Mapping[str, Any]) -> None:
    """Compile the task's network in place where ``trainer.compile`` says so.

    In place, the names in its checkpoint stay what they are. Batches differ in size, so shapes are dynamic:
    a kernel for each size would be compiled again and again.
    """
    if config["compile"]:
        task.network.compile(dynamic=True)
