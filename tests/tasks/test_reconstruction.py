from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from omegaconf import DictConfig
from torch import Tensor

from seqlab.data.padded_sessions import PaddedDataset, PaddedSessions
from seqlab.data.sequences import Sessions
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import distinct_sessions
from seqlab.networks.attention import ATTENTIONS
from seqlab.networks.gru_autoencoder import GRUAutoencoder
from seqlab.tasks.reconstruction import Reconstruction
from seqlab.training.build import build_task

SEEN = [["5", "5", "22", "9"], ["5", "22"], ["5", "5", "22", "9"], ["9", "5", "5", "5", "22", "9"]]
WITH_UNSEEN = [*SEEN, ["5", "77", "22"], ["5", "5", "22", "9"]]
VOCABULARY = Vocabulary.from_sessions(Sessions.from_lists(SEEN))


def dataset(*, deduplicate: bool = True, by_distinct: bool = False) -> PaddedDataset:
    sessions = Sessions.from_lists(WITH_UNSEEN)
    distinct = distinct_sessions(VOCABULARY.encode(sessions), sessions.lengths, VOCABULARY)
    device = torch.device("cpu")
    return PaddedDataset(
        distinct, VOCABULARY, deduplicate=deduplicate, by_distinct=by_distinct, device=device
    )


def new_task(attention: str = "none") -> Reconstruction:
    torch.manual_seed(0)
    network = GRUAutoencoder(
        len(VOCABULARY),
        VOCABULARY.pad,
        VOCABULARY.unk,
        7,
        embedding_size=5,
        hidden_size=6,
        attention=attention,
    )
    return Reconstruction(network=network, unk_id=VOCABULARY.unk)


def gradients(task: Reconstruction, loss: Tensor) -> dict[str, Tensor]:
    task.zero_grad()
    loss.backward()
    return {name: parameter.grad.clone() for name, parameter in task.named_parameters()}


def by_hand(task: Reconstruction) -> tuple[Tensor, int, int]:
    """Mean loss, right guesses and number of tokens, one session at a time, without any padding."""
    losses, correct = [], 0
    for session in WITH_UNSEEN:
        tokens = [VOCABULARY.id(key) for key in session]
        source = torch.tensor([[*tokens, VOCABULARY.eos]])
        decoder_input = torch.tensor([[VOCABULARY.bos, *tokens]])
        everything = torch.ones_like(source, dtype=torch.bool)
        logits = task.network(source, decoder_input, torch.tensor([source.shape[1]]), everything).logits[0]
        for row, target in zip(logits, source[0], strict=True):
            if target != VOCABULARY.unk:
                losses.append(F.cross_entropy(row, target))
                correct += int(row.argmax() == target)
    return torch.stack(losses).mean(), correct, len(losses)


@pytest.mark.parametrize("attention", ["none", "dot", "concat"])
@pytest.mark.parametrize("deduplicate", [True, False])
def test_loss_and_gradients_equal_a_loop_over_sessions(deduplicate: bool, attention: str) -> None:
    task = new_task(attention)
    losses = task.losses(dataset(deduplicate=deduplicate)[torch.tensor([5, 0, 1, 2, 3, 4])])
    mean, correct, count = by_hand(task)
    loss = losses.nll / losses.num_units
    assert loss.item() == pytest.approx(mean.item(), abs=1e-5)
    assert losses.num_units == count == sum(len(session) + 1 for session in WITH_UNSEEN) - 1
    assert losses.correct == correct
    plain = gradients(task, mean)
    for name, gradient in gradients(task, loss).items():
        torch.testing.assert_close(gradient, plain[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sessions", [[0, 1, 2, 3, 4, 5], [2], [0, 2, 5], [4, 4]])
def test_deduplication_changes_neither_loss_nor_gradients(sessions: list[int]) -> None:
    task = new_task("general")
    found = []
    for deduplicate in (True, False):
        losses = task.losses(dataset(deduplicate=deduplicate)[torch.tensor(sessions)])
        found.append((losses, gradients(task, losses.nll / losses.num_units)))
    (shared, one), (plain, other) = found
    assert shared.nll.item() == pytest.approx(plain.nll.item(), abs=1e-5)
    assert shared.correct == plain.correct
    assert shared.num_units == plain.num_units
    for name, gradient in one.items():
        torch.testing.assert_close(gradient, other[name], rtol=1e-5, atol=1e-5)


def test_equal_sessions_are_read_once() -> None:
    every = torch.arange(6)
    plain, shared = dataset(deduplicate=False)[every], dataset()[every]
    assert len(plain.source) == 6
    assert len(shared.source) == 4
    assert sorted(shared.session_count.tolist()) == [1, 1, 1, 3]
    assert plain.num_units == shared.num_units == sum(len(session) + 1 for session in WITH_UNSEEN)


def test_what_stands_at_padding_reaches_no_loss() -> None:
    task = new_task("concat")
    batch = dataset()[torch.arange(6)]
    assert not batch.mask.all()
    changed = batch._replace(
        source=batch.source.masked_fill(~batch.mask, 5),
        decoder_input=batch.decoder_input.masked_fill(~batch.mask, 6),
    )
    assert task.losses(changed).nll.item() == pytest.approx(task.losses(batch).nll.item(), abs=1e-5)
    assert len(task.predict_step(batch).nll) == int(batch.mask.sum())


def test_scores_come_row_by_row_and_hold_the_unseen_token_too() -> None:
    task = new_task()
    batch = dataset(by_distinct=True)[torch.arange(4)]
    scores = task.predict_step(batch)
    targets = batch.source[batch.mask]
    seen = targets != VOCABULARY.unk
    assert (~seen).sum() == 1
    counts = batch.session_count.repeat_interleave(batch.lengths)
    total = (scores.nll * counts)[seen].sum().item()
    assert total == pytest.approx(task.losses(batch).nll.item(), abs=1e-4)


def test_attention_weights_of_real_tokens() -> None:
    batch = dataset(by_distinct=True)[torch.arange(4)]
    assert new_task("none").attention_weights(batch) is None
    weights = new_task("scaled_dot").attention_weights(batch)
    assert weights.shape == (4, 7, 7)
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, 7))
    assert (weights[0, :, int(batch.lengths[0]) :] == 0).all()


@pytest.fixture
def sessions(padded: Callable[..., PaddedSessions]) -> Any:
    """A batch of whole sessions and the sizes of their data."""
    datamodule = padded()
    return next(iter(datamodule.train_dataloader())), datamodule.sizes


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_one_step_of_the_autoencoder_lowers_the_loss_with_every_attention(
    composed: Callable[..., DictConfig], sessions: Any, attention: str
) -> None:
    batch, sizes = sessions
    torch.manual_seed(0)
    config = composed("model=gru_ae", f"model.network.attention={attention}", "scheduler=constant")
    task = build_task(config, sizes)
    optimizer = task.configure_optimizers()["optimizer"]
    before = task.losses(batch)
    (before.nll / before.num_units).backward()
    gradients = {name: parameter.grad for name, parameter in task.named_parameters()}
    for name, gradient in gradients.items():
        assert gradient is not None, name
        assert torch.isfinite(gradient).all(), name
    optimizer.step()
    assert task.losses(batch).nll < before.nll
