"""Beam search of any network against greedy search and against itself."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlab.search.beam import beam_search, greedy_search
from tests.search.test_beam import EOS, PAD, UNK, network

ROWS = st.lists(st.lists(st.integers(4, 11), max_size=6), min_size=1, max_size=5)
SETTINGS = st.fixed_dictionaries(
    {
        "length_penalty": st.sampled_from([0.0, 0.5, 1.0, 2.0]),
        "unk_id": st.sampled_from([None, UNK]),
        "max_length": st.sampled_from([None, 1, 4, 9]),
    }
)
KINDS = st.fixed_dictionaries(
    {"cell": st.sampled_from(["rnn", "gru", "lstm"]), "attention": st.sampled_from(["none", "dot", "concat"])}
)


def padded(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    ended = [[*row, EOS] for row in rows]
    lengths = [len(row) for row in ended]
    source = torch.tensor([row + [PAD] * (max(lengths) - len(row)) for row in ended])
    return source, torch.tensor(lengths)


@given(rows=ROWS, seed=st.integers(0, 10_000), settings=SETTINGS, kind=KINDS)
def test_a_beam_of_one_is_greedy_search(rows: list, seed: int, settings: dict, kind: dict) -> None:
    net, (source, lengths) = network(seed, **kind), padded(rows)
    greedy = greedy_search(net, source, lengths, **settings)
    beam = beam_search(net, source, lengths, beam_size=1, **settings)
    assert [one.tokens for one in beam] == [one.tokens for one in greedy]
    assert [one.score for one in beam] == pytest.approx([one.score for one in greedy], abs=1e-9)


@given(rows=ROWS, seed=st.integers(0, 10_000), size=st.integers(1, 12), settings=SETTINGS, kind=KINDS)
def test_a_source_is_translated_alike_alone_and_in_any_company(
    rows: list, seed: int, size: int, settings: dict, kind: dict
) -> None:
    net = network(seed, **kind)
    together = beam_search(net, *padded(rows), beam_size=size, **settings)
    for row, found in zip(rows, together, strict=True):
        (alone,) = beam_search(net, *padded([row]), beam_size=size, **settings)
        # rounding may part two translations that are as likely as each other
        assert alone.tokens == found.tokens or alone.score == pytest.approx(found.score, abs=1e-4)
        assert not {PAD, EOS, settings["unk_id"]} & set(found.tokens)
        most = 2 * (len(row) + 1) + 10 if settings["max_length"] is None else settings["max_length"]
        assert len(found.tokens) <= most
