import os
from pathlib import Path

import pytest
import torch

from seqlab.training.checkpoint_files import forget_previous, keep_previous, write_atomically


def step_of(path: Path) -> int:
    return torch.load(path, weights_only=True)["step"]


def test_a_write_that_fails_leaves_the_file_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    write_atomically({"step": 1}, path)

    def no_disk(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", no_disk)
    with pytest.raises(OSError, match="no space"):
        write_atomically({"step": 2}, path)
    assert step_of(path) == 1
    forget_previous(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("has_links", [True, False])
def test_the_one_before_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool) -> None:
    if not has_links:

        def no_link(source: Path, target: Path) -> None:
            raise OSError("operation not permitted")

        monkeypatch.setattr(os, "link", no_link)
    keep_previous(tmp_path)  # nothing there yet
    for step in (1, 2, 3):
        keep_previous(tmp_path)
        write_atomically({"step": step}, tmp_path / "last.ckpt")
    assert step_of(tmp_path / "last.ckpt") == 3
    assert step_of(tmp_path / "previous.ckpt") == 2
    forget_previous(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["last.ckpt"]
