import pytest
import torch
from torch import Tensor, nn

from seqlab.networks.prefix_tree import all_states, last_states, prefix_tree
from seqlab.networks.recurrent import sequence_layers

VOCAB_SIZE, PAD, BOS = 9, 0, 1


def windows(size: int) -> torch.Tensor:
    """(60, size) left-padded windows that repeat and begin alike, as those of a log do."""
    generator = torch.Generator().manual_seed(size)
    tokens = torch.randint(2, VOCAB_SIZE, (60, size), generator=generator)
    tokens[:, : size // 2] = tokens[torch.randint(0, 4, (60,), generator=generator), : size // 2]
    for row in range(0, 20):
        padding = row % size
        tokens[row, :padding] = PAD
        if padding:
            tokens[row, padding - 1] = BOS
    tokens[40:] = tokens[:20]
    return tokens


def parts(cell: str, num_layers: int, dropout: float = 0.0) -> tuple[nn.RNNBase, nn.Embedding]:
    torch.manual_seed(num_layers)
    return sequence_layers(cell, 5, 6, num_layers, dropout), nn.Embedding(VOCAB_SIZE, 5, padding_idx=PAD)


def assert_same_gradients(ours: tuple[Tensor, ...], theirs: tuple[Tensor, ...], names: list[str]) -> None:
    for name, one, other in zip(names, ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5, msg=f"{name}: {one - other}")


def names_of(recurrent: nn.RNNBase) -> list[str]:
    return [*(name for name, _ in recurrent.named_parameters()), "embedding"]


def test_a_small_tree_by_hand() -> None:
    tree = prefix_tree(torch.tensor([[2, 3], [2, 4], [2, 3], [5, 3]]), vocab_size=6)
    first, second = tree.levels
    assert first.tokens.tolist() == [2, 5]
    assert first.parents.tolist() == [0, 0]
    assert second.tokens.tolist() == [3, 4, 3]
    assert second.parents.tolist() == [0, 0, 1]
    assert [node.tolist() for node in tree.nodes] == [[0, 0, 0, 1], [0, 1, 0, 2]]


def test_the_tree_holds_every_prefix_once_and_spells_every_window() -> None:
    given = windows(6)
    tree = prefix_tree(given, VOCAB_SIZE)
    for width, level in enumerate(tree.levels, start=1):
        assert len(level.tokens) == len(torch.unique(given[:, :width], dim=0))
    node = tree.nodes[-1]
    for column in range(5, -1, -1):
        assert torch.equal(tree.nodes[column], node)
        assert torch.equal(tree.levels[column].tokens[node], given[:, column])
        node = tree.levels[column].parents[node]


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_last_states_and_gradients_equal_those_of_the_plain_layers(
    cell: str, num_layers: int, size: int
) -> None:
    recurrent, embedding = parts(cell, num_layers)
    given = windows(size)
    weights = torch.randn(60, 6, generator=torch.Generator().manual_seed(7))
    parameters = [*recurrent.parameters(), embedding.weight]

    plain = recurrent(embedding(given))[0][:, -1]
    plain_gradients = torch.autograd.grad((plain * weights).sum(), parameters)
    shared = last_states(recurrent, embedding, given)
    shared_gradients = torch.autograd.grad((shared * weights).sum(), parameters)

    torch.testing.assert_close(shared, plain, rtol=1e-5, atol=1e-5)
    assert_same_gradients(shared_gradients, plain_gradients, names_of(recurrent))
    assert (plain_gradients[-1][BOS:].abs().sum(dim=1) > 0).any()
    assert (shared_gradients[-1][PAD] == 0).all()


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_states_after_every_token_equal_those_of_the_plain_layers(cell: str, num_layers: int) -> None:
    recurrent, embedding = parts(cell, num_layers)
    given = windows(5)
    weights = torch.randn(60, 5, 6, generator=torch.Generator().manual_seed(7))
    parameters = [*recurrent.parameters(), embedding.weight]

    plain, state = recurrent(embedding(given))
    plain_gradients = torch.autograd.grad((plain * weights).sum(), parameters)
    shared = all_states(recurrent, embedding, given)
    shared_gradients = torch.autograd.grad((shared[0] * weights).sum(), parameters)

    torch.testing.assert_close(shared[0], plain, rtol=1e-5, atol=1e-5)
    assert_same_gradients(shared_gradients, plain_gradients, names_of(recurrent))
    assert len(shared) == (2 if cell == "lstm" else 1)
    if cell == "lstm":
        torch.testing.assert_close(shared[1][:, -1], state[1][-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_backward_direction_reads_the_mirrored_rows(cell: str) -> None:
    torch.manual_seed(0)
    recurrent = sequence_layers(cell, 5, 6, 1, 0.0, bidirectional=True)
    embedding = nn.Embedding(VOCAB_SIZE, 5, padding_idx=PAD)
    given = windows(5)
    plain = recurrent(embedding(given))[0][..., 6:]
    mirrored = all_states(recurrent, embedding, given.flip(1), reverse=True)[0]
    torch.testing.assert_close(mirrored.flip(1), plain, rtol=1e-5, atol=1e-5)


def test_dropout_between_layers_acts_in_training_alone() -> None:
    recurrent, embedding = parts("gru", 2, dropout=0.5)
    given = windows(5)
    torch.manual_seed(0)
    assert not torch.equal(last_states(recurrent, embedding, given), last_states(recurrent, embedding, given))
    recurrent.eval()
    plain = recurrent(embedding(given))[0][:, -1]
    torch.testing.assert_close(last_states(recurrent, embedding, given), plain, rtol=1e-5, atol=1e-5)
