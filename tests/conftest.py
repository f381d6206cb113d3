"""Small data and composed configs that several folders of tests start from."""

import contextlib
import importlib.util
import io
import json
import logging
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import hypothesis
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from seqlab.commands.train import train_command
from seqlab.data.log_sessions import LogSessions
from seqlab.data.padded_sessions import PaddedSessions
from seqlab.data.session_windows import SessionWindows

from .processes import Server

ROOT = Path(__file__).resolve().parents[1]
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in a shell's background: Ctrl-C is tested
    signal.signal(signal.SIGINT, signal.default_int_handler)
# property tests: the same few inputs in every `make test`, thousands of new ones in `make soak`
_QUIET = {"deadline": None, "database": None, "suppress_health_check": list(hypothesis.HealthCheck)}
hypothesis.settings.register_profile("short", max_examples=20, derandomize=True, **_QUIET)
hypothesis.settings.register_profile("soak", max_examples=3_000, derandomize=False, print_blob=True, **_QUIET)
hypothesis.settings.load_profile(os.environ.get("SEQLAB_PROPERTIES", "short"))
SAMPLE = {"num_blocks": 120, "abnormal_share": 0.1, "seed": 0}


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


def _load_script(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def load_script() -> Callable[[str], ModuleType]:
    """A script of the repository, such as ``benchmarks/startup.py``, as a module."""
    return _load_script


@pytest.fixture(scope="session")
def results() -> ModuleType:
    """benchmarks/results.py."""
    return _load_script("benchmarks/results.py")


@pytest.fixture(scope="session")
def python() -> Iterator[Server]:
    """Starts processes of Python that have imported torch already: see processes.py."""
    server = Server(ROOT / "src")
    yield server
    server.close()


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


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory, browser_flags: list[str]) -> Iterator[Any]:
    """Chromium under selenium, started once; ``get_log("browser")`` gives what its console said."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip(
            "no browser: chromium and chromedriver are not both on the PATH (apt install chromium-driver)"
        )
    webdriver = pytest.importorskip("selenium.webdriver", reason="no browser test: selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*browser_flags, "--window-size=1200,900", f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    try:
        found = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    except Exception as error:
        pytest.skip(f"the browser did not start here: {str(error)[:300]}")
    yield found
    found.quit()


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
    module = _load_script("train.py")
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


@pytest.fixture
def tested_anew() -> Callable[[Run], None]:
    """Loads a run's best checkpoint, and compares what ``Trainer.test`` gives with its metrics.json."""
    return _tested_anew


def _tested_anew(run: Run) -> None:
    import pytorch_lightning as pl

    import seqlab
    from seqlab.training.build import build_data

    task, _ = seqlab.load(run.folder / "checkpoints/best.ckpt")
    data = build_data(OmegaConf.load(run.folder / ".hydra/config.yaml").data)
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_checkpointing=False
    )
    written = {name: value for name, value in run.metrics.items() if re.fullmatch("test/[^/]+", name)}
    assert "test/loss" in written or "test/accuracy" in written
    for _ in range(2):  # a second test counts anew
        (figures,) = trainer.test(task, data, verbose=False)
        assert figures == pytest.approx(written, rel=1e-5, abs=1e-6)


def _set_up(datamodule: LogSessions) -> Any:
    datamodule.setup()
    return datamodule


@pytest.fixture(scope="session")
def windows() -> Callable[..., SessionWindows]:
    """Makes 108 normal and 12 abnormal simulated blocks as windows of 4 keys."""
    return lambda **settings: _set_up(
        SessionWindows(**{"sample": SAMPLE, "batch_size": 32, "window_size": 4} | settings)
    )


@pytest.fixture(scope="session")
def padded() -> Callable[..., PaddedSessions]:
    """Makes the same blocks as whole padded sessions."""
    return lambda **settings: _set_up(PaddedSessions(**{"sample": SAMPLE, "batch_size": 32} | settings))


SMALL_LOG_MODEL = (
    "trainer.max_epochs=4",
    "model.network.hidden_size=16",
    "logger=[]",
    "trainer.enable_progress_bar=false",
)
ALL_SCORES = "detection.scores=[nll_max,nll_mean,error_share,rank,count_distance,count_cost,combined]"


@dataclass(frozen=True)
class SampleLog:
    """A log and what ``seqlab parse`` made of it."""

    log: Path
    parsed: Path  # the folder
    sessions: Path  # the same sessions as a file of `blk_id,5 5 22` lines

    @property
    def lines(self) -> list[str]:
        return self.log.read_text(encoding="ascii").splitlines()


@pytest.fixture(scope="session")
def sample_log(tmp_path_factory: pytest.TempPathFactory) -> SampleLog:
    """400 simulated blocks, 24 of them abnormal, in 8,216 lines."""
    from seqlab.cli import main
    from seqlab.data.parsed_sessions import read_parsed_sessions
    from seqlab.data.samples.hdfs_blocks import simulate_blocks
    from seqlab.data.samples.hdfs_log import write_log

    folder = tmp_path_factory.mktemp("log")
    log, labels, parsed = folder / "hdfs.log", folder / "labels.csv", folder / "parsed"
    write_log(simulate_blocks(400, 0.06, seed=3), log, labels)
    assert main(["parse", str(log), "--output", str(parsed), "--labels", str(labels)]) == 0
    sessions = read_parsed_sessions(parsed).sessions
    rows = [
        f"{block},{' '.join(sessions.keys(place))}\n" for place, block in enumerate(sessions.ids.tolist())
    ]
    path = folder / "sessions.txt"
    path.write_text("".join(rows), encoding="ascii")
    return SampleLog(log, parsed, path)


@pytest.fixture(scope="session")
def checkpoint(
    sample_log: SampleLog, call: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Trains a model once, and gives its checkpoint with another score behind its alerts."""
    from seqlab.training.checkpoints import read_checkpoint, write_atomically

    folder = tmp_path_factory.mktemp("runs")
    trained: dict[tuple[str, ...], Path] = {}

    def make(*overrides: str, score: str = "nll_max", threshold: float | None = None) -> Path:
        if overrides not in trained:
            data = (
                ()
                if any(word.startswith("data.normal") for word in overrides)
                else (f"data.sessions={sample_log.parsed}",)
            )
            run = call(folder / f"run{len(trained)}", *SMALL_LOG_MODEL, *data, ALL_SCORES, *overrides)
            assert run.code == 0, run.said
            trained[overrides] = run.folder / "checkpoints/best.ckpt"
        path = trained[overrides]
        content = read_checkpoint(path)
        judge = content["seqlab"]["judge"]
        judge["main_score"] = score
        if threshold is not None:
            judge["thresholds"][score]["value"] = threshold
        other = path.with_name(f"{score}_{threshold}.ckpt")
        write_atomically(content, other)
        return other

    return make
