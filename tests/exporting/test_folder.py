"""Which network files pass for the one that settings.json tells of."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seqlab.errors import UserError
from seqlab.exporting.folder import check_network

SUM = hashlib.sha256(b"a network").hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(b"a network")
    return tmp_path


def test_the_right_one_passes(folder: Path) -> None:
    check_network(folder, "onnx", {"network": {"files": {"model.onnx": {"sha256": SUM}}}})


@pytest.mark.parametrize("files", [{"model.onnx": {"sha256": "0" * 64}}, {"model.pt2": {"sha256": SUM}}, {}])
def test_another_one_is_refused(folder: Path, files: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        check_network(folder, "onnx", {"network": {"files": files}})
    assert str(caught.value) == (
        f"{folder}: its model.onnx is not the one that settings.json tells of: files of two exports are "
        f"mixed. Export again: seqlab export CKPT --format onnx --output {folder}"
    )


def test_the_check_needs_no_torch() -> None:
    code = "import sys; import seqlab.exporting.folder; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
