"""A network without a state reads windows, and each prediction what it would of the whole text."""

import pytest
import torch
from torch import Tensor, nn

from seqlab.networks.char_rnn import CharRNN
from seqlab.networks.reading import read_on


class LastThree(nn.Module):
    """The logit of a token is how often it is among the last three; keeps the shapes it was given."""

    def __init__(self, context_size: int | None = None) -> None:
        super().__init__()
        self.given: list[int] = []
        if context_size is not None:
            self.context_size = context_size

    def forward(self, tokens: Tensor, state: None = None) -> tuple[Tensor, None]:
        assert state is None
        self.given.append(tokens.shape[1])
        one_hot = nn.functional.one_hot(tokens, 9).float()
        padded = nn.functional.pad(one_hot, (0, 0, 2, 0))
        return padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:], None


TOKENS = torch.randint(0, 9, (2, 23), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("pieces", [(23,), (1,) * 23, (10, 13), (5, 1, 17), (6, 6, 6, 5)])
def test_any_pieces_give_the_numbers_of_the_whole(pieces: tuple[int, ...]) -> None:
    network, before, found = LastThree(6), None, []
    whole = LastThree()(TOKENS)[0]
    for piece in TOKENS.split(pieces, dim=1):
        logits, state, before = read_on(network, piece, None, before)
        assert state is None
        found.append(logits)
    torch.testing.assert_close(torch.cat(found, dim=1), whole)
    assert max(network.given) <= 6


def test_windows_by_hand() -> None:
    network = LastThree(6)
    _, _, before = read_on(network, TOKENS[:, :13])
    assert network.given == [6, 6, 6, 6]  # which predict 6, 3, 3 and 1
    assert before is not None
    assert before.tolist() == TOKENS[:, 8:13].tolist()
    network.given.clear()
    read_on(network, TOKENS[:, 13:14], None, before)
    assert network.given == [6]


def test_without_a_context_size_a_text_begins_with_all_that_is_given() -> None:
    network = LastThree()
    tokens = TOKENS.repeat(1, 20)[:, :300]
    _, _, before = read_on(network, tokens)
    assert before is not None
    assert (network.given, before.shape) == ([300], (2, 255))


def test_a_network_with_a_state_is_given_each_token_once() -> None:
    torch.manual_seed(0)
    network = CharRNN(9, 0, embedding_size=3, hidden_size=4)
    first, state, before = read_on(network, TOKENS[:, :9])
    assert before is None
    rest, _, before = read_on(network, TOKENS[:, 9:], state, before)
    assert before is None
    torch.testing.assert_close(torch.cat((first, rest), dim=1), network(TOKENS)[0])
