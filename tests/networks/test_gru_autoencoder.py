from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.errors import UserError
from seqlab.networks.attention import ATTENTIONS
from seqlab.networks.gru_autoencoder import GRUAutoencoder

VOCAB_SIZE, PAD, BOS, EOS, UNK = 10, 0, 1, 2, 3
SESSIONS = ([4, 5, 6], [7], [9, 8, 7, 6, 5, 4, 4, 5], [4, 4, 4, 4, 4])
EVERY = list(product(("rnn", "gru", "lstm"), ATTENTIONS, (True, False)))


def autoencoder(**settings: object) -> GRUAutoencoder:
    torch.manual_seed(0)
    sizes = {"embedding_size": 5, "hidden_size": 6}
    return GRUAutoencoder(VOCAB_SIZE, PAD, UNK, max_length=6, **sizes | settings)


def padded(*sessions: list[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Source, decoder input, lengths and mask, built row by row."""
    longest = max(map(len, sessions)) + 1
    source = [[*session, EOS] + [PAD] * (longest - len(session) - 1) for session in sessions]
    decoder_input = [[BOS, *session] + [PAD] * (longest - len(session) - 1) for session in sessions]
    lengths = torch.tensor([len(session) + 1 for session in sessions])
    mask = torch.tensor([[step <= len(session) for step in range(longest)] for session in sessions])
    return torch.tensor(source), torch.tensor(decoder_input), lengths, mask


def nlls(network: GRUAutoencoder, *sessions: list[int]) -> list[Tensor]:
    """The NLL of each session's tokens, EOS last."""
    source, decoder_input, lengths, mask = padded(*sessions)
    logits = network(source, decoder_input, lengths, mask).logits
    nll = F.cross_entropy(logits.transpose(1, 2), source, reduction="none")
    return [row[:length] for row, length in zip(nll, lengths.tolist(), strict=True)]


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize(("cell", "attention", "bidirectional"), EVERY)
def test_padding_changes_nothing(cell: str, attention: str, bidirectional: bool, num_layers: int) -> None:
    network = autoencoder(
        cell=cell, attention=attention, bidirectional=bidirectional, num_layers=num_layers
    ).eval()
    together = nlls(network, *SESSIONS)
    for session, beside_others in zip(SESSIONS, together, strict=True):
        torch.testing.assert_close(nlls(network, session)[0], beside_others, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_one_call_of_the_decoder_equals_a_loop_over_its_steps(attention: str, cell: str) -> None:
    network = autoencoder(cell=cell, attention=attention, num_layers=2)
    source, decoder_input, lengths, mask = padded(*SESSIONS)
    fast = network(source, decoder_input, lengths, mask)
    fast.logits[mask].square().sum().backward()
    gradients = {name: parameter.grad.clone() for name, parameter in network.named_parameters()}
    network.zero_grad()

    outputs, state = network.encoder(source, lengths)
    state = network.first_state(state)
    decoder, steps, weights = network.decoder, [], []
    for step in range(source.shape[1]):
        embedded = decoder.embedding(decoder_input[:, step : step + 1])
        hidden, state = decoder.recurrent(embedded, state)
        if decoder.attention is not None:
            context, weight = decoder.attention(hidden, outputs, mask)
            hidden = torch.cat((hidden, context), dim=-1)
            weights.append(weight)
        steps.append(decoder.output(torch.tanh(decoder.combine(hidden))))
    slow = torch.cat(steps, dim=1)
    slow[mask].square().sum().backward()

    torch.testing.assert_close(fast.logits, slow, rtol=1e-5, atol=1e-5)
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-5, atol=1e-5)
    if attention == "none":
        assert fast.attention is None
    else:
        torch.testing.assert_close(fast.attention, torch.cat(weights, dim=1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_sharing_prefixes_changes_no_logit_and_no_gradient(
    cell: str, num_layers: int, bidirectional: bool
) -> None:
    # sessions that begin alike, end alike, and one within the other
    batch = padded(*SESSIONS, [4, 5, 6, 7], [9, 9, 5, 6], [4, 5], [4, 5, 6])
    found = []
    for share in (True, False):
        network = autoencoder(
            cell=cell,
            attention="dot",
            bidirectional=bidirectional,
            num_layers=num_layers,
            share_prefixes=share,
        )
        outputs, state = network.encoder(batch[0], batch[2])
        logits = network(*batch).logits
        F.cross_entropy(logits[batch[3]], batch[0][batch[3]]).backward()
        gradients = [parameter.grad for parameter in network.parameters()]
        found.append([outputs, *(state if cell == "lstm" else (state,)), logits[batch[3]], *gradients])
    for shared, plain in zip(*found, strict=True):
        torch.testing.assert_close(shared, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_encoder_equals_plain_layers_on_a_session_without_padding(bidirectional: bool) -> None:
    encoder = autoencoder(bidirectional=bidirectional, num_layers=2).encoder
    source, _, lengths, _ = padded([4, 5, 6, 7])
    outputs, state = encoder(source, lengths)
    plain, plain_state = encoder.recurrent(encoder.embedding(source))
    if bidirectional:
        plain = plain[..., :6] + plain[..., 6:]
        # torch gives (forward, backward) of layer 0, then of layer 1
        plain_state = torch.stack(
            [torch.cat((plain_state[0], plain_state[1]), -1), torch.cat((plain_state[2], plain_state[3]), -1)]
        )
    torch.testing.assert_close(outputs, plain)
    torch.testing.assert_close(state, plain_state)


def test_a_token_sees_only_tokens_before_it_where_nothing_is_copied() -> None:
    network = autoencoder(attention="none").eval()
    source, decoder_input, lengths, mask = padded([4, 5, 6, 7])
    before = network(source, decoder_input, lengths, mask).logits
    decoder_input[0, 2] = 9
    after = network(source, decoder_input, lengths, mask).logits
    torch.testing.assert_close(after[:, :2], before[:, :2])
    assert not torch.allclose(after[:, 2:], before[:, 2:])


def test_the_bottleneck_is_all_that_passes_without_attention() -> None:
    network = autoencoder(bottleneck_size=2).eval()
    narrow = network.bridge["hidden"]
    assert [layer.out_features for layer in narrow] == [2, 6]
    with torch.no_grad():
        narrow[0].weight.zero_()
    source, decoder_input, lengths, mask = padded([4, 5, 6])
    other = padded([8, 8, 8])[0]
    one = network(source, decoder_input, lengths, mask).logits
    assert torch.equal(one, network(other, decoder_input, lengths, mask).logits)


def test_noise_on_either_side_acts_in_training_alone() -> None:
    clean = autoencoder()
    batch = padded(*SESSIONS)
    for name in ("input_noise", "decoder_noise"):
        noisy = autoencoder(**{name: 0.9})
        torch.manual_seed(0)
        assert not torch.allclose(noisy(*batch).logits, clean(*batch).logits)
        assert torch.equal(noisy.eval()(*batch).logits, clean(*batch).logits)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": 0}, "model.network.hidden_size=0: give a whole number, at least 1"),
        ({"num_layers": -1}, "model.network.num_layers=-1: give a whole number, at least 1"),
        ({"embedding_size": 0}, "model.network.embedding_size=0: give a whole number, at least 1"),
        ({"bottleneck_size": 0}, "model.network.bottleneck_size=0: give a whole number, at least 1"),
        ({"dropout": 1}, "model.network.dropout=1: give a probability"),
        ({"decoder_noise": 1.5}, "model.network.decoder_noise=1.5: give a probability"),
        ({"cell": "elman"}, "model.network.cell=elman: choose rnn, gru, lstm"),
        ({"attention": "dott"}, "model.network.attention=dott: choose dot, scaled_dot, general"),
        ({"directions": "max"}, "model.network.directions=max: choose sum or linear"),
        ({"directions": "linear"}, "model.network.directions=linear is what attention reads: set"),
        (
            {"directions": "linear", "attention": "dot", "bidirectional": False},
            "model.network.directions=linear joins two directions: set model.network.bidirectional=true",
        ),
    ],
)
def test_settings_out_of_range_are_told_at_construction(settings: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        autoencoder(**settings)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("attention", ["dot", "concat", "location"])
def test_attention_in_parts_has_the_logits_and_gradients_of_all_at_once(
    attention: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = padded(*SESSIONS)
    found = []
    for cells in (10**6, 4 * 9 * 2 * (6 if attention == "concat" else 1)):  # two steps of 4 rows at a time
        monkeypatch.setattr("seqlab.networks.decoders.CELLS_AT_ONCE", cells)
        network = autoencoder(attention=attention)
        result = network(*batch)
        F.cross_entropy(result.logits[batch[3]], batch[0][batch[3]]).backward()
        found.append([result.logits, result.attention, *(each.grad for each in network.parameters())])
    for parts, whole in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("share_prefixes", [True, False])
def test_a_linear_layer_joins_the_directions_that_attention_reads(share_prefixes: bool) -> None:
    encoder = autoencoder(attention="dot", directions="linear", share_prefixes=share_prefixes).encoder
    source, _, lengths, _ = padded([4, 5, 6, 7])
    both = encoder.recurrent(encoder.embedding(source))[0]  # (1, 5, 12), forward beside backward
    linear = encoder.join.linear
    torch.testing.assert_close(encoder(source, lengths)[0], both @ linear.weight.T + linear.bias)


def test_joining_by_a_layer_changes_nothing_else() -> None:
    summed, joined = autoencoder(attention="dot"), autoencoder(attention="dot", directions="linear")
    shapes = {name: weight.shape for name, weight in joined.state_dict().items()}
    assert shapes.pop("encoder.join.linear.weight") == (6, 12)
    assert shapes.pop("encoder.join.linear.bias") == (6,)
    assert shapes == {name: weight.shape for name, weight in summed.state_dict().items()}
