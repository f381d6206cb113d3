"""Which model goes with which data: told before anything is read or built."""

from __future__ import annotations

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from seqlab.errors import UserError


def data_choices(conf: Path) -> dict[str, type]:
    """{name: batch type} of every config in ``conf/data``."""
    found = {}
    for path in sorted((conf / "data").glob("*.yaml")):
        node = OmegaConf.to_container(OmegaConf.load(path))
        if isinstance(node, dict) and "_target_" in node:
            found[path.stem] = get_object(node["_target_"]).batch_type
    return found


def config_folder() -> Path:
    """The folder that the running command's configs come from."""
    sources = HydraConfig.get().runtime.config_sources
    return Path(next(source.path for source in sources if source.provider == "main"))


def check_pair(config: DictConfig) -> None:
    """Raise UserError where the task cannot take the data's batches; names both and the data that fits."""
    takes = get_object(config.model["_target_"]).batch_type
    gives = get_object(config.data["_target_"]).batch_type
    if takes is gives:
        return
    names = HydraConfig.get().runtime.choices
    fitting = [f"data={name}" for name, kind in data_choices(config_folder()).items() if kind is takes]
    raise UserError(
        f"model={names['model']} takes {takes.__name__}, data={names['data']} gives {gives.__name__}; "
        f"use {' or '.join(fitting) or 'another model'}"
    )
