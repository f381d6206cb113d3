"""The Transformer's cached keys and values in greedy and beam search, beside searches without any cache."""

import pytest
import torch
from torch import nn

from seqlab.networks.seq2seq_transformer import Seq2SeqTransformer
from seqlab.search.beam import beam_search, greedy_search
from tests.search.test_beam import BOS, EOS, PAD, UNK, V, log_probs, plain_beam, sources

SEEDS = (1, 3, 7)  # of networks whose translations end at different steps


def network(seed: int = 0) -> Seq2SeqTransformer:
    torch.manual_seed(seed)
    made = Seq2SeqTransformer(
        12, V, PAD, BOS, EOS, hidden_size=8, num_heads=2, encoder_layers=1, decoder_layers=2, tie="none"
    ).eval()
    for weights in made.parameters():
        if weights.ndim == 2:
            nn.init.normal_(weights)
    with torch.no_grad():
        made.output.bias[EOS] = 1.0
    return made


@pytest.mark.parametrize(("beam_size", "penalty"), [(1, 0.0), (3, 0.0), (4, 1.0)])
def test_beam_search_finds_what_a_plain_one_finds(beam_size: int, penalty: float) -> None:
    written = set()
    for seed in SEEDS:
        net, (source, lengths) = network(seed), sources(seed)
        found = beam_search(net, source, lengths, beam_size=beam_size, length_penalty=penalty, max_length=7)
        for row, length in enumerate(lengths.tolist()):
            tokens, score = plain_beam(net, source[row, :length], beam_size, penalty, limit=7)
            assert found[row].tokens == tokens
            assert found[row].score == pytest.approx(score, abs=1e-4)
            written.add(len(tokens))
    assert len(written) > 2  # sources leave the batch at different steps


def test_greedy_search_takes_the_likeliest_each_time() -> None:
    for seed in SEEDS:
        net, (source, lengths) = network(seed), sources(seed)
        found = greedy_search(net, source, lengths, max_length=8, unk_id=UNK)
        for row, length in enumerate(lengths.tolist()):
            tokens: list[int] = []
            while len(tokens) < 8:
                each = log_probs(net, source[row, :length], tokens)
                each[UNK] = -torch.inf
                if (token := int(each.argmax())) == EOS:
                    break
                tokens.append(token)
            assert found[row].tokens == tokens
