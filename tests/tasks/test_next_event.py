from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.data.batches import WindowBatch
from seqlab.data.sequences import Sessions
from seqlab.data.session_windows import WindowDataset
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import WindowIndex, distinct_pairs, index_windows
from seqlab.errors import UserError
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.tasks.next_event import NextEvent, event_scores

SEEN = [["5", "5", "22", "9"], ["5", "22"], ["5", "5", "22", "9"], ["9", "5", "5", "5", "22", "9"]]
WITH_UNSEEN = [*SEEN, ["5", "77", "22"], ["5", "5", "22", "9"]]
VOCABULARY = Vocabulary.from_sessions(Sessions.from_lists(SEEN))


def index(context: str = "from_start") -> WindowIndex:
    sessions = Sessions.from_lists(WITH_UNSEEN)
    return index_windows(VOCABULARY.encode(sessions), sessions.lengths, VOCABULARY, 3, context)


def dataset(*, deduplicate: bool, context: str = "from_start") -> WindowDataset:
    windows = index(context)
    pairs = distinct_pairs(windows, len(VOCABULARY))
    return WindowDataset(windows, pairs, deduplicate=deduplicate, device=torch.device("cpu"))


def new_task(share_prefixes: bool = True) -> NextEvent:
    torch.manual_seed(0)
    network = GRUPredictor(
        len(VOCABULARY),
        VOCABULARY.pad,
        VOCABULARY.unk,
        embedding_size=5,
        hidden_size=6,
        share_prefixes=share_prefixes,
    )
    return NextEvent(network=network, unk_id=VOCABULARY.unk, optimizer=partial(torch.optim.SGD, lr=0.1))


def loss_and_gradients(task: NextEvent, loss: Tensor) -> tuple[float, dict[str, Tensor]]:
    task.zero_grad()
    loss.backward()
    return loss.item(), {name: parameter.grad.clone() for name, parameter in task.named_parameters()}


def assert_same(one: tuple[float, dict[str, Tensor]], other: tuple[float, dict[str, Tensor]]) -> None:
    assert one[0] == pytest.approx(other[0], abs=1e-5)
    for name, gradient in one[1].items():
        torch.testing.assert_close(gradient, other[1][name], rtol=1e-5, atol=1e-5)


def by_hand(task: NextEvent, context: str) -> tuple[Tensor, int, int]:
    """Mean loss, right guesses and number of windows, one window at a time; unseen targets passed over."""
    keys = {key: VOCABULARY.id(key) for session in WITH_UNSEEN for key in session}
    losses, correct = [], 0
    for session in WITH_UNSEEN:
        tokens = [*(keys[key] for key in session), VOCABULARY.eos]
        start = [VOCABULARY.pad, VOCABULARY.pad, VOCABULARY.bos]
        if context == "full_windows":
            start = [VOCABULARY.pad] * max(0, 4 - len(tokens))
        stream = start + tokens
        for end in range(3, len(stream)):
            if stream[end] == VOCABULARY.unk:
                continue
            network = task.network
            states = network.recurrent(network.embedding(torch.tensor([stream[end - 3 : end]])))[0]
            logits = network.output(states[:, -1])
            losses.append(F.cross_entropy(logits, torch.tensor([stream[end]])))
            correct += int(logits.argmax() == stream[end])
    return torch.stack(losses).mean(), correct, len(losses)


@pytest.mark.parametrize("context", ["from_start", "full_windows"])
@pytest.mark.parametrize("deduplicate", [True, False])
@pytest.mark.parametrize("share_prefixes", [True, False])
def test_loss_and_gradients_equal_a_loop_over_windows(
    share_prefixes: bool, deduplicate: bool, context: str
) -> None:
    task = new_task(share_prefixes)
    batch = dataset(deduplicate=deduplicate, context=context)[torch.tensor([5, 0, 1, 2, 3, 4])]
    losses = task.losses(batch)
    mean, correct, count = by_hand(task, context)
    assert losses.num_units.item() == count
    assert losses.correct.item() == correct
    assert_same(
        loss_and_gradients(task, losses.nll / losses.num_units),
        loss_and_gradients(task, mean),
    )


@pytest.mark.parametrize("sessions", [[0, 1, 2, 3, 4, 5], [2], [0, 2, 5], [4, 4]])
def test_deduplication_changes_neither_loss_nor_gradients(sessions: list[int]) -> None:
    task = new_task()
    found = []
    for deduplicate in (True, False):
        batch = dataset(deduplicate=deduplicate)[torch.tensor(sessions)]
        losses = task.losses(batch)
        found.append((losses, loss_and_gradients(task, losses.nll / losses.num_units)))
    (shared, one), (plain, other) = found
    assert_same(one, other)
    assert shared.correct == plain.correct
    assert shared.num_units == plain.num_units


def test_the_deduplicated_batch_is_the_smaller_one() -> None:
    every = torch.arange(6)
    plain, shared = dataset(deduplicate=False)[every], dataset(deduplicate=True)[every]
    windows = sum(len(session) + 1 for session in WITH_UNSEEN)
    assert len(plain.contexts) == len(plain.pair_target) == windows
    assert len(shared.contexts) <= len(shared.pair_target) < windows
    assert shared.num_units == plain.num_units == windows


