import pytest
import torch

from seqlab.errors import UserError
from seqlab.networks.char_rnn import CharRNN

TOKENS = torch.tensor([[4, 5, 6, 7, 4, 5], [7, 7, 5, 4, 6, 6]])


def network(**settings: object) -> CharRNN:
    torch.manual_seed(0)
    return CharRNN(8, 0, **{"embedding_size": 3, "hidden_size": 5} | settings).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("input", ["one_hot", "embedding"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_carried_state_goes_on_as_if_nothing_had_been_cut(cell: str, input: str, num_layers: int) -> None:
    net = network(cell=cell, input=input, num_layers=num_layers)
    whole, last = net(TOKENS)
    first, state = net(TOKENS[:, :2])
    rest, state = net(TOKENS[:, 2:], state)
    torch.testing.assert_close(torch.cat((first, rest), dim=1), whole)
    torch.testing.assert_close(state, last)
    assert whole.shape == (2, 6, 8)


def test_no_prediction_sees_what_comes_after() -> None:
    net = network()
    changed = TOKENS.clone()
    changed[:, 4:] = 7
    torch.testing.assert_close(net(TOKENS)[0][:, :4], net(changed)[0][:, :4])


def test_one_hot_input_is_an_embedding_by_the_unit_matrix() -> None:
    one_hot, embedded = network(input="one_hot"), network(embedding_size=8)
    embedded.load_state_dict(one_hot.state_dict() | {"embedding.weight": torch.eye(8)})
    torch.testing.assert_close(embedded(TOKENS)[0], one_hot(TOKENS)[0])


def test_dropout_is_of_training_alone() -> None:
    net = network(dropout=0.5, input_dropout=0.5)
    torch.testing.assert_close(net(TOKENS)[0], net(TOKENS)[0])
    net.train()
    assert not torch.allclose(net(TOKENS)[0], net(TOKENS)[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"input": "bytes"}, "input=bytes: choose one_hot or embedding"),
        ({"cell": "tcn"}, "cell=tcn: choose rnn, gru, lstm"),
        ({"hidden_size": 0}, "hidden_size=0"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"input_dropout": -0.1}, "input_dropout=-0.1"),
    ],
)
def test_impossible_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        network(**settings)
