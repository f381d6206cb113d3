"""Small data and composed configs that several folders of tests start from."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from seqlab.data.hdfs import HdfsPadded, HdfsWindows, LogSessions

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = {"num_blocks": 120, "abnormal_share": 0.1, "seed": 0}


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture
def composed() -> Iterator[Callable[..., DictConfig]]:
    """Composes train.yaml under overrides, as the command line would."""

    def config(*overrides: str, hydra: bool = False) -> DictConfig:
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return compose("train", overrides=list(overrides), return_hydra_config=hydra)

    yield config
    GlobalHydra.instance().clear()


def _set_up(datamodule: LogSessions) -> Any:
    datamodule.setup()
    return datamodule


@pytest.fixture
def windows() -> Callable[..., HdfsWindows]:
    """Makes 108 normal and 12 abnormal simulated blocks as windows of 4 keys."""
    return lambda **settings: _set_up(
        HdfsWindows(**{"sample": SAMPLE, "batch_size": 32, "window_size": 4} | settings)
    )


@pytest.fixture
def padded() -> Callable[..., HdfsPadded]:
    """Makes the same blocks as whole padded sessions."""
    return lambda **settings: _set_up(HdfsPadded(**{"sample": SAMPLE, "batch_size": 32} | settings))
