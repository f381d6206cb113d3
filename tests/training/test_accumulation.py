"""``trainer.accumulate_grad_batches``: batches that share a step give the gradient of their union."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import SGD
from torch.utils.data import DataLoader

from seqlab.data.batches import TextBatch
from seqlab.networks.char_rnn import CharRNN
from seqlab.networks.gru_autoencoder import GRUAutoencoder
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.tasks.base import SequenceTask
from seqlab.tasks.language_model import LanguageModel
from seqlab.tasks.next_event import NextEvent
from seqlab.tasks.reconstruction import Reconstruction

NUM_ITEMS, SMALL, GROUP = 35, 5, 4  # the last group has 3 batches of 4
OPTIMIZER = partial(SGD, lr=0.5, momentum=0.9)


class Kind(NamedTuple):
    """A task with new weights, and batches of chosen items."""

    task: Callable[[], SequenceTask]
    batch: Callable[[Tensor], Any]


class RowsOfText:
    """Rows of 1 to 12 tokens, padded; each a text of its own."""

    def __getitem__(self, rows: Tensor) -> TextBatch:
        inputs, targets = torch.zeros(len(rows), 12, dtype=torch.int64), torch.zeros(len(rows), 12).long()
        for place, row in enumerate(rows.tolist()):
            length = 1 + row * 7 % 12
            tokens = 1 + (torch.arange(length + 1) * (row + 2)) % 7
            inputs[place, :length], targets[place, :length] = tokens[:-1], tokens[1:]
        return TextBatch(inputs, targets, torch.tensor(True))


@pytest.fixture(params=["next_event", "reconstruction", "language_model"])
def kind(request: pytest.FixtureRequest, windows: Callable[..., Any], padded: Callable[..., Any]) -> Kind:
    if request.param == "language_model":
        network: Any = partial(CharRNN, 8, 0, embedding_size=6, hidden_size=8)
        return Kind(
            lambda: LanguageModel(pad_id=0, network=network(), optimizer=OPTIMIZER), RowsOfText().__getitem__
        )
    data = windows() if request.param == "next_event" else padded()
    sizes = data.sizes
    if request.param == "next_event":
        network = partial(
            GRUPredictor,
            sizes["vocab_size"],
            sizes["pad_id"],
            sizes["unk_id"],
            embedding_size=6,
            hidden_size=8,
        )
        kind: Any = NextEvent
    else:
        network = partial(GRUAutoencoder, **sizes, embedding_size=6, hidden_size=8)
        kind = Reconstruction
    return Kind(
        lambda: kind(unk_id=sizes["unk_id"], network=network(), optimizer=OPTIMIZER),
        data.train_dataloader().dataset.__getitem__,
    )


def trained(kind: Kind, batch_size: int, group: int, **settings: Any) -> SequenceTask:
    """The task after two epochs over the same items in the same order."""
    torch.manual_seed(0)
    task = kind.task()
    batches: Sequence[Any] = [kind.batch(items) for items in torch.arange(NUM_ITEMS).split(batch_size)]
    assert len({int(batch.num_units) for batch in batches}) > 1
    trainer = pl.Trainer(
        **settings,
        accumulate_grad_batches=group,
        max_epochs=2,
        limit_val_batches=0,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(task, train_dataloaders=DataLoader(batches, batch_size=None))  # type: ignore[arg-type]
    assert trainer.global_step == 2 * -(-NUM_ITEMS // (batch_size * group))
    return task


@pytest.mark.parametrize("clip", [None, 0.05])
def test_small_batches_that_share_a_step_train_as_one_large_batch(kind: Kind, clip: float | None) -> None:
    large = trained(kind, SMALL * GROUP, 1, gradient_clip_val=clip)
    small = trained(kind, SMALL, GROUP, gradient_clip_val=clip)
    torch.manual_seed(0)
    untrained = kind.task()
    weights = list(zip(large.parameters(), small.parameters(), untrained.parameters(), strict=True))
    for one, other, _ in weights:
        torch.testing.assert_close(other, one, rtol=0, atol=1e-6)
    assert max(float((one - before).abs().max().detach()) for one, _, before in weights) > 0.01
