"""A file is replaced whole, or left as it was."""

from pathlib import Path

import pytest

from seqlab.whole_files import whole_file


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
