from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer

from seqlab.data.labelled_text import Names
from seqlab.errors import UserError
from seqlab.networks.sequence_classifier import SequenceClassifier
from seqlab.tasks.classification import Classification


def data(**settings: Any) -> Names:
    found = Names(**{"sample": {"num_names": 200}, "batch_size": 32} | settings)
    found.setup()
    return found


def classifier(module: Names, num_readers: int = 2, **settings: Any) -> Classification:
    torch.manual_seed(0)
    network = SequenceClassifier(
        **module.sizes,
        embedding_size=8,
        hidden_size=8,
        num_readers=num_readers,
        dropout=0.0,
        embedding_dropout=0.0,
    )
    return Classification(
        network=network, optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.02), **settings
    )


def fitted(task: Classification, module: Names, epochs: int = 1) -> Trainer:
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(task, datamodule=module)
    return trainer


def test_the_loss_is_that_of_the_mean_probability() -> None:
    module = data()
    task = classifier(module, label_smoothing=0.2).eval()
    batch = module.dataset("train")[torch.arange(7)]
    probabilities = task.network(batch).exp().mean(dim=0)
    losses = task.losses(batch)
    plain = -sum(probabilities[row, label].log() for row, label in enumerate(batch.labels.tolist()))
    torch.testing.assert_close(losses.nll, plain)
    assert losses.correct == (probabilities.argmax(dim=1) == batch.labels).sum()
    torch.testing.assert_close(task.predict_step(batch), probabilities)


def test_the_training_loss_is_smoothed_weighted_and_each_readers_own() -> None:
    module = data()
    task = classifier(module, label_smoothing=0.2).train()
    task.class_weights.copy_(torch.linspace(0.5, 2, len(task.class_weights)))
    batch = module.dataset("train")[torch.arange(5)]
    plain = torch.zeros(())
    for readers in task.network(batch):
        for row, label in zip(readers, batch.labels.tolist(), strict=True):
            plain -= task.class_weights[label] * (0.8 * row[label] + 0.2 * row.mean()) / 2
    torch.testing.assert_close(task.losses(batch).nll, plain)


def test_training_learns_and_logs_what_the_monitor_reads() -> None:
    module = data()
    task = classifier(module)
    before = task.eval().losses(module.dataset("train")[torch.arange(50)]).nll
    trainer = fitted(task.train(), module, epochs=3)
    assert task.eval().losses(module.dataset("train")[torch.arange(50)]).nll < before
    assert {"val/loss", "val/accuracy", "val/macro_f1"} <= set(trainer.callback_metrics)


def test_the_datas_class_weights_are_learned_with_and_stay_in_the_checkpoint() -> None:
    module = data(class_weights="balanced")
    task = classifier(module)
    fitted(task, module)
    assert task.state_dict()["class_weights"].tolist() == pytest.approx(module.class_weights)


def test_a_wrong_share_is_told() -> None:
    with pytest.raises(UserError, match=r"label_smoothing=1"):
        classifier(data(), label_smoothing=1.0)
