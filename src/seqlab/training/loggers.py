"""Loggers of the config's ``logger`` group: any number of Lightning loggers, writing into the run folder."""

from __future__ import annotations

from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
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


def log_config(loggers: list[Logger], config: DictConfig) -> None:
    """Give every logger the whole config, as plain values."""
    plain: Any = OmegaConf.to_container(config, resolve=True)
    for logger in loggers:
        logger.log_hyperparams(plain)


def log_results(loggers: list[Logger], metrics: dict[str, float]) -> None:
    """Give every logger the figures of metrics.json and let it write them out."""
    for logger in loggers:
        logger.log_metrics(metrics)
        logger.save()
        logger.finalize("success")
