import pytest
import torch
from torch import nn

from seqlab.networks.prefix_tree import last_states, prefix_tree
from seqlab.networks.recurrent import recurrent_layers

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
    return recurrent_layers(cell, 5, 6, num_layers, dropout), nn.Embedding(VOCAB_SIZE, 5, padding_idx=PAD)


def test_a_small_tree_by_hand() -> None:
    tree = prefix_tree(torch.tensor([[2, 3], [2, 4], [2, 3], [5, 3]]), vocab_size=6)
    first, second = tree.levels
    assert first.tokens.tolist() == [2, 5]
    assert first.parents.tolist() == [0, 0]
    assert second.tokens.tolist() == [3, 4, 3]
    assert second.parents.tolist() == [0, 0, 1]
    assert tree.leaves.tolist() == [0, 1, 0, 2]


def test_the_tree_holds_every_prefix_once_and_spells_every_window() -> None:
    given = windows(6)
    tree = prefix_tree(given, VOCAB_SIZE)
    for width, level in enumerate(tree.levels, start=1):
        assert len(level.tokens) == len(torch.unique(given[:, :width], dim=0))
    node = tree.leaves
    for column in range(5, -1, -1):
        assert torch.equal(tree.levels[column].tokens[node], given[:, column])
        node = tree.levels[column].parents[node]


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_states_and_gradients_equal_those_of_the_plain_layers(cell: str, num_layers: int, size: int) -> None:
    recurrent, embedding = parts(cell, num_layers)
    given = windows(size)
    weights = torch.randn(60, 6, generator=torch.Generator().manual_seed(7))
    parameters = [*recurrent.parameters(), embedding.weight]

    plain = recurrent(embedding(given))[0][:, -1]
    plain_gradients = torch.autograd.grad((plain * weights).sum(), parameters)
    shared = last_states(recurrent, embedding, prefix_tree(given, VOCAB_SIZE))
    shared_gradients = torch.autograd.grad((shared * weights).sum(), parameters)

    torch.testing.assert_close(shared, plain, rtol=1e-5, atol=1e-5)
    names = [*(name for name, _ in recurrent.named_parameters()), "embedding"]
    for name, ours, theirs in zip(names, shared_gradients, plain_gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5, msg=f"{name}: {ours - theirs}")
    assert (plain_gradients[-1][BOS:].abs().sum(dim=1) > 0).any()
    assert (shared_gradients[-1][PAD] == 0).all()


def test_dropout_between_layers_acts_in_training_alone() -> None:
    recurrent, embedding = parts("gru", 2, dropout=0.5)
    tree = prefix_tree(windows(5), VOCAB_SIZE)
    torch.manual_seed(0)
    assert not torch.equal(last_states(recurrent, embedding, tree), last_states(recurrent, embedding, tree))
    recurrent.eval()
    plain = recurrent(embedding(windows(5)))[0][:, -1]
    torch.testing.assert_close(last_states(recurrent, embedding, tree), plain, rtol=1e-5, atol=1e-5)
