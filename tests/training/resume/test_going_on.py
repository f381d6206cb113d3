"""Runs that stop and go on, within this process; kills are in tests/soak, signals in test_stopping.py."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.training.resume.going_on import changed_settings
from seqlab.training.resume.last_checkpoint import LastCheckpoint

Call = Callable[..., Any]
TINY = (
    "data.sample.num_blocks=200",
    "data.batch_size=16",
    "model.network.hidden_size=6",
    "model.network.dropout=0.2",
    "trainer.enable_progress_bar=false",
    "callbacks.checkpoint.every_steps=2",
    "scheduler=constant",
    "detection.scores=[nll_max,combined]",  # each is a chart of the report
)


@pytest.fixture(scope="module")
def whole(call: Call, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of three epochs that was never stopped."""
    return call(tmp_path_factory.mktemp("whole") / "run", *TINY, "trainer.max_epochs=3")


@pytest.fixture(scope="module")
def broken_off(call: Call, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run that broke off before its 14th step, in its second epoch of 9 steps, and a copy of it."""
    folder = tmp_path_factory.mktemp("stopped")
    plain = LastCheckpoint.on_train_batch_start

    def break_off(self: LastCheckpoint, trainer: Any, *rest: Any) -> None:
        if trainer.global_step == 13:
            raise ArithmeticError("broken off")
        plain(self, trainer, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LastCheckpoint, "on_train_batch_start", break_off)
        with pytest.raises(ArithmeticError, match="broken off"):
            call(folder / "run", *TINY, "trainer.max_epochs=3")
    return folder / "run", shutil.copytree(folder / "run", folder / "kept")


@pytest.fixture
def stopped(broken_off: tuple[Path, Path]) -> Path:
    """The folder of that run as it broke off."""
    folder, kept = broken_off
    shutil.rmtree(folder)
    return shutil.copytree(kept, folder)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def assert_same_weights(one: Path, other: Path) -> None:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def figures(run: Any) -> dict[str, float]:
    return {name: value for name, value in run.metrics.items() if not name.startswith("timing/")}


def test_a_run_goes_on_as_if_it_had_never_stopped(call: Call, stopped: Path, whole: Any) -> None:
    resumed = call(stopped, f"resume={stopped}")
    assert resumed.code == 0
    assert "note: going on after step 11 (epoch 2)" in resumed.said
    assert "changed:" not in resumed.said
    assert_same_weights(whole.folder, stopped)
    assert figures(resumed) == figures(whole)
    assert not list(stopped.rglob("previous.ckpt"))


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty"])
def test_a_broken_last_checkpoint_is_told_and_the_one_before_used(
    call: Call, stopped: Path, whole: Any, damage: str
) -> None:
    last = stopped / "checkpoints" / "last.ckpt"
    content = last.read_bytes()
    last.unlink()  # previous.ckpt may be another name of an older file, never of this one
    last.write_bytes({"cut": content[: len(content) // 2], "garbage": b"\x80" * 500, "empty": b""}[damage])
    resumed = call(stopped, f"resume={stopped}")
    assert re.search(r"last\.ckpt is broken \(.*\); going on from previous\.ckpt", resumed.said)
    assert_same_weights(whole.folder, stopped)


def test_without_one_whole_checkpoint_nothing_is_begun(
    call: Call, stopped: Path, capsys: pytest.CaptureFixture
) -> None:
    for path in (stopped / "checkpoints").glob("*.ckpt"):
        path.unlink()
        path.write_bytes(b"")
    assert call(stopped, f"resume={stopped}").code == 2
    assert "no checkpoint can be read" in capsys.readouterr().err


def test_changed_settings_are_listed_and_a_longer_run_is_the_longer_run(
    call: Call, whole: Any, tmp_path: Path
) -> None:
    call(tmp_path / "run", *TINY, "trainer.max_epochs=1")
    longer = call(tmp_path / "run", f"resume={tmp_path / 'run'}", "trainer.max_epochs=3")
    assert longer.code == 0
    assert "note: changed: trainer.max_epochs: 1 -> 3" in longer.said
    assert_same_weights(whole.folder, longer.folder)
    assert figures(longer) == figures(whole)


def test_a_finished_run_is_not_trained_again(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    run = call(tmp_path / "run", *TINY, "trainer.max_epochs=1")
    before = (run.folder / "metrics.json").read_bytes()
    assert call(run.folder, f"resume={run.folder}").code == 2
    assert "this run is finished" in capsys.readouterr().err
    assert call(run.folder, *TINY).code == 2
    assert "a finished run lies there" in capsys.readouterr().err
    assert (run.folder / "metrics.json").read_bytes() == before


def test_early_stopping_is_remembered(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (
        *TINY,
        "trainer.max_epochs=9",
        "callbacks.early_stopping.patience=1",
        "callbacks.early_stopping.min_delta=9",
    )
    whole = call(tmp_path / "whole", *settings)
    assert torch.load(whole.folder / "checkpoints/last.ckpt", weights_only=True)["epoch"] == 2

    def fails(*_: Any) -> None:
        raise ValueError("a bug")

    with monkeypatch.context() as patch:  # after training, while it is judged
        patch.setattr("seqlab.training.run_folder.RunFolder.save_scores", fails)
        with pytest.raises(ValueError, match="a bug"):
            call(tmp_path / "run", *settings)
    resumed = call(tmp_path / "run", f"resume={tmp_path / 'run'}")
    assert_same_weights(whole.folder, resumed.folder)
    assert figures(resumed) == figures(whole)


def test_another_shape_is_told(call: Call, stopped: Path, capsys: pytest.CaptureFixture) -> None:
    assert call(stopped, f"resume={stopped}", "model.network.hidden_size=7").code == 2
    assert "the network has another shape than" in capsys.readouterr().err


def test_changes_are_named_by_key(composed: Callable[..., Any]) -> None:
    before = {"seed": 1, "data": {"a": 1, "b": None}, "gone": True, "trainer": {"enable_progress_bar": True}}
    after = {"seed": 1, "data": {"a": 2, "b": "x"}, "trainer": {"enable_progress_bar": False}}
    from omegaconf import OmegaConf

    assert changed_settings(before, OmegaConf.create(after)) == [
        "data.a: 1 -> 2",
        "data.b: null -> x",
        "gone: True -> not set",
    ]
