"""Temporal convolutions against numbers by hand and what an output can see."""

import pytest
import torch
from torch import nn

from seqlab.errors import UserError
from seqlab.networks.temporal_convolution import TemporalConvolution


def test_one_block_by_hand() -> None:
    layers = TemporalConvolution(1, 1, kernel_size=2, num_blocks=1)
    first, second = layers.blocks[0].convolutions
    with torch.no_grad():
        first.weight = torch.tensor([[[1.0, 2.0]]])  # of the step before, of the step itself
        second.weight = torch.tensor([[[-1.0, 1.0]]])
        first.bias.zero_()
        second.bias.fill_(0.5)
    outputs, state = layers(torch.tensor([[[1.0], [3.0], [-4.0]]]))
    # first: 2, 1 + 6, relu(3 - 8); second: 2.5, 7 - 2 + 0.5, relu(0 - 7 + 0.5); beside: the inputs
    assert outputs[0, :, 0].tolist() == pytest.approx([3.5, 8.5, 0.0])
    assert [part.flatten().tolist() for part in state or ()] == [[-4.0], [0.0]]


@pytest.mark.parametrize(
    ("num_layers", "kernel_size", "num_blocks", "field"),
    [(1, 3, 4, 61), (1, 2, 3, 15), (2, 3, 2, 25), (1, 1, 2, 1)],
)
def test_an_output_sees_its_receptive_field(
    num_layers: int, kernel_size: int, num_blocks: int, field: int
) -> None:
    torch.manual_seed(0)
    layers = TemporalConvolution(2, 8, num_layers, kernel_size=kernel_size, num_blocks=num_blocks)
    for weight in layers.parameters():
        nn.init.uniform_(weight, 0.1, 0.3)  # no unit is off
    assert layers.receptive_field == field
    inputs = torch.rand(1, field + 2, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(layers(inputs)[0][0, -1].sum(), inputs)
    assert gradient.abs().sum(dim=2)[0].nonzero()[:, 0].tolist() == list(range(2, field + 2))


def test_both_sides_are_seen_alike() -> None:
    torch.manual_seed(0)
    layers = TemporalConvolution(2, 4, bidirectional=True, num_blocks=2)
    for weight in layers.parameters():
        nn.init.uniform_(weight, 0.1, 0.3)
    inputs = torch.rand(1, 21, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(layers(inputs)[0][0, 10].sum(), inputs)
    assert gradient.abs().sum(dim=2)[0].nonzero()[:, 0].tolist() == list(range(10 - 6, 10 + 7))


def test_what_stands_for_a_row_is_what_each_direction_read_last() -> None:
    layers = TemporalConvolution(2, 4, bidirectional=True)
    reading = layers.read(torch.randn(2, 5, 2), torch.tensor([5, 3]))
    assert torch.equal(reading.hidden[0], reading.outputs[[0, 1], [4, 2], :4])
    assert torch.equal(reading.hidden[1], reading.outputs[:, 0, 4:])


@pytest.mark.parametrize(("dropout", "inside"), [(0.0, 0.0), (0.05, 0.05), (0.5, 0.1)])
def test_blocks_drop_a_tenth_at_most(dropout: float, inside: float) -> None:
    layers = TemporalConvolution(2, 4, dropout=dropout)
    assert {block.dropout.p for block in layers.blocks} == {inside}
    assert TemporalConvolution(2, 4, dropout=0.5, max_dropout=0.3).blocks[0].dropout.p == 0.3


@pytest.mark.parametrize("name", ["kernel_size", "num_blocks"])
def test_sizes_are_checked(name: str) -> None:
    with pytest.raises(UserError, match=f"model.network.cell.{name}=0: give a whole number, at least 1"):
        TemporalConvolution(2, 4, **{name: 0})  # type: ignore[arg-type]
