from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.errors import UserError
from seqlab.networks.transformer_layers import TransformerLayers
from tests.networks.plain_transformer import linear, norm, run_block


def built(context_size: int = 256, **settings: Any) -> TransformerLayers:
    """Two layers, two heads, 5 inputs, 8 wide; weights that are not small."""
    torch.manual_seed(0)
    made = TransformerLayers(5, 8, 2, num_heads=2, context_size=context_size, **settings)
    for weights in made.parameters():
        nn.init.normal_(weights, std=0.4)
    return made.eval()


def plain(layers: TransformerLayers, row: Tensor) -> Tensor:
    """(T, E) to (T, D * H), one step and one head at a time."""
    steps = [linear(layers.project, step) for step in row]
    for block in layers.blocks:
        steps = run_block(block, steps, layers.reach, is_causal=not layers.bidirectional)
    return torch.stack([norm(layers.norm, step) for step in steps])


@pytest.mark.parametrize("settings", [{}, {"context_size": 3}, {"bidirectional": True}])
def test_the_plain_twin_has_the_same_outputs_and_gradients(settings: dict[str, Any]) -> None:
    layers = built(**settings)
    inputs, lengths = torch.randn(2, 6, 5), (6, 4)
    found = layers.read(inputs, torch.tensor(lengths)).outputs
    expected = torch.stack(
        [F.pad(plain(layers, row[:n]), (0, 0, 0, 6 - n)) for row, n in zip(inputs, lengths, strict=True)]
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    weights = torch.randn(found.shape)
    for outputs in (found, expected):
        layers.zero_grad()
        (outputs * weights).sum().backward()
        gradients = {name: one.grad.clone() for name, one in layers.named_parameters()}  # type: ignore[union-attr]
        if outputs is found:
            fast = gradients
    for name, gradient in gradients.items():
        torch.testing.assert_close(fast[name], gradient, rtol=1e-4, atol=2e-5, msg=name)


@pytest.mark.parametrize("size", [1, 2, 5, 40])
def test_a_long_text_in_pieces_equals_one_pass_in_memory_that_does_not_grow(size: int) -> None:
    layers = built(context_size=6)
    inputs = torch.randn(2, 200, 5)
    whole, _ = layers(inputs)
    state, outputs = None, []
    for piece in inputs.split(size, dim=1):
        found, state = layers(piece, state)
        outputs.append(found)
        assert state[0].shape[2] <= 5
        assert all(part.shape[3] == state[0].shape[2] for part in state[1:])
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole, rtol=1e-5, atol=1e-5)


def test_thousands_of_steps() -> None:
    layers = built(context_size=1500)
    inputs = torch.randn(1, 2000, 5)
    with torch.no_grad():
        whole, _ = layers(inputs)
        first, state = layers(inputs[:, :1990])
        outputs = [first]
        for step in inputs[:, 1990:].split(1, dim=1):
            found, state = layers(step, state)
            outputs.append(found)
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole, rtol=1e-5, atol=1e-5)


def test_a_step_reads_so_many_and_no_more() -> None:
    """One layer: what is further back than ``context_size`` has no gradient."""
    torch.manual_seed(0)
    layers = TransformerLayers(8, 8, 1, num_heads=2, context_size=4)
    inputs = torch.randn(1, 9, 8, requires_grad=True)
    layers(inputs)[0][0, 8].square().sum().backward()
    assert inputs.grad is not None
    assert (inputs.grad[0].abs().sum(dim=1) > 0).tolist() == [False] * 5 + [True] * 4


def test_a_row_whose_state_is_emptied_begins_anew_beside_one_that_goes_on() -> None:
    layers = built()
    before, after = torch.randn(2, 7, 5), torch.randn(2, 4, 5)
    _, state = layers(before)
    is_start = torch.tensor([True, False])
    emptied = tuple(part.masked_fill(is_start.view(-1, *[1] * (part.ndim - 2)), 0) for part in state)
    found, _ = layers(after, emptied)
    torch.testing.assert_close(found[:1], layers(after[:1])[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found[1:], layers(torch.cat((before, after), dim=1)[1:])[0][:, 7:])


def test_fused_kernels_get_no_mask_where_none_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[bool, bool]] = []
    fused = F.scaled_dot_product_attention

    def spy(*tensors: Tensor, attn_mask: Tensor | None, is_causal: bool) -> Tensor:
        given.append((attn_mask is not None, is_causal))
        return fused(*tensors, attn_mask=attn_mask, is_causal=is_causal)

    monkeypatch.setattr(F, "scaled_dot_product_attention", spy)
    layers = built(context_size=6)
    layers.read(torch.randn(2, 6, 5), torch.tensor([6, 3]))
    assert set(given) == {(False, True)}
    given.clear()
    layers(torch.randn(2, 7, 5))
    built(bidirectional=True).read(torch.randn(2, 6, 5), torch.tensor([6, 3]))
    assert set(given) == {(True, False)}


@pytest.mark.parametrize(("dropout", "inside"), [(0.0, 0.0), (0.05, 0.05), (0.5, 0.1)])
def test_blocks_drop_a_tenth_at_most(dropout: float, inside: float) -> None:
    for block in TransformerLayers(8, 8, 2, dropout).blocks:
        assert [part.p for part in block.modules() if isinstance(part, nn.Dropout)] == [inside, inside]


def test_an_input_of_the_width_is_not_projected() -> None:
    assert isinstance(TransformerLayers(8, 8).project, nn.Identity)
    assert isinstance(TransformerLayers(8, 4, bidirectional=True).project, nn.Identity)
    assert sum(part.numel() for part in TransformerLayers(8, 8, 1).parameters()) == 12 * 64 + 13 * 8 + 2 * 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_heads": 3}, "num_heads=3 of hidden_size=8: .* choose 1, 2, 4"),
        ({"num_heads": 0}, "num_heads=0"),
        ({"context_size": 1}, "context_size=1: give a whole number, at least 2"),
        ({"feed_forward_size": -4}, "feed_forward_size=-4"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"max_dropout": 1.0}, "cell.max_dropout=1.0"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TransformerLayers(5, 8, **settings)
