"""Loggers of the config's ``logger`` group: any number of Lightning loggers, writing into the run folder."""

from __future__ import annotations

from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger

from seqlab.training.build import check_config
from seqlab.training.run_folder import RunFolder


def build_loggers(config: DictConfig | None, folder: RunFolder) -> list[Logger]:
    """One logger per entry; none for ``logger=none``.

    Raises:
        UserError: an argument that a logger does not take.
    """
    found = []
    for name, node in (config or {}).items():
        check_config(node, f"logger.{name!s}")
        found.append(instantiate(node, save_dir=str(folder.path), _convert_="all"))
    return found
