import pytest
import torch
from torch import nn

from seqlab.networks.dropout import Dropout


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(400, 501), (7,), (3, 5, 11)])
def test_kept_places_are_scaled_and_gradients_follow_them(p: float, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    inputs = torch.rand(shape) + 1
    inputs.requires_grad_()
    outputs = Dropout(p)(inputs)
    outputs.sum().backward()
    kept = outputs != 0
    torch.testing.assert_close(outputs[kept], inputs[kept] / (1 - p), rtol=2e-4, atol=0)
    expected = torch.where(kept, torch.tensor(1 / (1 - p)), torch.tensor(0.0))
    torch.testing.assert_close(inputs.grad, expected, rtol=2e-4, atol=0)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_its_masks_are_distributed_as_the_plain_layers(p: float) -> None:
    """Share of kept places, and of kept neighbors at distances up to 8: independent draws."""
    torch.manual_seed(0)
    ones = torch.ones(1_000_000)
    for layer in (Dropout(p), nn.Dropout(p)):
        share = float((layer(ones) != 0).float().mean())
        assert share == pytest.approx(1 - p, abs=0.003)  # six standard deviations
    kept = (Dropout(p)(ones) != 0).float()
    for distance in range(1, 9):
        both = float((kept[distance:] * kept[:-distance]).mean())
        assert both == pytest.approx((1 - p) ** 2, abs=0.004)


def test_evaluation_and_no_dropout_change_nothing() -> None:
    inputs = torch.rand(10)
    assert Dropout(0.5).eval()(inputs) is inputs
    torch.testing.assert_close(Dropout(0.0)(inputs), inputs)


def test_half_precision_and_empty_inputs() -> None:
    assert Dropout(0.5)(torch.ones(8, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert Dropout(0.5)(torch.ones(0, 3)).shape == (0, 3)


def test_a_seed_repeats_its_masks() -> None:
    masks = []
    for _ in range(2):
        torch.manual_seed(3)
        masks.append(Dropout(0.5)(torch.ones(100)))
    torch.testing.assert_close(masks[0], masks[1])
    assert not torch.equal(masks[0], Dropout(0.5)(torch.ones(100)))
