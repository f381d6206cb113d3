"""Which model goes with which data: told before anything is read or built."""

from __future__ import annotations

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from seqlab.errors import UserError
from seqlab.training.config_folders import config_folder, config_folders
from seqlab.trust import imported


def data_choices(conf: Path) -> dict[str, type]:
    """{name: batch type} of the configs in ``conf/data``; without those that only rename another."""
    found = {}
    for path in sorted((conf / "data").glob("*.yaml")):
        node = OmegaConf.to_container(OmegaConf.load(path))
        if isinstance(node, dict) and "_target_" in node:
            found[path.stem] = _batch_type(node["_target_"], f"data={path.stem}: _target_")
    return found


def _batch_type(target: str, where: str) -> type:
    found = imported(target, where, config_folders())
    if not hasattr(found, "batch_type"):
        raise UserError(
            f"{where}={target} has no batch_type, which says what batches it takes or gives: one of those in "
            "seqlab/data/batches.py, or of your own"
        )
    return found.batch_type


def check_pair(config: DictConfig) -> None:
    """Raise UserError where the task cannot take the data's batches; names both and the data that fits."""
    takes = _batch_type(config.model["_target_"], "model._target_")
    gives = _batch_type(config.data["_target_"], "data._target_")
    if takes is gives:
        return
    names = HydraConfig.get().runtime.choices
    fitting = [f"data={name}" for name, kind in data_choices(config_folder()).items() if kind is takes]
    raise UserError(
        f"model={names['model']} takes {takes.__name__}, data={names['data']} gives {gives.__name__}; "
        f"use {' or '.join(fitting) or 'another model'}"
    )
