from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from omegaconf import DictConfig, OmegaConf

from seqlab.errors import UserError
from seqlab.training.trainer import build_trainer, check_hardware, debug_arguments, debug_notices

Compose = Callable[..., DictConfig]
Call = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]
SAME_TASKS = {"name_classifier", "entity_tagger"}  # as classifier and tagger, with other settings
MODELS = sorted({path.stem for path in (ROOT / "conf/model").glob("*.yaml")} - SAME_TASKS)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("overfit=0",), "trainer.overfit=0: give a number of batches, at least 1, or null"),
        (("overfit=0.5",), "trainer.overfit=0.5: give a number of batches, at least 1, or null"),
        (("overfit=true",), "trainer.overfit=True: give a number of batches, at least 1, or null"),
        (("fast=1",), "trainer.fast=1: give true or false"),
        (
            ("fast=true", "overfit=2"),
            "trainer.overfit=2 and trainer.fast=true exclude each other: choose one",
        ),
        (
            ("overfit_batches=3",),
            "trainer.overfit_batches=3: type trainer.overfit=N, which repeats the first N batches of "
            "training",
        ),
    ],
)
def test_a_value_that_makes_no_sense_is_named(
    composed: Compose, overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        check_hardware(composed(*(f"trainer.{part}" for part in overrides)).trainer)
    assert str(caught.value) == message


def test_without_a_mode_nothing_changes(composed: Compose) -> None:
    config = composed().trainer
    assert debug_arguments(config) == {}
    assert debug_notices(config) == []


def test_fast_wins_over_limits_and_epochs(composed: Compose, tmp_path: Path) -> None:
    config = composed("trainer.fast=true", "trainer.max_epochs=7", "trainer.min_steps=9").trainer
    trainer = build_trainer(config, [], [], tmp_path)
    assert (trainer.max_epochs, trainer.min_steps, trainer.limit_train_batches) == (1, None, 1)
    assert (trainer.limit_val_batches, trainer.fast_dev_run) == (1, False)


@pytest.mark.parametrize("model", MODELS)
def test_fast_is_one_batch_of_everything_and_all_that_follows(
    model: str, tmp_path: Path, call: Call, composed: Compose
) -> None:
    data = composed(f"model={model}", hydra=True).hydra.runtime.choices.data
    small = OmegaConf.load(ROOT / "tests/tiny_data.yaml")[data]
    run = call(tmp_path, f"model={model}", *small, "trainer.fast=true", "trainer.enable_progress_bar=false")
    assert run.code == 0
    assert "note: Debugging run, trainer.fast=true" in run.said
    assert "Debugging run" in run.report
    for name in ("metrics.json", "scores.csv", "checkpoints/best.ckpt", "checkpoints/last.ckpt"):
        assert (tmp_path / name).is_file()
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert len(table["train/step_loss"].dropna()) == 1


@pytest.mark.parametrize(
    ("overrides", "batches"),
    [
        (
            (
                "model=seq2seq",
                "model.network.dropout=0",
                "model.network.hidden_size=32",
                "data.sample.num_pairs=60",
                "data.batch_size=4",
            ),
            2,
        ),
        # contiguous streams: an epoch's first batch is cut at another place each time
        (("model=char_rnn", "data.seq_length=10"), 1),
    ],
)
def test_overfit_learns_the_same_batches_by_heart(
    overrides: tuple[str, ...], batches: int, tmp_path: Path, call: Call
) -> None:
    epochs = 60
    run = call(
        tmp_path,
        *overrides,
        f"trainer.overfit={batches}",
        f"trainer.max_epochs={epochs}",
        "trainer.check_val_every_n_epoch=50",
        "trainer.log_every_n_steps=1",
        "trainer.enable_progress_bar=false",
        "scheduler=constant",
        "optimizer.lr=0.03",
        "callbacks.early_stopping.patience=1",
    )
    assert run.code == 0
    assert f"note: Debugging run, trainer.overfit={batches}" in run.said
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert len(table["train/step_loss"].dropna()) == epochs * batches
    losses = table["train/loss"].dropna().to_numpy()
    assert len(losses) == epochs
    assert losses[0] > 1
    assert losses[-1] < 0.1


def test_every_epoch_has_the_batches_of_the_first(tmp_path: Path, call: Call) -> None:
    # a rate of 0 learns nothing: equal batches have equal losses, and others have others
    settings = (
        "data.sample.num_blocks=120",
        "detection.scores=[nll_max,combined]",
        "data.batch_size=8",
        "optimizer.lr=0",
        "trainer.max_epochs=3",
        "trainer.log_every_n_steps=1",
        "trainer.enable_progress_bar=false",
        "scheduler=constant",
    )

    def step_losses(name: str, *overrides: str) -> list[list[float]]:
        call(tmp_path / name, *settings, *overrides)
        found = pd.read_csv(tmp_path / name / "metrics.csv")["train/step_loss"].dropna().tolist()
        return [found[start : start + 2] for start in range(0, 6, 2)]

    first, second, third = step_losses("overfit", "trainer.overfit=2")
    assert first == second == third
    assert first[0] != first[1]
    others = step_losses("others", "trainer.limit_train_batches=2")
    assert others[0] == first
    assert others[1] != first
