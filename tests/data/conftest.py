"""Real HDFS sessions for the tests that need them, and random sessions for those that compare with loops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqlab.data.log_sessions import LogSessions
from seqlab.data.sequences import Sessions
from seqlab.data.vocabulary import Vocabulary

HDFS = Path(__file__).parents[3] / "shared" / "data" / "hdfs"


@pytest.fixture
def hdfs_folder() -> Path:
    """The folder of real HDFS session files."""
    if not HDFS.is_dir():
        pytest.skip(f"no real HDFS sessions at {HDFS}")
    return HDFS


@pytest.fixture
def ready() -> Callable[..., LogSessions]:
    """Makes a DataModule of log sessions and sets it up."""

    def make(module: type[LogSessions], **settings: Any) -> LogSessions:
        data = module(**settings)
        data.setup()
        return data

    return make


@pytest.fixture
def eight_keys() -> Vocabulary:
    """Keys 0 to 7, which get the ids 4 to 11."""
    return Vocabulary.from_sessions(Sessions.from_lists([[str(key) for key in range(8)]]))


@pytest.fixture(params=range(5), ids=lambda seed: f"seed{seed}")
def random_rows(request: pytest.FixtureRequest) -> list[list[int]]:
    """Sixty sessions of ids 4 to 8: equal ones among them, lengths from 1 to 14."""
    rng = np.random.default_rng(request.param)
    rows = [rng.integers(4, 9, size=length).tolist() for length in [1, 1, 14, *rng.integers(1, 15, 37)]]
    return rows + [rows[pick] for pick in rng.integers(0, len(rows), 20)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes | str], Path]:
    """Writes a file of the user's."""

    def write_file(content: bytes | str) -> Path:
        path = tmp_path / "blocks.txt"
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return path

    return write_file
