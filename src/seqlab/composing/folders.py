"""What Hydra alone knows of folders: whether a run's was there before, and where a multirun's jobs lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class Folders(Callback):
    """conf/train.yaml names it under ``hydra.callbacks``."""

    before: ClassVar[set[Path]] = set()  # run folders that a user had
    multirun: ClassVar[Path | None] = None  # of the multirun that has ended

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        HydraConfig.instance().set_config(config)  # Hydra does so next: ${hydra:...} in the folder needs it
        folder = Path(config.hydra.run.dir).absolute()
        if folder.exists():
            Folders.before.add(folder)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        Folders.multirun = Path(config.hydra.sweep.dir)
