import pytest
import torch
from torch import nn

from seqlab.errors import UserError
from seqlab.networks.recurrent import Dropout, TokenNoise

UNK = 3


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


def test_evaluation_and_probability_zero_leave_tokens_alone() -> None:
    tokens = torch.randint(0, 20, (50, 20))
    assert torch.equal(TokenNoise("input_noise", 0.5, UNK).eval()(tokens), tokens)
    assert torch.equal(TokenNoise("input_noise", 0.0, UNK)(tokens), tokens)


def test_special_tokens_stay_and_what_is_replaced_becomes_unk() -> None:
    torch.manual_seed(0)
    tokens = torch.randint(0, 10, (200, 50))
    noisy = TokenNoise("input_noise", 0.9, UNK)(tokens)
    special = tokens <= UNK
    assert torch.equal(noisy[special], tokens[special])
    changed = noisy != tokens
    assert changed.any()
    assert (noisy[changed] == UNK).all()


@pytest.mark.parametrize("probability", [0.05, 0.3, 0.9])
def test_the_share_replaced_is_the_probability(probability: float) -> None:
    torch.manual_seed(0)
    tokens = torch.full((400, 250), 7)
    share = (TokenNoise("input_noise", probability, UNK)(tokens) == UNK).double().mean().item()
    # 100,000 draws: one standard error is at most 0.0016
    assert share == pytest.approx(probability, abs=0.006)


def test_the_tokens_given_are_not_written_to() -> None:
    tokens = torch.full((10, 10), 7)
    TokenNoise("input_noise", 0.9, UNK)(tokens)
    assert (tokens == 7).all()


@pytest.mark.parametrize("probability", [-0.1, 1.0, 3.0])
def test_a_probability_out_of_range_is_named(probability: float) -> None:
    with pytest.raises(UserError, match=rf"network\.decoder_noise={probability}: give a probability"):
        TokenNoise("decoder_noise", probability, UNK)
