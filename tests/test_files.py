"""A file is replaced whole, or left as it was; a lock is held by one."""

from pathlib import Path

import pytest
from filelock import Timeout

from seqlab.files import locked, whole_file


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_file_takes_the_place_of_the_one_before_at_the_end(tmp_path: Path, on_disk: bool) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with whole_file(path, on_disk=on_disk) as part, part.open("w") as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]


def test_what_is_not_finished_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def broken_off() -> None:
        with whole_file(path) as part:
            part.write_text("half")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        broken_off()
    assert path.read_text() == "old"


def test_one_holder_at_a_time_and_no_lock_file_is_left(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    for _ in range(2):
        with locked(path), pytest.raises(Timeout), locked(path):
            pass
    assert not path.exists()
