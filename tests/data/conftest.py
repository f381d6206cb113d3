"""Real HDFS sessions for the tests that need them, and random sessions for those that compare with loops."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqlab.data.log_sessions import LogSessions
from seqlab.data.sequences import Sessions
from seqlab.data.session_files import read_sessions
from seqlab.data.session_splits import check_given, split_given
from seqlab.data.sources import Files
from seqlab.data.vocabulary import Vocabulary
from seqlab.errors import UserError

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


@pytest.fixture
def rows() -> Callable[[Sessions], dict[str, list[str]]]:
    """Sessions as their keys by name."""
    return lambda sessions: {
        block_id: sessions.keys(place) for place, block_id in enumerate(sessions.ids.tolist())
    }


@pytest.fixture
def refused() -> Callable[[Path, str], None]:
    """The session file is refused by a message that begins with its name."""

    def check(path: Path, message: str) -> None:
        with pytest.raises(UserError) as caught:
            read_sessions(path)
        assert str(caught.value).startswith(str(path))
        assert re.search(message, str(caught.value)), str(caught.value)

    return check


Splits = tuple[dict[str, Sessions], list[str]]
SETTINGS = ("normal", "abnormal", "train", "val", "test", "test_normal", "test_abnormal")


def _from_files(
    split: Sequence[float], seed: int, labels: Path | None = None, **given: Files | None
) -> Splits:
    files = dict.fromkeys(SETTINGS) | given
    check_given(files, labels, None)
    return split_given(files, labels, split, seed)


@pytest.fixture
def split_files() -> Callable[..., Splits]:
    """Reads files of normal and of abnormal sessions, and cuts them."""

    def read(normal: Files, abnormal: Files | None, split: Sequence[float], seed: int) -> Splits:
        return _from_files(split, seed, normal=normal, abnormal=abnormal)

    return read


@pytest.fixture
def given_splits() -> Callable[..., Splits]:
    """Reads splits that are made already."""

    def read(
        train: Path,
        val: Path | None,
        test: Path | None,
        labels: Path | None,
        split: Sequence[float],
        seed: int,
        **by_class: Path,
    ) -> Splits:
        return _from_files(split, seed, labels, train=train, val=val, test=test, **by_class)

    return read
