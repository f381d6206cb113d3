"""Minimal layers against numbers by hand, a plain loop and the paper's own scan."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.networks.minimal import MinGRU, MinLSTM, Scan, scan, scan_by_doubling


def loop(keep: Tensor, added: Tensor, before: Tensor) -> Tensor:
    states = []
    for step in range(keep.shape[1]):
        before = keep[:, step] * before + added[:, step]
        states.append(before)
    return torch.stack(states, dim=1)


def in_logarithms(keep: Tensor, added: Tensor) -> Tensor:
    """The paper's listing: from a state of zeros."""
    kept = keep.log().cumsum(dim=1)
    return (kept + (added.log() - kept).logcumsumexp(dim=1)).exp()


def drawn(length: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(length)
    keep = torch.randn(2, length, 3, generator=generator, dtype=dtype).mul(3).sigmoid()
    return keep, torch.rand(2, length, 3, generator=generator, dtype=dtype), torch.rand(2, 3, dtype=dtype)


def test_two_steps_by_hand() -> None:
    layers = MinGRU(1, 1)
    with torch.no_grad():
        layers.maps[0].weight[:, 0] = torch.tensor([2.0, 1.0])  # of what is new, of the gate
        layers.maps[0].bias[:] = torch.tensor([0.0, 0.5])
    outputs, state = layers(torch.tensor([[[1.0], [-1.0]]]))
    first = 1 / (1 + math.exp(-1.5)) * 2.5  # sigmoid(1 + 0.5) of 2 + 0.5
    gate = 1 / (1 + math.exp(0.5))
    second = (1 - gate) * first + gate / (1 + math.exp(2))  # sigmoid(-2): below 0
    assert outputs[0, :, 0].tolist() == pytest.approx([first, second])
    assert state.flatten().tolist() == pytest.approx([second])


def test_the_lstm_shares_one_between_its_gates() -> None:
    layers = MinLSTM(1, 1)
    with torch.no_grad():
        layers.maps[0].weight[:, 0] = torch.tensor([2.0, -1.0, 3.0])  # new, forget, enter
        layers.maps[0].bias.zero_()
    outputs, _ = layers(torch.ones(1, 1, 1), torch.full((1, 1, 1), 10.0))
    forget, enter = 1 / (1 + math.exp(1)), 1 / (1 + math.exp(-3))
    assert outputs.item() == pytest.approx((forget * 10 + enter * 2.5) / (forget + enter))


@pytest.mark.parametrize("length", [1, 2, 3, 64, 257])
def test_every_scan_gives_the_same(length: int) -> None:
    keep, added, before = drawn(length)
    expected = loop(keep, added, before)
    torch.testing.assert_close(scan(keep, added, before), expected)
    torch.testing.assert_close(scan_by_doubling(keep, added, before, length.bit_length()), expected)
    torch.testing.assert_close(in_logarithms(keep, added), loop(keep, added, torch.zeros_like(before)))


def test_gradients_are_those_of_the_loop() -> None:
    given = [part.requires_grad_() for part in drawn(7)]
    assert torch.autograd.gradcheck(Scan.apply, given)
    weights = torch.randn(2, 7, 3, dtype=torch.float64)
    ours = torch.autograd.grad((Scan.apply(*given) * weights).sum(), given)
    theirs = torch.autograd.grad((loop(*given) * weights).sum(), given)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_float32_holds_over_2000_steps_where_logarithms_do_not() -> None:
    keep, added, before = drawn(2000)
    exact = loop(keep, added, torch.zeros_like(before))
    short = keep.float(), added.float()
    torch.testing.assert_close(scan(*short, torch.zeros(2, 3)).double(), exact, rtol=1e-5, atol=0)
    torch.testing.assert_close(
        scan_by_doubling(*short, torch.zeros(2, 3), 11).double(), exact, rtol=1e-5, atol=0
    )
    lost = (in_logarithms(*short).double() / exact - 1).abs().max()
    assert lost > 1e-4


@pytest.mark.parametrize("kind", [MinGRU, MinLSTM])
def test_traced_layers_give_the_same(kind: type) -> None:
    torch.manual_seed(0)
    layers = kind(4, 5, 2, bidirectional=True)
    for weight in layers.parameters():
        nn.init.normal_(weight)
    inputs, lengths, state = torch.randn(3, 6, 4), torch.tensor([6, 1, 4]), torch.randn(4, 3, 5)
    plain, after = layers.read(inputs, lengths), layers(inputs, state)
    layers.make_traceable()
    torch.testing.assert_close(layers.read(inputs, lengths).outputs, plain.outputs)
    torch.testing.assert_close(layers(inputs, state), after)


def test_gates_far_open_and_far_shut_stay_finite() -> None:
    layers = MinLSTM(1, 1)
    inputs = torch.tensor([[[1e4], [-1e4], [1e4]]], requires_grad=True)
    outputs, _ = layers(inputs)
    outputs.sum().backward()
    assert outputs.isfinite().all()
    assert inputs.grad is not None
    assert inputs.grad.isfinite().all()
    assert F.softplus(torch.tensor(1e4)) == 1e4
