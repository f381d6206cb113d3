import math

import pytest
import torch

from seqlab.data.batches import TextBatch
from seqlab.data.text_streams import StreamBatches, StreamDataset
from seqlab.networks.char_rnn import CharRNN
from seqlab.tasks.language_model import LanguageModel, score_tokens

PAD = 0
START, GOES_ON = torch.tensor([True]), torch.tensor([False])
CELLS = ("rnn", "gru", "lstm")


def language_model(**settings: object) -> LanguageModel:
    torch.manual_seed(0)
    sizes = {"embedding_size": 3, "hidden_size": 5} | settings
    return LanguageModel(pad_id=PAD, network=CharRNN(8, PAD, **sizes))  # type: ignore[arg-type]


def piece(tokens: list[list[int]], is_start: torch.Tensor) -> TextBatch:
    rows = torch.tensor(tokens)
    return TextBatch(rows[:, :-1], rows[:, 1:], is_start.expand(len(rows)))


def test_the_loss_by_hand_leaves_padding_out() -> None:
    task = language_model().eval()
    with torch.no_grad():
        task.network.output.weight.zero_()
        task.network.output.bias.zero_()
        task.network.output.bias[4] = math.log(9.0)  # 9 parts of 16 for token 4, 1 for each other
    batch = TextBatch(torch.tensor([[5, 4], [4, 4]]), torch.tensor([[4, 6], [4, PAD]]), START.expand(2))
    losses = task.losses(batch)
    assert losses.nll.item() == pytest.approx(-2 * math.log(9 / 16) - math.log(1 / 16))
    assert (int(losses.num_units), int(losses.correct)) == (3, 2)  # type: ignore[arg-type]
    scores = task.predict_step(batch)
    assert scores.nll[1, 1].item() == 0
    assert scores.nll.sum().item() == pytest.approx(losses.nll.item())


@pytest.mark.parametrize("cell", CELLS)
def test_padding_after_the_end_changes_no_loss(cell: str) -> None:
    task = language_model(cell=cell).eval()
    one = piece([[4, 5, 6], [7, 5, 4]], START)
    wider = TextBatch(
        torch.nn.functional.pad(one.inputs, (0, 3), value=4),
        torch.nn.functional.pad(one.targets, (0, 3), value=PAD),
        one.is_start,
    )
    torch.testing.assert_close(task.losses(one), task.losses(wider))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("is_training", [True, False])
def test_the_state_is_carried_and_detached_and_a_start_forgets_it(cell: str, is_training: bool) -> None:
    task = language_model(cell=cell).train(is_training)
    with torch.no_grad():
        for weights in task.parameters():
            weights.mul_(3.0)  # so that what is remembered matters
    whole = task.losses(piece([[4, 5, 6, 7, 4]], START)).nll
    first = task.losses(piece([[4, 5, 6]], START)).nll
    rest = task.losses(piece([[6, 7, 4]], GOES_ON)).nll
    assert (first + rest).item() == pytest.approx(whole.item(), rel=1e-6)
    again = task.losses(piece([[6, 7, 4]], START)).nll
    assert again.item() != pytest.approx(rest.item(), rel=1e-4)
    rest.backward()
    carried = task.carried[is_training]
    assert carried is not None
    assert not any(part.requires_grad for part in (carried if isinstance(carried, tuple) else (carried,)))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("is_training", [True, False])
def test_pieces_that_start_forget_and_the_others_beside_them_do_not(cell: str, is_training: bool) -> None:
    task = language_model(cell=cell, num_layers=2).train(is_training)
    first, second = [[4, 5, 6], [7, 4, 4], [5, 6, 7]], [[6, 7, 4], [4, 6, 6], [7, 7, 5]]
    is_start = torch.tensor([False, True, False])
    alone = []
    for row in range(3):
        task.losses(piece([first[row]], START))
        alone.append(task.losses(piece([second[row]], is_start[row : row + 1])).nll)
    task.losses(piece(first, START))
    together = task.losses(piece(second, is_start)).nll
    torch.testing.assert_close(together, torch.stack(alone).sum())


def test_gradients_stop_where_the_state_was_detached() -> None:
    """The gradient of the second piece is that of a piece that begins from the state as a constant."""
    task = language_model(cell="gru")
    task.losses(piece([[4, 5, 6]], START))
    state = task.carried[True]
    task.zero_grad()
    task.losses(piece([[6, 7, 4]], GOES_ON)).nll.backward()
    found = {name: weights.grad.clone() for name, weights in task.named_parameters()}  # type: ignore[union-attr]
    task.zero_grad()
    logits, _ = task.network(torch.tensor([[6, 7]]), state)
    torch.nn.functional.cross_entropy(logits[0], torch.tensor([7, 4]), reduction="sum").backward()
    for name, weights in task.named_parameters():
        torch.testing.assert_close(found[name], weights.grad)


def test_validation_does_not_touch_the_training_state() -> None:
    task = language_model()
    task.losses(piece([[4, 5, 6]], START))
    before = task.carried[True]
    task.eval().losses(piece([[7, 7, 7]], START))
    assert task.carried[True] is before
    assert task.carried[False] is not None


@pytest.mark.parametrize("cell", CELLS)
def test_a_checkpoint_carries_the_training_state(cell: str, tmp_path: object) -> None:
    task = language_model(cell=cell)
    task.losses(piece([[4, 5, 6]], START))
    path = f"{tmp_path}/state.pt"
    torch.save(task.state_dict(), path)
    other = language_model(cell=cell)
    other.load_state_dict(torch.load(path, weights_only=True))
    expected = task.losses(piece([[6, 7, 4]], GOES_ON)).nll
    torch.testing.assert_close(other.losses(piece([[6, 7, 4]], GOES_ON)).nll, expected)


@pytest.mark.parametrize("chunk", [1, 3, 256])
def test_scores_of_a_text_are_those_of_reading_it_in_one_go(chunk: int) -> None:
    task = language_model(cell="lstm").eval()
    tokens = torch.tensor([4, 5, 6, 7, 5, 5, 4, 6, 7, 4, 4])
    logits, _ = task.network(tokens[None, :-1])
    plain = torch.nn.functional.cross_entropy(logits[0], tokens[1:], reduction="none")
    scores = score_tokens(task, tokens, num_streams=1, chunk=chunk)
    torch.testing.assert_close(scores.nll, plain)
    assert scores.guess.tolist() == logits[0].argmax(dim=1).tolist()
    assert scores.correct.tolist() == (scores.guess == tokens[1:]).tolist()
    # two streams of 5: the second forgets what came before its first token
    apart, _ = task.network(tokens[None, 5:10])
    two = score_tokens(task, tokens, num_streams=2, chunk=chunk)
    torch.testing.assert_close(two.nll[:5], plain[:5])
    torch.testing.assert_close(
        two.nll[5:], torch.nn.functional.cross_entropy(apart[0], tokens[6:], reduction="none")
    )


def test_it_learns_a_text_by_heart() -> None:
    tokens = torch.tensor([4, 5, 4, 6, 4, 7, 5, 6, 7, 7])
    task = language_model(hidden_size=16)
    dataset = StreamDataset(tokens, 1, 4)
    optimizer = torch.optim.Adam(task.parameters(), lr=0.05)
    for _ in range(80):
        for batch in StreamBatches(dataset, seed=0, shift=False):
            optimizer.zero_grad()
            task.train().losses(dataset[batch]).nll.backward()
            optimizer.step()
    assert bool(score_tokens(task, tokens, num_streams=1).correct.all())
