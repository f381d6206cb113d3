import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig

from seqlab.errors import UserError
from seqlab.training.build import build_data, build_task
from seqlab.training.callbacks import build_callbacks
from seqlab.training.checkpoints import contents_of, load_task
from seqlab.training.nonfinite import NonFiniteStop
from seqlab.training.trainer import build_trainer

Compose = Callable[..., DictConfig]
# squared errors under far too high a rate grow by some powers of ten each step: weights overflow for good
EXPLODING = (
    "model=lstm",
    "model.loss=mse",
    "model.network.quantiles=[]",
    "model.network.num_readers=1",
    "data.sample.num_days=150",
    "data.backtest.folds=0",
    "data.batch_size=16",
    "optimizer=sgd",
    "scheduler=constant",
    "optimizer.lr=30",
    "trainer.gradient_clip_val=null",
    "trainer.enable_progress_bar=false",
    "callbacks.early_stopping.patience=null",
)


@pytest.fixture
def explode(composed: Compose, tmp_path: Path) -> Callable[..., str]:
    """Trains until it diverges and gives the message."""

    def run(*overrides: str, every: int | None = None) -> str:
        config = composed(*EXPLODING, *overrides)
        torch.manual_seed(0)
        data: Any = build_data(config.data)
        data.setup()
        found = build_callbacks(config, tmp_path, contents_of(config, data)).all
        assert isinstance(found[0], NonFiniteStop)
        found[0].every = every
        trainer = build_trainer(config.trainer, found, [], tmp_path)
        with pytest.raises(UserError) as caught:
            trainer.fit(build_task(config, data.sizes), datamodule=data)
        return str(caught.value)

    return run


def finite_weights(checkpoint: Path) -> bool:
    return all(bool(torch.isfinite(weight).all()) for weight in load_task(checkpoint)[0].parameters())


def test_a_run_that_diverges_names_where_and_keeps_its_last_good_checkpoint(
    tmp_path: Path, call: Callable[..., Any], capsys: pytest.CaptureFixture
) -> None:
    run = call(tmp_path, *EXPLODING)
    assert run.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("error: training diverged at step ")
    assert "gradient norm inf, learning rate 30. Last good checkpoint: " in said
    assert said.endswith("Try optimizer.lr=3 or trainer.gradient_clip_val=1\n")
    for name in ("best", "last"):
        assert finite_weights(tmp_path / f"checkpoints/{name}.ckpt")
    assert (tmp_path / "train.log").exists()
    assert not (tmp_path / "metrics.json").exists()


def test_figures_read_late_name_the_same_step_and_spare_the_checkpoints(
    explode: Callable[..., str], tmp_path: Path
) -> None:
    at_once = explode("trainer.max_epochs=40")
    for checkpoint in tmp_path.glob("*.ckpt"):
        checkpoint.unlink()
    late = explode("trainer.max_epochs=40", every=64)
    assert late == at_once
    assert str(tmp_path / "best.ckpt") in late
    assert finite_weights(tmp_path / "best.ckpt")
    assert finite_weights(tmp_path / "last.ckpt")


def test_figures_read_late_are_read_before_their_buffer_is_full(
    explode: Callable[..., str], tmp_path: Path
) -> None:
    message = explode("trainer.max_epochs=1", "data.batch_size=1", every=3)
    assert message.startswith("training diverged at step ")
    assert "(epoch 1, batch " in message
    assert f"Last good checkpoint: {tmp_path / 'last.ckpt'}. " in message  # of the epoch's start
    assert finite_weights(tmp_path / "last.ckpt")


def test_the_batch_to_blame_is_named_where_gradients_are_gathered(explode: Callable[..., str]) -> None:
    # one step of 8 batches: the first batch after it is the first under the new weights
    message = explode("optimizer.lr=1e25", "data.batch_size=8", "trainer.accumulate_grad_batches=8")
    assert message.startswith("training diverged at step 2 (epoch 1, batch 9): loss inf, ")


def test_a_loss_of_validation_is_named_as_such(explode: Callable[..., str], tmp_path: Path) -> None:
    message = explode("optimizer.lr=1e25", "data.batch_size=1000")
    kept = tmp_path / "last.ckpt"  # of the epoch's start
    assert message.startswith(f"val/loss is inf after epoch 1, step 1. Last good checkpoint: {kept}. ")
    assert finite_weights(kept)
    assert not (tmp_path / "best.ckpt").exists()


def test_another_precision_is_among_what_to_try(explode: Callable[..., str]) -> None:
    message = explode("trainer.precision=bf16-mixed", "trainer.gradient_clip_val=1e30")
    assert message.endswith(
        "Try optimizer.lr=3, trainer.gradient_clip_val=5e+29 or trainer.precision=32-true"
    )


def test_a_run_that_converges_is_left_alone(tmp_path: Path, call: Callable[..., Any]) -> None:
    run = call(tmp_path, *EXPLODING, "optimizer.lr=0.01", "trainer.max_epochs=3")
    assert run.code == 0
    assert math.isfinite(run.metrics["val/loss"])
