import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqlab.data.padded_sessions import session_scoring_plan
from seqlab.data.sequences import Sessions
from seqlab.data.session_windows import window_scoring_plan
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import distinct_pairs, distinct_sessions, index_windows
from seqlab.detection.surprise import (
    LARGEST_SEEN_NLL,
    UNSEEN_NLL,
    judged_delays,
    surprise,
    with_background,
)
from seqlab.errors import UserError
from seqlab.networks.gru_autoencoder import GRUAutoencoder
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.tasks.next_event import NextEvent
from seqlab.tasks.reconstruction import Reconstruction

VOCABULARY = Vocabulary.from_sessions(Sessions.from_lists([["5", "5", "5", "22", "22", "9"]]))
SESSIONS = Sessions.from_lists(
    [["5", "22", "9"], ["5", "77"], ["5", "22", "9"], ["9", "9", "5", "22", "5"], ["22"]]
)
CPU = torch.device("cpu")


def window_task() -> NextEvent:
    torch.manual_seed(0)
    network = GRUPredictor(
        len(VOCABULARY), VOCABULARY.pad, VOCABULARY.unk, embedding_size=4, hidden_size=4, dropout=0.5
    )
    return NextEvent(network=network, unk_id=VOCABULARY.unk)


def log_probabilities_of_windows(task: NextEvent, session: int, window_size: int) -> list[Tensor]:
    """(V,) log-probabilities before each key of a session and before its end, one window at a time."""
    tokens = [VOCABULARY.id(key) for key in SESSIONS.keys(session)]
    stream = [VOCABULARY.pad] * (window_size - 1) + [VOCABULARY.bos, *tokens]
    with torch.no_grad():
        return [
            task.network(torch.tensor([stream[start : start + window_size]]))[0].log_softmax(-1)
            for start in range(len(tokens) + 1)
        ]


@pytest.mark.parametrize("batch_size", [2, 100])
def test_windows_of_every_session_get_their_own_surprise(batch_size: int) -> None:
    task = window_task()
    index = index_windows(VOCABULARY.encode(SESSIONS), SESSIONS.lengths, VOCABULARY, 3)
    plan = window_scoring_plan(index, distinct_pairs(index, len(VOCABULARY)), batch_size, CPU)
    task.train()
    events = surprise(task, plan, VOCABULARY, pseudo_sessions=0)
    assert not task.training
    for session in range(len(SESSIONS)):
        mine = slice(*events.offsets[session : session + 2].tolist())
        targets = [*(VOCABULARY.id(key) for key in SESSIONS.keys(session)), VOCABULARY.eos]
        nll, rank = [], []
        for row, target in zip(log_probabilities_of_windows(task, session, 3), targets, strict=True):
            unseen = target == VOCABULARY.unk
            nll.append(UNSEEN_NLL if unseen else -row[target].item())
            rank.append(len(VOCABULARY) + 1 if unseen else 1 + int((row > row[target]).sum()))
        assert events.nll[mine].tolist() == pytest.approx(nll, abs=1e-5)
        assert events.rank[mine].tolist() == rank
    assert events.unseen.sum() == 1
    assert events.first_key.tolist() == [0] * len(SESSIONS)


def test_tokens_of_every_session_get_their_own_surprise() -> None:
    torch.manual_seed(0)
    network = GRUAutoencoder(
        len(VOCABULARY), VOCABULARY.pad, VOCABULARY.unk, 6, embedding_size=4, hidden_size=4, attention="dot"
    )
    task = Reconstruction(network=network, unk_id=VOCABULARY.unk)
    distinct = distinct_sessions(VOCABULARY.encode(SESSIONS), SESSIONS.lengths, VOCABULARY)
    events = surprise(task, session_scoring_plan(distinct, VOCABULARY, 2, CPU), VOCABULARY, pseudo_sessions=0)
    for session in range(len(SESSIONS)):
        tokens = [VOCABULARY.id(key) for key in SESSIONS.keys(session)]
        source = torch.tensor([[*tokens, VOCABULARY.eos]])
        with torch.no_grad():
            rows = network(
                source,
                torch.tensor([[VOCABULARY.bos, *tokens]]),
                torch.tensor([source.shape[1]]),
                torch.ones_like(source, dtype=torch.bool),
            ).logits[0]
        nll = -rows.log_softmax(-1).gather(1, source[0][:, None])[:, 0]
        nll[source[0] == VOCABULARY.unk] = UNSEEN_NLL
        mine = slice(*events.offsets[session : session + 2].tolist())
        assert events.nll[mine].tolist() == pytest.approx(nll.tolist(), abs=1e-5)


def test_full_windows_say_where_their_first_event_stands() -> None:
    index = index_windows(VOCABULARY.encode(SESSIONS), SESSIONS.lengths, VOCABULARY, 3, "full_windows")
    plan = window_scoring_plan(index, distinct_pairs(index, len(VOCABULARY)), 100, CPU)
    events = surprise(window_task(), plan, VOCABULARY)
    # sessions of 3, 2, 3, 5 and 1 keys: EOS alone, EOS alone, EOS alone, two keys and EOS, EOS alone
    assert events.first_key.tolist() == [3, 2, 3, 3, 1]
    assert np.diff(events.offsets).tolist() == [1, 1, 1, 3, 1]
    assert not events.unseen.any()
    worst = events.worst_event()
    assert worst[[0, 1, 2, 4]].tolist() == [3, 2, 3, 1]
    assert worst[3] == 3 + int(events.nll[3:6].argmax())


