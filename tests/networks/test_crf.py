from itertools import product

import pytest
import torch

from seqlab.networks.crf import IndependentTags, LinearChainCRF, bio_transitions

NUM_TAGS = 5  # O, B-x, I-x, B-y, I-y
LENGTHS = (4, 1, 3)


@pytest.fixture
def chain() -> LinearChainCRF:
    torch.manual_seed(0)
    crf = LinearChainCRF(NUM_TAGS)
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf.double()


@pytest.fixture
def scores() -> torch.Tensor:
    return torch.randn(3, 4, NUM_TAGS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture
def mask() -> torch.Tensor:
    return torch.arange(4) < torch.tensor(LENGTHS)[:, None]


def valid(path: tuple[int, ...]) -> bool:
    """Whether every I- continues its type, by the words of the rule."""
    names = ("O", "B-x", "I-x", "B-y", "I-y")
    before = "O"
    for tag in path:
        if names[tag].startswith("I") and before[1:] != names[tag][1:]:
            return False
        before = names[tag]
    return True


def all_paths(crf: LinearChainCRF, scores: torch.Tensor, length: int) -> dict[tuple[int, ...], torch.Tensor]:
    """The score of every valid path of one sentence, one after the other: the plain twin."""
    found = {}
    for path in product(range(NUM_TAGS), repeat=length):
        if valid(path):
            total = crf.begin[path[0]] + crf.end[path[-1]] + scores[0, path[0]]
            for step in range(1, length):
                total = total + crf.transitions[path[step - 1], path[step]] + scores[step, path[step]]
            found[path] = total
    return found


def test_the_transitions_that_bio_allows() -> None:
    allowed, may_begin = bio_transitions(NUM_TAGS)
    assert may_begin.tolist() == [True, True, False, True, False]
    refused = {(i, j) for i, j in product(range(5), repeat=2) if not allowed[i, j]}
    assert refused == {(0, 2), (0, 4), (1, 4), (2, 4), (3, 2), (4, 2)}


def test_loss_and_gradients_are_those_of_enumerating_every_path(
    chain: LinearChainCRF, scores: torch.Tensor, mask: torch.Tensor
) -> None:
    tags = torch.tensor([[1, 2, 0, 3], [0, 4, 4, 4], [3, 4, 3, 2]])  # what padding holds does not matter
    fast_scores, plain_scores = scores.clone().requires_grad_(), scores.clone().requires_grad_()
    fast = chain.nll(fast_scores, tags, mask)
    fast.backward()
    fast_gradients = [parameter.grad.clone() for parameter in chain.parameters()]
    chain.zero_grad()
    plain = torch.zeros((), dtype=torch.float64)
    for row, length in enumerate(LENGTHS):
        paths = all_paths(chain, plain_scores[row], length)
        plain = (
            plain + torch.stack(list(paths.values())).logsumexp(0) - paths[tuple(tags[row, :length].tolist())]
        )
    plain.backward()
    torch.testing.assert_close(fast, plain)
    torch.testing.assert_close(fast_scores.grad, plain_scores.grad)
    for mine, parameter in zip(fast_gradients, chain.parameters(), strict=True):
        torch.testing.assert_close(mine, parameter.grad)


def test_viterbi_finds_the_best_of_all_valid_paths(
    chain: LinearChainCRF, scores: torch.Tensor, mask: torch.Tensor
) -> None:
    decoded = chain.decode(scores, mask)
    for row, length in enumerate(LENGTHS):
        paths = all_paths(chain, scores[row], length)
        best = max(paths, key=lambda path: paths[path].item())
        assert decoded[row].tolist() == [*best, *[0] * (4 - length)]


def test_no_score_makes_a_forbidden_path(chain: LinearChainCRF) -> None:
    scores = torch.full((1, 3, NUM_TAGS), -50.0, dtype=torch.float64)
    scores[0, :, 2] = 50.0  # I-x everywhere: it must begin with B-x
    assert chain.decode(scores, torch.ones(1, 3, dtype=torch.bool)).tolist() == [[1, 2, 2]]


def test_independent_tags_are_cross_entropy_and_argmax(scores: torch.Tensor, mask: torch.Tensor) -> None:
    tags = torch.tensor([[1, 2, 0, 3], [0, 4, 4, 4], [3, 4, 3, 2]])
    plain = torch.zeros((), dtype=torch.float64)
    for row, length in enumerate(LENGTHS):
        for step in range(length):
            plain = plain - scores[row, step].log_softmax(0)[tags[row, step]]
    output = IndependentTags()
    torch.testing.assert_close(output.nll(scores, tags, mask), plain)
    decoded = output.decode(scores, mask)
    assert decoded[0].tolist() == [scores[0, step].argmax().item() for step in range(4)]
    assert decoded[1, 1:].tolist() == [0, 0, 0]
