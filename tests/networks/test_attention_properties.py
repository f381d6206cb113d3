"""Weights of every attention: 1 in all over real positions, none on padding, whatever the numbers."""

from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from seqlab.networks.attention import ATTENTIONS, attention_layer
from seqlab.networks.gru_autoencoder import GRUAutoencoder
from seqlab.networks.seq2seq import Seq2Seq

NAMES = [name for name in ATTENTIONS if name != "none"]
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=5)
KEYS = st.integers(4, 11)


def masked(lengths: list[int], more: int) -> Tensor:
    return torch.arange(max(lengths) + more) < torch.tensor(lengths)[:, None]


@cache
def networks(name: str) -> tuple[Seq2Seq, GRUAutoencoder]:
    small = {"embedding_size": 3, "hidden_size": 4, "attention": name}
    return Seq2Seq(12, 12, 0, 1, 2, 6, **small).eval(), GRUAutoencoder(12, 0, 3, 6, **small).eval()  # type: ignore[arg-type]


def check_weights(weights: Tensor, mask: Tensor) -> None:
    padding = ~mask[:, None].expand_as(weights)
    assert (weights[padding] == 0).all()
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:2]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@given(
    lengths=LENGTHS,
    more=st.integers(0, 3),
    steps=st.integers(1, 4),
    size=st.sampled_from([1, 2, 7]),
    scale=st.sampled_from([0.0, 1.0, 1e3, 1e15]),
    seed=st.integers(0, 2**31),
)
def test_weights_and_contexts_know_nothing_of_padding(
    name: str, lengths: list[int], more: int, steps: int, size: int, scale: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    mask = masked(lengths, more)
    torch.manual_seed(seed)
    layer = attention_layer(name, size, 6)
    assert layer is not None
    query = torch.randn(len(lengths), steps, size, generator=generator) * scale
    keys = torch.randn(*mask.shape, size, generator=generator) * scale
    with torch.no_grad():
        contexts, weights = layer(query, keys, mask)
        check_weights(weights, mask)
        other = torch.where(mask[..., None], keys, torch.full_like(keys, 7.0 * scale + 3.0))
        again, same = layer(query, other, mask)
        for row, length in enumerate(lengths):  # alone, without padding
            alone = slice(row, row + 1)
            context, _ = layer(query[alone], keys[alone, :length], mask[alone, :length])
            torch.testing.assert_close(context, contexts[alone], rtol=1e-4, atol=1e-5 * max(scale, 1.0))
    assert torch.equal(contexts, again)
    assert torch.equal(weights, same)


@pytest.mark.parametrize("name", NAMES)
@given(lengths=LENGTHS, data=st.data())
def test_what_networks_give_as_attention_is_over_real_tokens_alone(
    name: str, lengths: list[int], data: st.DataObject
) -> None:
    rows = [data.draw(st.lists(KEYS, min_size=length, max_size=length)) for length in lengths]
    mask, sizes = masked(lengths, 0), torch.tensor(lengths)
    tokens = torch.zeros(mask.shape, dtype=torch.int64)
    tokens[mask] = torch.tensor([token for row in rows for token in row])
    written = torch.nn.functional.pad(tokens[:, :-1], (1, 0), value=1)
    translator, autoencoder = networks(name)
    with torch.no_grad():
        for found in (translator(tokens, sizes, written), autoencoder(tokens, written, sizes, mask)):
            assert found.attention is not None
            check_weights(found.attention, mask)
