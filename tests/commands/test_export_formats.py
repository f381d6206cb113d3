"""A folder with both formats, used by ``seqlab detect --onnx``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import EXIT_USER_ERROR, main
from seqlab.training.checkpoint_files import write_atomically
from seqlab.training.checkpoints import read_checkpoint


@pytest.mark.parametrize("kinds", [("onnx", "torch"), ("torch", "onnx")])
@pytest.mark.parametrize("model", [(), ("model=gru_ae",)])
def test_detect_reads_a_folder_with_both(
    model: tuple[str, ...],
    kinds: tuple[str, str],
    checkpoint: Callable[..., Path],
    sample_log: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, folder = checkpoint(*model), tmp_path / "export"
    for kind in kinds:
        assert main(["export", str(path), "--format", kind, "--output", str(folder)]) == 0
    said = capsys.readouterr().out
    other = {"onnx": "model.onnx", "torch": "model.pt"}[kinds[0]]
    assert f"settings  {folder / 'settings.json'}, which serves {other} there, too" in said
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    assert settings["network"]["file"] == "model.onnx"

    def alerts(*arguments: Any) -> dict[str, float]:
        assert main(["detect", *map(str, arguments), str(sample_log.log), "--json"]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return {row["block"]: row["score"] for row in rows if row["kind"] == "alert"}

    expected, found = alerts(path), alerts("--onnx", folder)
    assert found
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_another_run_does_not_take_the_settings_away(
    checkpoint: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "export"
    assert main(["export", str(checkpoint()), "--output", str(folder)]) == 0
    before = (folder / "settings.json").read_bytes()
    capsys.readouterr()
    other = str(checkpoint("model=gru_ae"))
    code = main(["export", other, "--format", "torch", "--output", str(folder)])
    error = capsys.readouterr().err
    assert code == EXIT_USER_ERROR
    assert error.startswith(f"error: {folder}: its model.onnx is not known to be of the same network")
    assert error.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "settings.json"]
    assert (folder / "settings.json").read_bytes() == before


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
