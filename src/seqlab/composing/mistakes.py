"""What a user is told of a mistake in the command line or the config."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from seqlab.composing import SEARCH_PATH, compose_config, with_package
from seqlab.errors import UserError


def is_group(conf: Path, name: str) -> bool:
    """Whether a key is a config group, such as ``model``."""
    return any((folder / name).is_dir() for folder in (conf, with_package(conf, ())[0]))


def group_choices(conf: Path, name: str) -> list[str]:
    """The names of a group's configs."""
    folders = {conf, with_package(conf, ())[0]}
    return sorted({path.stem for folder in folders for path in (folder / name).glob("*.yaml")})


def _cause(error: BaseException) -> UserError | None:
    """The UserError behind an error, if there is one: Hydra wraps what a constructor raises."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, UserError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _flat_keys(node: Any, prefix: str = "") -> list[str]:
    keys = []
    for name, value in node.items():
        key = f"{prefix}{name}"
        keys.append(key)
        if isinstance(value, dict):
            keys += _flat_keys(value, f"{key}.")
    return keys


def _near_key(key: str, conf: Path, overrides: Sequence[str]) -> str:
    """The key most like a mistyped one in the config of the chosen groups, or nothing."""
    from omegaconf import OmegaConf

    groups = [
        part for part in overrides if re.fullmatch(r"\w+=\w+", part) and is_group(conf, part.split("=")[0])
    ]
    search = [part for part in overrides if part.startswith(SEARCH_PATH)]
    try:
        keys = _flat_keys(OmegaConf.to_container(compose_config(conf, [*search, *groups]), resolve=False))
    except Exception:  # a hint must not hide the mistake it is about
        return ""
    last = key.rsplit(".", 1)[-1]
    # the right name in the wrong place: window_size for data.window_size; a part of it: epochs for max_epochs
    near = [known for known in keys if known.rsplit(".", 1)[-1] == last]
    near = near or [known for known in keys if known.rsplit(".", 1)[-1].endswith(f"_{last}")]
    near = near or get_close_matches(key, keys, n=3, cutoff=0.6)
    return min(near, key=lambda known: ".max_" not in known) if near else ""


def _group_message(conf: Path, overrides: Sequence[str]) -> str | None:
    """What to tell of a group that was taken away or set to a value, such as ``~model`` or ``model=null``."""
    for override in overrides:
        name, _, value = override.lstrip("~+").partition("=")
        if is_group(conf, name) and (override.startswith("~") or value in ("", "null", "{}")):
            choices = group_choices(conf, name)
            return (
                f"{override}: a run needs its {name}; choose {name}={' or '.join(choices)}; single keys "
                f"of it are {name}.NAME=VALUE"
            )
    return None


def _launcher_message(text: str) -> str | None:
    """What to tell of a launcher of ``-m`` that this machine does not have."""
    absent = re.search(r"hydra_plugins\.hydra_(joblib|submitit)_launcher", text)
    if absent and "locating target" in text:
        return f"hydra/launcher={absent[1]}: not installed: pip install 'seqlab[cluster]'"
    if 'Could not detect "srun"' in text:
        return "hydra/launcher=submitit_slurm: this machine has no SLURM; submitit_local runs the same here"
    return None


def user_message(error: BaseException, conf: Path, overrides: Sequence[str]) -> str | None:
    """What to tell a user of an error that is theirs to mend; None for any other error."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    mistake = _cause(error)
    if mistake is not None:
        return str(mistake)
    if isinstance(error, NotADirectoryError | PermissionError | FileExistsError) and error.filename:
        return f"{error.filename}: {error.strerror}; choose another folder, such as hydra.run.dir=runs/NAME"
    text = str(error)
    if type(error).__name__ == "MisconfigurationException":  # Lightning's, whose import takes seconds
        return text.split("\n", maxsplit=1)[0]
    found = _group_message(conf, overrides) or _launcher_message(text)
    if found is not None or not isinstance(error, HydraException | OmegaConfBaseException):
        return found
    return _hydra_message(text, conf, overrides)


def _hydra_message(text: str, conf: Path, overrides: Sequence[str]) -> str:
    """A key or a choice that is not there, with the nearest; Hydra's first paragraph of anything else."""
    unknown = re.search(r"Could not override '([^']+)'", text)
    if unknown:
        near = _near_key(unknown[1], conf, overrides)
        hint = f"; did you mean {near}?" if near else ""
        ways = f"all keys: python train.py --cfg job; a new one: +{unknown[1]}=..."
        return f"{unknown[1]}: no such key{hint} ({ways})"
    several = re.search(r"Ambiguous value for argument '([^=]+)=(.+)'", text)
    if several:
        key, values = several.groups()
        return f"{key}={values}: several values are several runs, which take -m; one list is {key}=[{values}]"
    absent = re.search(r"Could not find '([^/']+)/([^']+)'\s+Available options in '[^']+':\s*([\s\w]*)", text)
    if absent:
        options = absent[3].split("Config search path")[0].split()
        meant = get_close_matches(absent[2], options, n=1)
        hint = f"; did you mean {meant[0]}?" if meant else ""
        return f"{absent[1]}={absent[2]}: choose {', '.join(options)}{hint}"
    return text.split("\n\n", maxsplit=1)[0].strip()
