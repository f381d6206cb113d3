"""Composing train.yaml outside a run: what ``python train.py OVERRIDES`` would get."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig


def compose_config(conf: Path, overrides: Sequence[str], *, hydra: bool = False) -> DictConfig:
    """The composed config; what Hydra held before is let go.

    Args:
        conf: the config folder.
        hydra: keep Hydra's own part, ``config.hydra``.

    Raises:
        HydraException, OmegaConfBaseException: an override that does not fit.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf), version_base="1.3"):
        return compose("train", overrides=list(overrides), return_hydra_config=hydra)
