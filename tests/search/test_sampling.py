from itertools import islice

import pytest
import torch

from seqlab.errors import UserError
from seqlab.networks.char_rnn import CharRNN
from seqlab.search.sampling import Sampling, sample_tokens

LOGITS = torch.tensor([0.4, 0.3, 0.2, 0.1]).log()


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), [0.4, 0.3, 0.2, 0.1]),
        (Sampling(temperature=0), [1, 0, 0, 0]),
        (Sampling(temperature=0.5), [16 / 30, 9 / 30, 4 / 30, 1 / 30]),
        (Sampling(top_k=2), [4 / 7, 3 / 7, 0, 0]),
        (Sampling(top_k=9), [0.4, 0.3, 0.2, 0.1]),
        (Sampling(top_p=0.4), [1, 0, 0, 0]),
        (Sampling(top_p=0.5), [4 / 7, 3 / 7, 0, 0]),
        (Sampling(top_p=0.71), [4 / 9, 3 / 9, 2 / 9, 0]),
        (Sampling(top_k=3, top_p=0.5), [4 / 7, 3 / 7, 0, 0]),
        (Sampling(temperature=0.5, top_p=0.5), [1, 0, 0, 0]),
    ],
)
def test_probabilities_by_hand(sampling: Sampling, expected: list[float]) -> None:
    torch.testing.assert_close(sampling.probabilities(LOGITS), torch.tensor(expected, dtype=torch.float32))
    turned = sampling.probabilities(LOGITS.flip(0))
    torch.testing.assert_close(turned, torch.tensor(expected[::-1], dtype=torch.float32))


def network() -> CharRNN:
    torch.manual_seed(0)
    return CharRNN(8, 0, embedding_size=3, hidden_size=5).train()


def drawn(net: CharRNN, number: int, *, seed: int = 0, **settings: object) -> list[int]:
    sampling = Sampling(**settings)  # type: ignore[arg-type]
    return list(
        islice(sample_tokens(net, [4, 5], sampling=sampling, forbidden=[0, 1, 2, 3], seed=seed), number)
    )


def test_a_seed_repeats_and_another_differs() -> None:
    net = network()
    assert drawn(net, 40) == drawn(net, 40)
    assert drawn(net, 40) != drawn(net, 40, seed=1)


def test_forbidden_tokens_are_never_drawn() -> None:
    assert set(drawn(network(), 300, temperature=5.0)) == {4, 5, 6, 7}


def test_the_likeliest_follows_what_was_read() -> None:
    """Greedy writing equals reading all that was written from the start, each time anew."""
    net = network()
    found = drawn(net, 8, temperature=0)
    tokens = [4, 5]
    for token in found:
        logits = net.eval()(torch.tensor([tokens]))[0][0, -1]
        assert int(logits[4:].argmax()) + 4 == token
        tokens.append(token)


def test_draws_have_the_probabilities_of_the_network() -> None:
    net = network()
    expected = net.eval()(torch.tensor([[4, 5]]))[0][0, -1, 4:].softmax(dim=0)
    counts = torch.zeros(4)
    for seed in range(2000):
        counts[drawn(net, 1, seed=seed)[0] - 4] += 1
    # four standard deviations of a share of 2,000 draws are at most 0.045
    torch.testing.assert_close(counts / 2000, expected.detach(), atol=0.045, rtol=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1.0}, "temperature -1"),
        ({"temperature": float("inf")}, "temperature inf"),
        ({"top_k": 0}, "top-k 0"),
        ({"top_p": 0.0}, "top-p 0"),
        ({"top_p": 1.5}, "top-p 1.5"),
    ],
)
def test_impossible_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Sampling(**settings)
