"""Small logs that the tests of parsing start from."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from seqlab.data.samples.hdfs_blocks import simulate_blocks
from seqlab.data.samples.hdfs_log import write_log
from seqlab.logs.formats import FORMATS
from seqlab.logs.parse_run import Engine, open_engine
from seqlab.logs.settings import ParseSettings

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
LOGHUB = {
    "hdfs": SHARED / "hdfs/raw_2k/HDFS_2k.log",
    **{
        name.lower(): SHARED / f"loghub_2k/{name}_2k.log"
        for name in ("Apache", "BGL", "Hadoop", "OpenSSH", "Zookeeper")
    },
}


@pytest.fixture(params=LOGHUB)
def loghub(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """The name of a format and 2,000 lines of it as loghub publishes them."""
    path = LOGHUB[request.param]
    if not path.exists():
        pytest.skip(f"{path.name} is not here: the shared data is absent")
    return request.param, path


@pytest.fixture(scope="session")
def hdfs_log(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], tuple[Path, Path]]:
    """Writes a simulated log of so many blocks, once: the log and its labels."""
    folder = tmp_path_factory.mktemp("logs")

    def write(num_blocks: int) -> tuple[Path, Path]:
        log, labels = folder / f"{num_blocks}.log", folder / f"{num_blocks}.csv"
        if not log.exists():
            write_log(simulate_blocks(num_blocks, 0.1, 0), log, labels)
        return log, labels

    return write


@pytest.fixture
def threads() -> Iterator[Engine]:
    """The engine of this machine."""
    engine = open_engine()
    yield engine
    engine.close()


@pytest.fixture
def hdfs() -> Callable[..., ParseSettings]:
    """Settings for an HDFS log and the folder of its parse."""
    return lambda log, output, **more: ParseSettings((str(log),), output, FORMATS["hdfs"], **more)


@pytest.fixture
def tables() -> Callable[[Path], tuple[list[dict[str, Any]], str, dict[str, Any]]]:
    """The three files of a parse, without what may differ: how a log is packed, how often Drain was asked."""
    return _tables


def _tables(folder: Path) -> tuple[list[dict[str, Any]], str, dict[str, Any]]:
    """The three files, without what may differ: sizes of packed logs, how often Drain was asked."""
    summary = json.loads((folder / "parse.json").read_text())
    parts = {
        name: summary[name]
        for name in ("lines", "events", "sessions", "labels", "templates", "skipped", "parser")
    }
    skipped = {reason: [line["line"] for line in lines] for reason, lines in summary["skipped_lines"].items()}
    return (
        pl.read_parquet(folder / "sessions.parquet").to_dicts(),
        (folder / "templates.csv").read_text(),
        parts | {"skipped_lines": skipped},
    )
