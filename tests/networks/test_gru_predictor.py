import pytest
import torch
import torch.nn.functional as F

from seqlab.errors import UserError
from seqlab.networks.gru_predictor import GRUPredictor

VOCAB_SIZE, PAD, UNK = 11, 0, 3


def predictor(**settings: object) -> GRUPredictor:
    torch.manual_seed(0)
    return GRUPredictor(VOCAB_SIZE, PAD, UNK, **{"embedding_size": 5, "hidden_size": 6} | settings)


def contexts() -> torch.Tensor:
    """(40, 4) windows, left-padded, many of them alike."""
    tokens = torch.randint(4, 7, (40, 4), generator=torch.Generator().manual_seed(1))
    tokens[:10, :2] = PAD
    return tokens


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_sharing_prefixes_changes_no_logit_and_no_gradient(cell: str, num_layers: int) -> None:
    targets = torch.randint(4, VOCAB_SIZE, (40,), generator=torch.Generator().manual_seed(2))
    found = []
    for share in (True, False):
        network = predictor(cell=cell, num_layers=num_layers, share_prefixes=share)
        logits = network(contexts())
        F.cross_entropy(logits, targets).backward()
        found.append((logits, {name: parameter.grad for name, parameter in network.named_parameters()}))
    (shared, shared_gradients), (plain, plain_gradients) = found
    torch.testing.assert_close(shared, plain, rtol=1e-5, atol=1e-5)
    assert shared_gradients.keys() == plain_gradients.keys()
    for name, gradient in plain_gradients.items():
        torch.testing.assert_close(shared_gradients[name], gradient, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("share", [True, False])
def test_each_window_has_its_logits_whatever_stands_beside_it(share: bool) -> None:
    network = predictor(share_prefixes=share)
    together = network(contexts())
    assert together.shape == (40, VOCAB_SIZE)
    for row in (0, 10, 39):
        torch.testing.assert_close(network(contexts()[row : row + 1])[0], together[row], rtol=1e-5, atol=1e-5)


def test_every_key_of_the_window_counts() -> None:
    network = predictor()
    window = torch.tensor([[4, 5, 6, 4]])
    before = network(window)
    for place in range(4):
        changed = window.clone()
        changed[0, place] = 8
        assert not torch.allclose(network(changed), before)


def test_dropout_acts_in_training_alone() -> None:
    network = predictor(dropout=0.5)
    assert not torch.equal(network(contexts()), network(contexts()))
    network.eval()
    assert torch.equal(network(contexts()), network(contexts()))


def test_input_noise_reaches_the_network_in_training_alone() -> None:
    noisy, clean = predictor(input_noise=0.9), predictor()
    torch.manual_seed(0)
    assert not torch.allclose(noisy(contexts()), clean(contexts()))
    noisy.eval()
    assert torch.equal(noisy(contexts()), clean(contexts()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": 0}, "model.network.hidden_size=0: give a whole number, at least 1"),
        ({"num_layers": 0}, "model.network.num_layers=0: give a whole number, at least 1"),
        ({"embedding_size": 0}, "model.network.embedding_size=0: give a whole number, at least 1"),
        ({"embedding_size": -2}, "model.network.embedding_size=-2: give a whole number, at least 1"),
        ({"dropout": 1.0}, "model.network.dropout=1.0: give a probability"),
        ({"dropout": -0.1}, "model.network.dropout=-0.1: give a probability"),
        ({"input_noise": 1}, "model.network.input_noise=1: give a probability"),
        ({"cell": "gruu"}, "model.network.cell=gruu: choose rnn, gru, lstm"),
    ],
)
def test_settings_out_of_range_are_told_at_construction(settings: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        predictor(**settings)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("share", [True, False])
def test_many_windows_in_parts_have_the_logits_and_gradients_of_all_at_once(
    share: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = torch.randint(4, VOCAB_SIZE, (40,), generator=torch.Generator().manual_seed(2))
    found = []
    for tokens in (1000, 28):  # 28: seven windows of 4
        monkeypatch.setattr("seqlab.networks.gru_predictor.TOKENS_AT_ONCE", tokens)
        network = predictor(share_prefixes=share)
        logits = network(contexts())
        F.cross_entropy(logits, targets).backward()
        with torch.inference_mode():
            torch.testing.assert_close(network(contexts()), logits.detach(), rtol=1e-5, atol=1e-5)
        found.append([logits, *(parameter.grad for parameter in network.parameters())])
    for parts, whole in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-5)
