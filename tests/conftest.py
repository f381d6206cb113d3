"""Small data and composed configs that several folders of tests start from."""

import contextlib
import importlib.util
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from seqlab.commands.train import train_command
from seqlab.data.hdfs import HdfsPadded, HdfsWindows, LogSessions

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = {"num_blocks": 120, "abnormal_share": 0.1, "seed": 0}


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def browser_flags() -> list[str]:
    """Chromium without a screen, a sandbox or calls home."""
    return [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]


@pytest.fixture
def composed() -> Iterator[Callable[..., DictConfig]]:
    """Composes train.yaml under overrides, as the command line would."""

    def config(*overrides: str, hydra: bool = False) -> DictConfig:
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return compose("train", overrides=list(overrides), return_hydra_config=hydra)

    yield config
    GlobalHydra.instance().clear()


class Run(NamedTuple):
    """What a call of train.py left behind."""

    code: int
    said: str
    folder: Path

    @property
    def metrics(self) -> dict[str, float]:
        return json.loads((self.folder / "metrics.json").read_text(encoding="utf-8"))

    @property
    def scores(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "scores.csv", dtype={"surprise_key": str})

    @property
    def report(self) -> str:
        return (self.folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def call() -> Callable[..., Run]:
    """``python train.py ...`` within this process, into the run folder that is given first."""
    return _call


def _call(folder: Path, *overrides: str) -> Run:
    spec = importlib.util.spec_from_file_location("train", ROOT / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    arguments = [*overrides, f"hydra.run.dir={folder}"]
    root = logging.getLogger()
    handlers, level, said = root.handlers[:], root.level, io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(sys, "argv", [str(ROOT / "train.py"), *arguments])
        try:
            code = train_command(module.train, arguments)
        finally:
            GlobalHydra.instance().clear()
            for handler in root.handlers:
                handler.flush()
            root.handlers[:], root.level = handlers, level
    return Run(code, said.getvalue(), folder)


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
