"""What was run: the config, versions, commit and machine, as the run folder records them."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from seqlab.privacy import told, told_words
from seqlab.project import typed

# whose versions environment.json holds
PACKAGES = (
    *("seqlab", "torch", "pytorch-lightning", "hydra-core", "omegaconf", "torchmetrics"),
    *("numpy", "pandas", "sacrebleu", "sentencepiece"),
)


def config_record(config: DictConfig) -> dict[str, Any]:
    """The resolved config, which of its values refer to others, the option of each group, the overrides: what
    is read to compare runs, without secrets. A run goes on from Hydra's own record."""
    run = HydraConfig.get()
    return {
        "config": told(OmegaConf.to_container(config, resolve=True)),
        "references": told(_references(OmegaConf.to_container(config))),
        "choices": {
            group: option
            for group, option in run.runtime.choices.items()
            if option is not None and not group.startswith("hydra/")
        },
        "overrides": told_words(run.overrides.task),
    }


def _references(node: Any, name: str = "") -> dict[str, str]:
    """``{"data.seed": "${seed}"}``: the dotted keys below a node that are no values of their own."""
    found: dict[str, str] = {}
    if isinstance(node, dict):
        for key, inner in node.items():
            found |= _references(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(node, str) and "${" in node:
        found[name] = node
    return found


def environment(config: DictConfig) -> dict[str, Any]:
    """Versions, commit, seed, hardware and command line: what a figure needs to be made again."""
    return {
        "command": shlex.join(told_words(typed or ["python", *sys.argv])),
        "overrides": told_words(HydraConfig.get().overrides.task),
        "seed": int(config.seed),
        "commit": _commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        "versions": {package: _version(package) for package in PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """The commit of the code in use, marked ``-dirty`` with uncommitted changes; ``unknown`` outside git."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=Path(sys.argv[0]).resolve().parent,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()