def test_an_unseen_target_is_in_no_loss_and_reaches_no_gradient() -> None:
    batch = dataset(deduplicate=True)[torch.tensor([4])]
    unseen = batch.pair_target == VOCABULARY.unk
    assert unseen.sum() == 1
    task = new_task()
    losses = task.losses(batch)
    assert losses.num_units == 3
    scores = task.predict_step(batch)
    assert losses.nll.item() == pytest.approx(scores.nll[~unseen].sum().item(), abs=1e-5)
    losses.nll.backward()
    before = task.network.output.bias.grad.clone()
    # the same without the window at all
    task.zero_grad()
    kept = batch._replace(
        pair_context=batch.pair_context[~unseen],
        pair_target=batch.pair_target[~unseen],
        pair_count=batch.pair_count[~unseen],
    )
    task.losses(kept).nll.backward()
    torch.testing.assert_close(task.network.output.bias.grad, before)


class Fixed(nn.Module):
    """Gives the same logits whatever it reads."""

    def __init__(self, logits: list[list[float]]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, contexts: Tensor) -> Tensor:
        return self.logits


def test_rank_counts_the_keys_held_for_more_likely() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0], [5.0, 5.0, 5.0, 5.0], [0.0, 1.0, 2.0, 3.0]])
    scores = event_scores(logits, torch.tensor([3, 2, 0]))
    assert scores.rank.tolist() == [0, 0, 3]
    total = torch.tensor([0.0, 1.0, 2.0, 3.0]).exp().sum().log()
    torch.testing.assert_close(scores.nll, torch.stack([total - 3, torch.tensor(4.0).log(), total]))


def test_scores_are_in_float32_whatever_the_network_computes_in() -> None:
    scores = event_scores(torch.tensor([[100.0, 0.0]], dtype=torch.bfloat16), torch.tensor([1]))
    assert scores.nll.dtype == torch.float32
    assert scores.nll.item() == pytest.approx(100.0)


def test_loss_weighs_pairs_by_how_often_they_occur() -> None:
    batch = dataset(deduplicate=True)[torch.tensor([0])]._replace(
        contexts=torch.zeros(1, 3, dtype=torch.long),
        pair_context=torch.tensor([0, 0]),
        pair_target=torch.tensor([4, 5]),
        pair_count=torch.tensor([3.0, 1.0]),
    )
    task = NextEvent(network=Fixed([[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]]), unk_id=VOCABULARY.unk)
    losses = task.losses(batch)
    total = torch.tensor([0.0] * 6 + [1.0]).exp().sum().log().item()
    assert losses.nll.item() == pytest.approx(3 * (total - 1) + total, abs=1e-5)
    assert losses.correct == 3
    assert losses.num_units == 4


# -- with the time between events ----------------------------------------------------------------------


def timed_batch(*, deduplicate: bool) -> WindowBatch:
    sessions = Sessions.from_lists(WITH_UNSEEN)
    by_session = "0939 09 0939 011999 029 0939".replace(" ", "")
    delays = np.asarray([int(bucket) for bucket in by_session], dtype=np.uint8)
    tokens = VOCABULARY.encode(sessions)
    windows = index_windows(tokens, sessions.lengths, VOCABULARY, 3, delays=delays)
    pairs = distinct_pairs(windows, len(VOCABULARY))
    given = WindowDataset(windows, pairs, deduplicate=deduplicate, device=torch.device("cpu"))
    return given[torch.arange(len(sessions))]


def timed_task() -> NextEvent:
    torch.manual_seed(0)
    network = GRUPredictor(
        len(VOCABULARY), VOCABULARY.pad, VOCABULARY.unk, embedding_size=5, hidden_size=6, times=True
    )
    return NextEvent(network=network, unk_id=VOCABULARY.unk)


def test_each_delay_counts_where_it_is_and_its_event_was_seen() -> None:
    task, batch = timed_task(), timed_batch(deduplicate=False)
    losses = task.losses(batch)
    scores = task.predict_step(batch)
    assert batch.pair_delay is not None
    assert scores.delay_loss is not None
    assert scores.delay_nll is not None
    seen = batch.pair_target != VOCABULARY.unk
    torch.testing.assert_close(losses.nll, (scores.nll + scores.delay_loss)[seen].sum())
    assert not scores.delay_loss[batch.pair_delay == 0].any()
    assert int((scores.delay_loss > 0).sum()) == 17  # 23 events in 6 sessions: the first has no delay
    assert (scores.delay_nll <= scores.delay_loss + 1e-6).all()  # at least as long, or just as long


def test_equal_windows_with_delays_once_give_the_same_loss_and_gradients() -> None:
    found = []
    for deduplicate in (True, False):
        task, batch = timed_task(), timed_batch(deduplicate=deduplicate)
        found.append(loss_and_gradients(task, task.losses(batch).nll / 29))
    assert_same(*found)
    assert len(timed_batch(deduplicate=True).pair_target) < len(timed_batch(deduplicate=False).pair_target)


def test_a_network_and_data_that_differ_in_times_are_refused() -> None:
    keys_alone = dataset(deduplicate=True)[torch.arange(2)]
    with pytest.raises(UserError, match=r"model\.network\.times=True and data\.times=False"):
        timed_task().losses(keys_alone)
    with pytest.raises(UserError, match=r"model\.network\.times=False and data\.times=True"):
        new_task().losses(timed_batch(deduplicate=True))
