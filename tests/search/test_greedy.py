import pytest
import torch

from seqlab.search.beam import greedy_search
from tests.search.test_beam import EOS, log_probs, network, sources


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("attention", ["none", "dot", "concat"])
def test_each_token_is_the_likeliest_after_those_before(cell: str, attention: str) -> None:
    net, (source, lengths) = network(cell=cell, attention=attention), sources()
    found = greedy_search(net, source, lengths, max_length=8, length_penalty=0.0)
    for row, length in enumerate(lengths.tolist()):
        tokens: list[int] = []
        score = 0.0
        while len(tokens) < 8:
            best, token = log_probs(net, source[row, :length], tokens).max(dim=0)
            score += float(best)
            if token == EOS:
                break
            tokens.append(int(token))
        assert found[row].tokens == tokens
        assert found[row].score == pytest.approx(score, abs=1e-4)


def test_sources_end_at_different_steps() -> None:
    source, lengths = sources()
    found = [greedy_search(network(seed), source, lengths, max_length=8) for seed in range(6)]
    assert len({len(hypothesis.tokens) for run in found for hypothesis in run}) >= 4


def test_a_network_that_ends_at_once_writes_nothing() -> None:
    net, (source, lengths) = network(), sources()
    with torch.no_grad():
        net.output.bias[EOS] = 1e4
    assert [hypothesis.tokens for hypothesis in greedy_search(net, source, lengths)] == [[]] * 6
