"""What a user is told of a folder that cannot be written."""

from pathlib import Path

import pytest

from seqlab.composing.mistakes import user_message


def test_a_run_folder_below_a_file_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError) as caught:
        (tmp_path / "file" / "run").mkdir(parents=True)
    assert user_message(caught.value, tmp_path, []) == (
        f"{tmp_path}/file/run: Not a directory; choose another folder, such as hydra.run.dir=runs/NAME"
    )


def test_a_run_folder_without_rights_is_told_in_a_line(tmp_path: Path) -> None:
    refused = PermissionError(13, "Permission denied", "/root/run")
    assert user_message(refused, tmp_path, []) == (
        "/root/run: Permission denied; choose another folder, such as hydra.run.dir=runs/NAME"
    )
