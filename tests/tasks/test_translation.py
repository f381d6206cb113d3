import math

import pytest
import torch
from torch import nn

from seqlab.data.batches import TranslationBatch
from seqlab.errors import UserError
from seqlab.networks.seq2seq import Seq2Seq
from seqlab.tasks.translation import Translation

PAD, BOS, EOS, UNK = 0, 1, 2, 3


def batch() -> TranslationBatch:
    """Two pairs: 3 and 2 source tokens, 2 and 3 target tokens, ends counted."""
    return TranslationBatch(
        source=torch.tensor([[4, 5, EOS], [6, EOS, PAD]]),
        source_lengths=torch.tensor([3, 2]),
        decoder_input=torch.tensor([[BOS, 4, PAD], [BOS, 5, 6]]),
        target=torch.tensor([[4, EOS, PAD], [5, 6, EOS]]),
        target_lengths=torch.tensor([2, 3]),
        pair=torch.tensor([0, 1]),
    )


def network(**settings: object) -> Seq2Seq:
    torch.manual_seed(0)
    return Seq2Seq(8, 8, PAD, BOS, EOS, 5, embedding_size=6, hidden_size=8, **settings)  # type: ignore[arg-type]


def test_the_loss_by_hand_leaves_padding_out() -> None:
    task = Translation(network=network(), unk_id=UNK).eval()
    with torch.no_grad():
        for weights in (task.network.output.weight, task.network.output.bias):
            weights.zero_()
        task.network.output.bias[4] = math.log(9.0)  # 9 parts of 16 for token 4, 1 for each of the others
    losses = task.losses(batch())
    assert losses.nll.item() == pytest.approx(-math.log(9 / 16) - 4 * math.log(1 / 16))
    assert int(losses.num_units) == 5
    assert losses.correct is not None
    assert int(losses.correct) == 1


def test_smoothing_is_of_the_training_loss_alone() -> None:
    """(1 - s) -log p(target) + s mean over the vocabulary of -log p."""
    task = Translation(network=network(), unk_id=UNK, label_smoothing=0.2)
    with torch.no_grad():
        for weights in (task.network.output.weight, task.network.output.bias):
            weights.zero_()
        task.network.output.bias[4] = math.log(9.0)
    plain = -math.log(9 / 16) - 4 * math.log(1 / 16)
    spread = 5 * (-math.log(9 / 16) - 7 * math.log(1 / 16)) / 8
    assert task.losses(batch()).nll.item() == pytest.approx(0.8 * plain + 0.2 * spread)
    task.eval()
    assert task.losses(batch()).nll.item() == pytest.approx(plain)


def test_a_training_loss_per_pair_is_the_mean_over_pairs_of_their_tokens_sum() -> None:
    """Two pairs of five tokens: the same sum, divided by 2; validation stays nats a token."""
    summed, mean = (Translation(network=network(), unk_id=UNK, loss_per=per) for per in ("pair", "token"))
    assert summed.losses(batch()).nll.item() == mean.losses(batch()).nll.item()
    assert int(summed.losses(batch()).num_units) == 2
    assert int(mean.losses(batch()).num_units) == 5
    assert int(summed.eval().losses(batch()).num_units) == 5


def test_padding_after_the_last_token_changes_no_loss() -> None:
    task = Translation(network=network(), unk_id=UNK).eval()
    one = batch()
    wider = TranslationBatch(
        source=nn.functional.pad(one.source, (0, 3), value=PAD),
        source_lengths=one.source_lengths,
        decoder_input=nn.functional.pad(one.decoder_input, (0, 2), value=PAD),
        target=nn.functional.pad(one.target, (0, 2), value=PAD),
        target_lengths=one.target_lengths,
        pair=one.pair,
    )
    torch.testing.assert_close(task.losses(one), task.losses(wider))


def test_forcing_less_than_full_is_of_training_alone() -> None:
    task = Translation(network=network(), unk_id=UNK, teacher_forcing_ratio=0.0)
    with torch.no_grad():
        for weights in task.network.parameters():
            weights.mul_(3.0)
    free = task.losses(batch()).nll.item()
    forced = task.eval().losses(batch()).nll.item()
    assert free != pytest.approx(forced, abs=1e-3)
    task.teacher_forcing_ratio = 1.0
    assert task.train().losses(batch()).nll.item() == pytest.approx(forced, abs=1e-5)


@pytest.mark.parametrize(("cell", "ratio"), [("rnn", 1.0), ("gru", 0.5), ("lstm", 1.0)])
def test_it_learns_a_batch_by_heart_and_then_writes_it(cell: str, ratio: float) -> None:
    task = Translation(network=network(cell=cell), unk_id=UNK, teacher_forcing_ratio=ratio, beam_size=3)
    optimizer = torch.optim.Adam(task.parameters(), lr=0.03)
    for _ in range(120):
        optimizer.zero_grad()
        losses = task.losses(batch())
        (losses.nll / losses.num_units).backward()
        optimizer.step()
    for beam_size in (1, 3):
        task.beam_size = beam_size
        found = task.search(batch().source, batch().source_lengths)
        assert [hypothesis.tokens for hypothesis in found] == [[4], [5, 6]]


def test_attention_weights_are_a_distribution_over_real_source_tokens() -> None:
    weights = Translation(network=network(attention="dot"), unk_id=UNK).attention_weights(batch())
    assert weights is not None
    assert weights.shape == (2, 3, 3)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 3))
    assert (weights[1, :, 2] == 0).all()
    assert Translation(network=network(attention="none"), unk_id=UNK).attention_weights(batch()) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label_smoothing": 1.0}, "label_smoothing=1.0"),
        ({"teacher_forcing_ratio": 1.5}, "teacher_forcing_ratio=1.5: give a probability from 0 to 1"),
        ({"beam_size": 0}, "beam_size=0: give a whole number, at least 1"),
        ({"length_penalty": -0.5}, "length_penalty=-0.5: give 0"),
    ],
)
def test_impossible_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Translation(network=network(), unk_id=UNK, **settings)
