import math
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlab.errors import UserError
from seqlab.networks.seq2seq import Seq2Seq
from seqlab.search.beam import beam_search, best_first, greedy_search, length_divisor

PAD, BOS, EOS, UNK = 0, 1, 2, 3
V = 9


def network(seed: int = 0, **settings: object) -> Seq2Seq:
    """Weights large enough that what is written depends on source and on what was written before."""
    torch.manual_seed(seed)
    made = Seq2Seq(12, V, PAD, BOS, EOS, 8, embedding_size=6, hidden_size=8, **settings).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for weights in made.parameters():
            weights.mul_(3.0)
    return made


def sources(seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor([5, 2, 7, 1, 4, 3])
    source = torch.randint(4, 12, (6, 7), generator=generator)
    steps = torch.arange(7)
    source = torch.where(steps == lengths[:, None] - 1, EOS, source)
    return source.masked_fill(steps >= lengths[:, None], PAD), lengths


def log_probs(net: Any, source: Tensor, tokens: list[int]) -> Tensor:
    """(V,) log-probabilities of the token after ``tokens``, from the start, one hypothesis, no cache."""
    with torch.no_grad():
        inputs = torch.tensor([[BOS, *tokens]])
        readout = net(source[None], torch.tensor([len(source)]), inputs).readout[0, -1]
        logits = net.output(readout)
        logits[[PAD, BOS]] = -torch.inf
        return logits.log_softmax(dim=0)


def plain_beam(
    net: Any, source: Tensor, beam_size: int, penalty: float, limit: int
) -> tuple[list[int], float]:
    """One source, lists of hypotheses, everything computed anew at each step."""
    alive: list[tuple[float, list[int]]] = [(0.0, [])]
    best: tuple[list[int], float] = ([], -torch.inf)
    for length in range(1, limit + 1):
        candidates = [
            (total + float(log_p), tokens, token)
            for total, tokens in alive
            for token, log_p in enumerate(log_probs(net, source, tokens))
        ]
        candidates = sorted(candidates, key=lambda found: -found[0])[:beam_size]
        divisor = ((5 + length) / 6) ** penalty
        for total, tokens, token in candidates:
            if token == EOS and total / divisor > best[1]:
                best = (tokens, total / divisor)
        alive = [(total, [*tokens, token]) for total, tokens, token in candidates if token != EOS]
        if not alive or alive[0][0] / ((5 + limit) / 6) ** penalty <= best[1]:
            return best
    return best if best[1] > -torch.inf else (alive[0][1], alive[0][0] / divisor)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("attention", ["none", "general", "concat", "location"])
@pytest.mark.parametrize(("beam_size", "penalty"), [(1, 0.0), (3, 0.0), (4, 1.0)])
def test_the_batched_search_finds_what_a_plain_one_finds(
    cell: str, attention: str, beam_size: int, penalty: float
) -> None:
    net = network(cell=cell, attention=attention, decoder_layers=2, attend_after="first")
    source, lengths = sources()
    found = beam_search(net, source, lengths, beam_size=beam_size, length_penalty=penalty, max_length=7)
    for row, length in enumerate(lengths.tolist()):
        tokens, score = plain_beam(net, source[row, :length], beam_size, penalty, limit=7)
        assert found[row].tokens == tokens
        assert found[row].score == pytest.approx(score, abs=1e-4)


def test_translations_differ_in_length_and_some_reach_the_limit() -> None:
    """The other tests mean something: sources end at different steps."""
    source, lengths = sources()
    found = [beam_search(network(seed), source, lengths, beam_size=3, max_length=7) for seed in range(6)]
    assert len({len(hypothesis.tokens) for run in found for hypothesis in run}) >= 4


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("max_length", [1, 2, 9, None])
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_beam_of_one_is_greedy(cell: str, max_length: int | None, penalty: float) -> None:
    ends = set()
    for seed in range(25):
        net, (source, lengths) = network(seed, cell=cell), sources(seed)
        settings = {"length_penalty": penalty, "max_length": max_length}
        beam = beam_search(net, source, lengths, beam_size=1, **settings)  # type: ignore[arg-type]
        greedy = greedy_search(net, source, lengths, **settings)  # type: ignore[arg-type]
        assert [one.tokens for one in beam] == [one.tokens for one in greedy]
        assert [one.score for one in beam] == pytest.approx([one.score for one in greedy], abs=1e-5)
        ends |= {len(one.tokens) for one in greedy}
    assert len(ends) > (5 if max_length is None or max_length > 2 else max_length - 1)


@pytest.mark.parametrize("bias", [0.0, 1e4])
def test_a_beam_of_one_is_greedy_where_all_tokens_are_alike_and_where_a_source_ends_at_once(
    bias: float,
) -> None:
    """Of equal tokens both take the first: EOS, unless it can never win."""
    net, (source, lengths) = network(), sources()
    with torch.no_grad():
        net.output.weight.zero_()
        net.output.bias.zero_()
        net.output.bias[EOS] = bias
    at_once = [beam_search(net, source, lengths, beam_size=1), greedy_search(net, source, lengths)]
    assert [[one.tokens for one in found] for found in at_once] == [[[]] * 6] * 2
    with torch.no_grad():
        net.output.bias[EOS] = -1
    for limit in (1, 4):
        beam = beam_search(net, source, lengths, beam_size=1, max_length=limit)
        greedy = greedy_search(net, source, lengths, max_length=limit)
        assert [one.tokens for one in beam] == [one.tokens for one in greedy] == [[UNK] * limit] * 6
        assert [one.score for one in beam] == pytest.approx([one.score for one in greedy], abs=1e-6)


def test_a_score_is_the_log_probability_over_the_divisor_in_both_searches() -> None:
    net, (source, lengths) = network(), sources()
    with torch.no_grad():
        net.output.weight.zero_()
        net.output.bias.zero_()
    share = math.log(7)  # PAD and BOS are never written
    for found in (
        beam_search(net, source, lengths, beam_size=1, length_penalty=1.0),
        greedy_search(net, source, lengths, length_penalty=1.0),
    ):
        assert [one.score for one in found] == pytest.approx([-share] * 6)  # EOS alone: divisor 6 / 6
    with torch.no_grad():
        net.output.bias[EOS] = -torch.inf
    for found in (
        beam_search(net, source, lengths, beam_size=1, length_penalty=1.0, max_length=7),
        greedy_search(net, source, lengths, length_penalty=1.0, max_length=7),
    ):
        assert [one.score for one in found] == pytest.approx([-7 * math.log(6) / 2] * 6)  # divisor 12 / 6


def test_of_equal_values_the_first_comes_first() -> None:
    values = torch.tensor([[1.0, 3.0, 3.0, 2.0, 3.0], [0.0, -torch.inf, 0.0, 0.0, 0.0]])
    largest, columns = best_first(values, 4)
    assert columns.tolist() == [[1, 2, 4, 3], [0, 2, 3, 4]]
    assert largest.tolist() == [[3.0, 3.0, 3.0, 2.0], [0.0] * 4]
    assert best_first(values, 9)[0].shape == (2, 5)


def test_a_beam_that_holds_everything_finds_the_likeliest_of_all_translations() -> None:
    net, (source, lengths) = network(3), sources()
    words = [token for token in range(V) if token not in (PAD, BOS, EOS)]
    wide = beam_search(net, source, lengths, beam_size=300, length_penalty=0.0, max_length=3)
    narrow = beam_search(net, source, lengths, beam_size=1, length_penalty=0.0, max_length=3)
    for row, length in enumerate(lengths.tolist()):
        likeliest = max(
            sum(
                float(log_probs(net, source[row, :length], [*tokens[:step]])[token])
                for step, token in enumerate([*tokens, EOS])
            )
            for size in range(3)
            for tokens in product(words, repeat=size)
        )
        assert wide[row].score == pytest.approx(likeliest, abs=1e-4)
    assert any(one.tokens != other.tokens for one, other in zip(wide, narrow, strict=True))


def test_a_source_is_translated_alike_alone_and_in_a_batch() -> None:
    net, (source, lengths) = network(2), sources()
    together = beam_search(net, source, lengths, beam_size=4)
    for row, length in enumerate(lengths.tolist()):
        alone = beam_search(net, source[row : row + 1, :length], lengths[row : row + 1], beam_size=4)[0]
        assert alone.tokens == together[row].tokens
        assert alone.score == pytest.approx(together[row].score, abs=1e-5)


def test_special_tokens_are_never_written() -> None:
    source, lengths = sources()
    for seed in range(5):
        for found in beam_search(network(seed), source, lengths, beam_size=3, unk_id=UNK):
            assert not {PAD, BOS, EOS, UNK} & set(found.tokens)


def test_no_translation_is_longer_than_twice_its_source_and_ten() -> None:
    net, (source, lengths) = network(), sources()
    with torch.no_grad():
        net.output.bias[EOS] = -torch.inf
    for search in (beam_search, greedy_search):
        found = search(net, source, lengths)
        assert [len(hypothesis.tokens) for hypothesis in found] == (2 * lengths + 10).tolist()


def test_the_divisor_by_hand() -> None:
    assert length_divisor(1, 1.0) == pytest.approx(1.0)
    assert length_divisor(7, 1.0) == pytest.approx(2.0)
    assert length_divisor(19, 0.5) == pytest.approx(2.0)
    assert length_divisor(40, 0.0) == 1.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"beam_size": 0}, "beam_size=0"), ({"length_penalty": -1}, "length_penalty=-1")],
)
def test_impossible_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        beam_search(network(), *sources(), **settings)
