"""A run of ``test=false``: its figure is the best validation one, and without any it says what to do."""

from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from seqlab.errors import UserError
from seqlab.evaluation.classification import ClassificationEvaluation
from seqlab.evaluation.validation_only import ValidationOnly


def task_after(figures: dict[str, torch.Tensor], *callbacks: ModelCheckpoint) -> SimpleNamespace:
    trainer = SimpleNamespace(callbacks=list(callbacks), callback_metrics=figures)
    return SimpleNamespace(monitor="val/loss", trainer=trainer)


@pytest.fixture
def judged() -> ValidationOnly:
    return ValidationOnly(ClassificationEvaluation())


def test_the_best_checkpoint_counts_and_else_the_last_validation(judged: ValidationOnly) -> None:
    last = {"val/loss": torch.tensor(0.75)}
    checkpoint = ModelCheckpoint(monitor="val/loss")
    assert judged.fit(task_after(last, checkpoint), None)[1] == {"val/loss": 0.75}
    checkpoint.best_model_score = torch.tensor(0.5)
    assert judged.fit(task_after(last, checkpoint), None)[1] == {"val/loss": 0.5}


def test_a_training_that_ended_before_its_first_validation(judged: ValidationOnly) -> None:
    with pytest.raises(UserError, match=r"test=false judges by val/loss, .* trainer\.val_check_interval=N"):
        judged.fit(task_after({}), None)