class Certain(nn.Module):
    """Holds one key for certain and gives all others no chance."""

    def forward(self, contexts: Tensor) -> Tensor:
        logits = torch.full((len(contexts), len(VOCABULARY)), -1000.0)
        logits[:, VOCABULARY.id("9")] = 1000.0
        return logits


def test_an_unseen_key_surprises_more_than_anything_a_network_says() -> None:
    task = NextEvent(network=Certain(), unk_id=VOCABULARY.unk)
    index = index_windows(VOCABULARY.encode(SESSIONS), SESSIONS.lengths, VOCABULARY, 3)
    plan = window_scoring_plan(index, distinct_pairs(index, len(VOCABULARY)), 100, CPU)
    events = surprise(task, plan, VOCABULARY, pseudo_sessions=0)
    assert events.nll.max() == UNSEEN_NLL
    assert events.nll[~events.unseen].max() == LARGEST_SEEN_NLL < UNSEEN_NLL
    assert (events.nll[events.unseen] == UNSEEN_NLL).all()
    assert (events.rank[events.unseen] == len(VOCABULARY) + 1).all()
    assert events.rank[~events.unseen].max() <= len(VOCABULARY)
    assert events.worst_event()[1] == 1


def test_the_rank_of_an_unseen_key_is_the_same_in_every_split() -> None:
    found = []
    for keys in (["77"], ["5", "22", "9", "77"]):
        sessions = Sessions.from_lists([keys])
        index = index_windows(VOCABULARY.encode(sessions), sessions.lengths, VOCABULARY, 3)
        plan = window_scoring_plan(index, distinct_pairs(index, len(VOCABULARY)), 100, CPU)
        events = surprise(window_task(), plan, VOCABULARY)
        found += events.rank[events.unseen].tolist()
    assert found == [len(VOCABULARY) + 1] * 2


def test_a_network_without_numbers_is_refused() -> None:
    task = window_task()
    index = index_windows(VOCABULARY.encode(SESSIONS), SESSIONS.lengths, VOCABULARY, 3)
    plan = window_scoring_plan(index, distinct_pairs(index, len(VOCABULARY)), 100, CPU)
    with torch.no_grad():
        next(task.parameters()).fill_(torch.nan)
    with pytest.raises(UserError, match=r"gives NaN, not a number, for .* events: its weights"):
        surprise(task, plan, VOCABULARY)


# 3 training sessions of 6 events: key 5 is half of them, 22 a third, 9 a sixth; the weight is 1 / 4
THREE = Vocabulary.from_sessions(Sessions.from_lists([["5", "5"], ["5", "22"], ["22", "9"]]))
TARGETS = np.array([THREE.id("5"), THREE.id("9"), THREE.eos, THREE.id("22")])
PROBABILITY = np.array([1e-6, 1e-6, 1e-6, 0.9])
NLL = -np.log(PROBABILITY).astype(np.float32)


def test_one_imagined_session_of_stray_events_by_hand() -> None:
    found = with_background(NLL, TARGETS, THREE, 1.0)
    # three keys and the end may come: a fourth each
    assert found == pytest.approx(-np.log(0.75 * PROBABILITY + 0.25 / 4), rel=1e-5)
    assert found.max() <= np.log(4 * 4)  # 1 in 4 sessions is the imagined one, 1 in 4 of its events is this


def test_without_imagined_sessions_the_network_is_taken_at_its_word() -> None:
    nll = np.array([0.0, 3.0, 60.0], dtype=np.float32)
    targets = np.array([VOCABULARY.id("5"), VOCABULARY.id("9"), VOCABULARY.eos])
    assert with_background(nll, targets, VOCABULARY, 0.0).tolist() == nll.tolist()


def test_the_background_changes_no_loss() -> None:
    task = window_task()
    index = index_windows(VOCABULARY.encode(SESSIONS), SESSIONS.lengths, VOCABULARY, 3)
    plan = window_scoring_plan(index, distinct_pairs(index, len(VOCABULARY)), 100, CPU)
    plain, joined = (surprise(task, plan, VOCABULARY, pseudo) for pseudo in (0.0, 1.0))
    assert plain.mean_loss == joined.mean_loss
    assert not np.allclose(plain.nll, joined.nll)


# -- delays and parameters -----------------------------------------------------------------------------


def test_a_delay_is_no_rarer_than_one_among_all_of_training() -> None:
    vocabulary = Vocabulary.from_counts({"a": 60, "b": 50}, 11)  # 99 delays: the first of a session has none
    tails = np.asarray([0.0, np.log(2), 1000.0, 7.0], dtype=np.float32)
    found = judged_delays(tails, np.asarray([False, False, False, True]), vocabulary)
    np.testing.assert_allclose(found, [0, -np.log((99 / 2 + 1) / 100), np.log(100), 0], rtol=1e-5, atol=1e-6)
