"""Text written with cached keys and values, beside every token computed from the whole text before it."""

from functools import partial

import pytest
import torch
from torch import nn

from seqlab.networks.char_rnn import CharRNN
from seqlab.networks.transformer_layers import TransformerLayers
from seqlab.search.sampling import Sampling, sample_tokens
from seqlab.tasks.language_model import LanguageModel, score_tokens


def network(context_size: int) -> CharRNN:
    torch.manual_seed(1)
    cell = partial(TransformerLayers, num_heads=2, context_size=context_size)
    made = CharRNN(11, 0, embedding_size=6, cell=cell, hidden_size=8, num_layers=2).eval()
    for weights in made.parameters():
        if weights.ndim == 2:
            nn.init.normal_(weights)
    return made


@pytest.mark.parametrize("context_size", [4, 256])
def test_each_written_token_is_the_likeliest_after_the_whole_text(context_size: int) -> None:
    net, prompt = network(context_size), [3, 5, 4]
    written = sample_tokens(net, prompt, sampling=Sampling(0.0), forbidden=[0], seed=0)
    text = [*prompt, *(next(written) for _ in range(30))]
    with torch.no_grad():
        logits, _ = net(torch.tensor([text]))
    expected = logits[0, 2:-1].index_fill(1, torch.tensor([0]), -torch.inf).argmax(dim=1)
    assert text[3:] == expected.tolist()
    assert len(set(text[3:])) > 2


def test_a_text_is_scored_alike_in_pieces_of_any_size_and_beside_others() -> None:
    task = LanguageModel(pad_id=0, network=network(9))
    tokens = torch.randint(1, 11, (301,), generator=torch.Generator().manual_seed(0))
    whole = score_tokens(task, tokens, num_streams=1, chunk=300)
    for chunk in (7, 64):
        found = score_tokens(task, tokens, num_streams=1, chunk=chunk)
        torch.testing.assert_close(found.nll, whole.nll, rtol=1e-5, atol=1e-5)
    streams = score_tokens(task, tokens, num_streams=4, chunk=16)
    torch.testing.assert_close(streams.nll[:75], whole.nll[:75], rtol=1e-5, atol=1e-5)
