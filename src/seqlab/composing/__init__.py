"""From a command line to a composed config, and what a user is told of a mistake in it. Loads no torch.

Here: what ``python train.py OVERRIDES`` would get, composed outside a run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.errors import UserError
from seqlab.project import package_folder

if TYPE_CHECKING:
    from omegaconf import DictConfig

SEARCH_PATH = "hydra.searchpath="


def with_package(conf: Path, overrides: Sequence[str]) -> tuple[Path, list[str]]:
    """The folder that holds train.yaml, and the overrides with which Hydra reads ``conf`` as well.

    A project of the user's own has its configs in ``conf``, and all others are those of seqlab.
    """
    if (conf / "train.yaml").is_file():
        return conf, list(overrides)
    searched = [search_override(conf)] if conf.is_dir() else []
    searched += [part for part in overrides if part.startswith(SEARCH_PATH)]
    folders = [part.removeprefix(SEARCH_PATH).removeprefix("[").removesuffix("]") for part in searched]
    rest = [part for part in overrides if not part.startswith(SEARCH_PATH)]
    return package_folder() / "conf", [*([f"{SEARCH_PATH}[{','.join(folders)}]"] if folders else []), *rest]


def compose_config(conf: Path, overrides: Sequence[str], *, hydra: bool = False) -> DictConfig:
    """The composed config; what Hydra held before is let go.

    Args:
        conf: the config folder of train.py; see ``with_package``.
        overrides: as Hydra's grammar reads them: see ``readable_overrides``.
        hydra: keep Hydra's own part, ``config.hydra``.

    Raises:
        HydraException, OmegaConfBaseException: an override that does not fit.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    conf, overrides = with_package(conf, overrides)
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf), version_base="1.3"):
        return compose("train", overrides=overrides, return_hydra_config=hydra)


@dataclass(frozen=True)
class CommandLine:
    """What Hydra will read of the arguments of train.py."""

    overrides: list[str]
    search: list[str]  # an override for the folder of --config-dir
    trains: bool  # train.yaml itself is run, not shown, and no other config


def read_arguments(arguments: Sequence[str]) -> CommandLine:
    """The arguments, told apart by Hydra's own parser.

    Raises:
        UserError: an option that neither Hydra nor this program has.
    """
    from hydra._internal.utils import get_args_parser

    given, others = get_args_parser().parse_known_args(list(arguments))
    for option in others:
        if option.startswith("-"):
            name = option.lstrip("-").partition("=")[0]
            raise UserError(f"{option}: no such option; settings are written without dashes: {name}=VALUE")
    folder, elsewhere = given.config_dir, (given.config_name, given.config_path, given.cfg, given.info)
    return CommandLine(
        [*given.overrides, *others],
        [] if folder is None else [search_override(Path(folder))],
        all(option is None for option in elsewhere),
    )


def search_override(folder: Path) -> str:
    """The override that does what ``--config-dir`` does."""
    return f"{SEARCH_PATH}['file://{folder.absolute()}']"


def is_plain(override: str) -> bool:
    """Whether Hydra's grammar surely reads an override as it is meant."""
    return re.fullmatch(r"\+{0,2}[a-zA-Z_][\w./@]*=[\w./-]*", override, re.ASCII) is not None
