from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig

from seqlab.errors import UserError
from seqlab.training.build import build_task
from seqlab.training.checkpoints import load_task
from seqlab.training.trainer import check_hardware

Compose = Callable[..., DictConfig]
TINY = (
    "model=lstm",
    "model.network.num_readers=1",
    "model.network.hidden_size=4",
    "data.sample.num_days=120",
    "data.backtest.folds=0",
    "data.batch_size=16",
    "trainer.max_epochs=1",
    "trainer.enable_progress_bar=false",
)


def test_without_a_compiler_it_says_what_to_do(
    composed: Compose, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    check_hardware(composed().trainer)
    with pytest.raises(
        UserError, match=r"^trainer\.compile=true: torch\.compile needs a C\+\+ compiler, and g"
    ):
        check_hardware(composed("trainer.compile=true").trainer)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"and no-such-compiler is not on the PATH"):
        check_hardware(composed("trainer.compile=true").trainer)


def test_what_is_neither_true_nor_false_is_named(composed: Compose) -> None:
    with pytest.raises(UserError, match=r"^trainer\.compile=2: give true or false$"):
        check_hardware(composed("trainer.compile=2").trainer)


def test_a_compiled_network_keeps_the_names_of_its_weights(composed: Compose) -> None:
    sizes = {"num_features": 3, "horizon": 1, "num_targets": 1, "num_known": 0}
    plain, compiled = (
        build_task(composed(*TINY, f"trainer.compile={flag}"), sizes) for flag in ("false", "true")
    )
    assert compiled.network._compiled_call_impl is not None
    assert plain.network._compiled_call_impl is None
    assert list(compiled.state_dict()) == list(plain.state_dict())


def test_a_compiled_run_has_the_losses_of_a_plain_one_and_its_checkpoint_loads(
    tmp_path: Path, call: Callable[..., Any]
) -> None:
    plain = call(tmp_path / "plain", *TINY)
    compiled = call(tmp_path / "compiled", *TINY, "trainer.compile=true")
    assert (plain.code, compiled.code) == (0, 0)
    for key in ("val/loss", "test/mae"):
        assert compiled.metrics[key] == pytest.approx(plain.metrics[key], rel=1e-4)
    task, _ = load_task(compiled.folder / "checkpoints/best.ckpt")
    expected, _ = load_task(plain.folder / "checkpoints/best.ckpt")
    for name, weight in expected.state_dict().items():
        assert task.state_dict()[name].numpy() == pytest.approx(weight.numpy(), abs=1e-4)
