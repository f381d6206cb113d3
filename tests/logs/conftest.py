"""Small logs that the tests of parsing start from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seqlab.data.samples.hdfs_blocks import simulate_blocks
from seqlab.data.samples.hdfs_log import write_log

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
