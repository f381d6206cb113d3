from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pytorch_lightning import Trainer

from seqlab.data.batches import TagBatch
from seqlab.data.tagged_text import Entities, TaggedText
from seqlab.data.word_vectors import WordVectors
from seqlab.errors import UserError
from seqlab.networks.tagger import Tagger
from seqlab.tasks.tagging import Tagging


def data(**settings: Any) -> Entities:
    found = Entities(**{"sample": {"num_sentences": 80, "seed": 0}} | settings)
    found.setup()
    return found


def tagger(module: Entities, **settings: Any) -> Tagging:
    torch.manual_seed(0)
    network = Tagger(
        **module.sizes, embedding_size=8, char_size=6, char_embedding_size=4, hidden_size=8, **settings
    )
    return Tagging(
        network=network, optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.01), scheduler=None
    )


def fitted(task: Tagging, module: Entities, epochs: int = 1) -> Trainer:
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


def test_the_loss_without_a_crf_is_cross_entropy_per_token() -> None:
    module = data()
    task = tagger(module, crf=False).eval()
    batch = module.dataset("train")[torch.arange(5)]
    losses = task.losses(batch)
    scores = task.network(batch)
    plain = sum(
        F.cross_entropy(scores[row, :length], batch.tags[row, :length], reduction="sum")
        for row, length in enumerate(batch.lengths.tolist())
    )
    torch.testing.assert_close(losses.nll, plain)
    assert losses.num_units == batch.mask.sum()
    assert losses.correct is None


@pytest.mark.parametrize("crf", [True, False])
def test_tags_that_training_lacks_count_as_o_in_the_loss(crf: bool) -> None:
    module = data()
    task = tagger(module, crf=crf).eval()
    batch = module.dataset("train")[torch.arange(3)]
    outside = batch._replace(tags=torch.zeros_like(batch.tags))
    unknown = batch._replace(tags=torch.full_like(batch.tags, module.sizes["num_tags"]))
    torch.testing.assert_close(task.losses(unknown).nll, task.losses(outside).nll)


@pytest.mark.parametrize("crf", [True, False])
def test_training_learns_and_logs_what_the_monitor_reads(crf: bool) -> None:
    module = data()
    task = tagger(module, crf=crf)
    before = task.judge_batch(module.dataset("train")[torch.arange(20)])[0].sum()
    trainer = fitted(task.train(), module, epochs=3)
    assert task.judge_batch(module.dataset("train")[torch.arange(20)])[0].sum() < before
    logged = trainer.callback_metrics
    assert {"val/loss", "val/entity_f1", "val/entity_precision", "val/entity_recall"} <= set(logged)
    assert logged["val/token_accuracy"] > 0.5
    assert "val/accuracy" not in logged


def test_judging_a_batch_is_what_prediction_and_loss_say() -> None:
    module = data()
    task = tagger(module)
    batch: TagBatch = module.dataset("val")[torch.arange(4)]
    nll, tags = task.judge_batch(batch)
    assert not task.training
    assert nll.shape == (4,)
    torch.testing.assert_close(nll.sum(), task.losses(batch).nll)
    assert torch.equal(tags, task.predict_step(batch))
    assert not tags[~batch.mask].any()


def test_word_vectors_of_the_data_start_the_training() -> None:
    module = data()
    module.word_vectors = WordVectors(
        ids=torch.tensor([7, 8]).numpy(), vectors=torch.arange(16.0).view(2, 8).numpy()
    )
    task = tagger(module)
    task.optimizer_factory = lambda parameters: torch.optim.SGD(parameters, lr=0.0)
    fitted(task, module)
    assert task.network.word_embedding.weight[8].tolist() == [8, 9, 10, 11, 12, 13, 14, 15]


def test_plain_tags_learn_their_accuracy_under_any_order_of_tags() -> None:
    module = TaggedText(sample={"num_sentences": 80, "seed": 0})
    module.setup()
    task = tagger(module)
    assert bool(task.network.output.allowed.all())
    trainer = fitted(task, module, epochs=2)
    logged = trainer.callback_metrics
    assert logged["val/score"] == logged["val/accuracy"] > 0
    assert "val/entity_f1" not in logged


def test_a_monitor_that_the_tags_have_no_figure_for_is_refused_before_training() -> None:
    module = TaggedText(sample={"num_sentences": 80, "seed": 0})
    module.setup()
    task = tagger(module)
    task.monitor = "val/entity_f1"
    with pytest.raises(UserError, match=r"monitor\.metric=val/entity_f1: .* val/accuracy.*model=tagger"):
        fitted(task, module)
    assert task.trainer.global_step == 0
