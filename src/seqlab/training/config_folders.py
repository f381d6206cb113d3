"""Where the running command's configs come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hydra.core.hydra_config import HydraConfig


def config_folder() -> Path:
    """The project's own ``conf``."""
    return next(_folders("main"))


def config_folders() -> list[Path]:
    """Folders that packages of those who wrote the configs may lie in: beside their folders, or in them."""
    if not HydraConfig.initialized():
        return []
    return [place for folder in _folders() for place in (folder.parent, folder)]


def _folders(provider: str | None = None) -> Iterator[Path]:
    for source in HydraConfig.get().runtime.config_sources:
        if source.path and source.schema == "file" and provider in (None, source.provider):
            yield Path(source.path)
