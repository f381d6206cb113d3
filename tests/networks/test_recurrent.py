"""Layers over padded rows give what torch's packed sequences give."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqlab.networks.recurrent import sequence_layers
from seqlab.networks.tracing import LengthReader


@pytest.mark.parametrize(
    ("cell", "num_layers", "bidirectional"),
    list(itertools.product(("rnn", "gru", "lstm"), (1, 2), (True, False))),
)
def test_equals_packed_sequences(cell: str, num_layers: int, bidirectional: bool) -> None:
    torch.manual_seed(0)
    recurrent = sequence_layers(cell, 5, 7, num_layers, 0.0, bidirectional)
    for weight in recurrent.parameters():  # far from the small ones that layers start with
        nn.init.normal_(weight, std=0.5)
    lengths = torch.tensor([4, 1, 9, 6])
    inputs = torch.randn(4, 9, 5)
    packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    packed_outputs, state = recurrent(packed)
    outputs, _ = pad_packed_sequence(packed_outputs, batch_first=True)
    hidden, memory = state if cell == "lstm" else (state, None)
    for reading in (recurrent.read(inputs, lengths), LengthReader(recurrent).read(inputs, lengths)):
        torch.testing.assert_close(reading.outputs, outputs, rtol=0, atol=1e-6)
        torch.testing.assert_close(reading.hidden, hidden, rtol=0, atol=1e-6)
        torch.testing.assert_close(reading.cell, memory, rtol=0, atol=1e-6)


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    reader = LengthReader(sequence_layers("lstm", 5, 7, 2, 0.0, True))
    inputs, lengths = torch.randn(2, 6, 5), torch.tensor([3, 6])
    noisy = inputs.clone()
    noisy[0, 3:] = 1e3
    left, right = reader.read(inputs, lengths), reader.read(noisy, lengths)
    assert torch.equal(left.hidden, right.hidden)
    assert left.cell is not None
    assert right.cell is not None
    assert torch.equal(left.cell, right.cell)
