"""An exported folder, used by ``seqlab detect --onnx``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import EXIT_USER_ERROR, main
from seqlab.training.checkpoints import read_checkpoint, write_atomically


@pytest.mark.parametrize("model", [(), ("model=gru_ae",)])
def test_detect_reads_an_export(
    model: tuple[str, ...],
    checkpoint: Callable[..., Path],
    sample_log: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, folder = checkpoint(*model), tmp_path / "export"
    assert main(["export", str(path), "--output", str(folder)]) == 0
    assert f"settings  {folder / 'settings.json'}" in capsys.readouterr().out

    def alerts(*arguments: Any) -> dict[str, float]:
        assert main(["detect", *map(str, arguments), str(sample_log.log), "--json"]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return {row["block"]: row["score"] for row in rows if row["kind"] == "alert"}

    expected, found = alerts(path), alerts("--onnx", folder)
    assert found
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("arguments", [("detect", "LOG"), ("explain", "blk_1", "--log", "LOG")])
def test_settings_of_another_network_are_noticed(
    arguments: tuple[str, ...],
    checkpoint: Callable[..., Path],
    sample_log: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As after a kill between the two files that an export puts in place."""
    old, new, path = tmp_path / "old", tmp_path / "new", checkpoint()
    assert main(["export", str(path), "--output", str(old)]) == 0
    content = read_checkpoint(path)
    content["state_dict"] = {name: weight * 1.5 for name, weight in content["state_dict"].items()}
    write_atomically(content, tmp_path / "new.ckpt")
    assert main(["export", str(tmp_path / "new.ckpt"), "--output", str(new)]) == 0
    (new / "model.onnx").replace(old / "model.onnx")
    capsys.readouterr()
    command, *rest = (str(sample_log.log) if word == "LOG" else word for word in arguments)
    assert main([command, "--onnx", str(old), *rest]) == EXIT_USER_ERROR
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"error: {old}: its model.onnx is not the one that settings.json tells of: files of two exports are "
        f"mixed. Export again: seqlab export CKPT --format onnx --output {old}\n"
    )
