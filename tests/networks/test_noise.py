import pytest
import torch

from seqlab.errors import UserError
from seqlab.networks.noise import TokenNoise

UNK = 3


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
