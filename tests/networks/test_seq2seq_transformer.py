import pytest
import torch
from torch import nn

from seqlab.errors import UserError
from seqlab.networks.seq2seq_transformer import Attending, Seq2SeqTransformer
from tests.networks.plain_transformer import translate_forced
from tests.networks.test_seq2seq import EOS, PAD, batch

BOS = 1


def network(**settings: object) -> Seq2SeqTransformer:
    """Weights that are not small, so that attention is not even."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_heads": 2, "encoder_layers": 2, "decoder_layers": 2, "dropout": 0.0}
    made = Seq2SeqTransformer(11, 13, PAD, BOS, EOS, **sizes | {"embedding_dropout": 0.0} | settings)  # type: ignore[arg-type]
    for weights in made.parameters():
        nn.init.normal_(weights, std=0.4)
    return made


def test_the_plain_twin_has_the_same_outputs_and_gradients() -> None:
    """Loops over rows, steps, heads; padding is not even there."""
    net = network()
    source, lengths, inputs = batch()
    target_lengths = (4, 2, 3)
    weights = torch.randn(3, 4, 8)

    def compared(readouts: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        net.zero_grad()
        sum((one * weights[row, : len(one)]).sum() for row, one in enumerate(readouts)).backward()  # type: ignore[union-attr]
        return {name: one.grad.clone() for name, one in net.named_parameters() if one.grad is not None}

    found = net(source, lengths, inputs).readout
    fast = [found[row, :length] for row, length in enumerate(target_lengths)]
    plain = [
        translate_forced(net, source[row, : int(lengths[row])].tolist(), inputs[row, :length].tolist())
        for row, length in enumerate(target_lengths)
    ]
    for left, right in zip(fast, plain, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-5)
    left, right = compared(fast), compared(plain)
    assert set(left) == set(right)
    for name in left:
        torch.testing.assert_close(left[name], right[name], rtol=1e-4, atol=2e-5, msg=name)


def test_padding_changes_nothing() -> None:
    net = network().eval()
    source, lengths, inputs = batch()
    found = net(source, lengths, inputs)
    wider = torch.cat((source, torch.full((3, 4), PAD)), dim=1)
    torch.testing.assert_close(net(wider, lengths, inputs).readout, found.readout)
    for row, length in enumerate(lengths.tolist()):
        alone = net(source[row : row + 1, :length], lengths[row : row + 1], inputs[row : row + 1])
        torch.testing.assert_close(alone.readout[0], found.readout[row])
        torch.testing.assert_close(alone.attention[0], found.attention[row, :, :length])
        assert (found.attention[row, :, length:] == 0).all()
    torch.testing.assert_close(found.attention.sum(dim=2), torch.ones(3, 4))


@pytest.mark.parametrize("pieces", [(1, 1, 1, 1), (2, 2), (1, 3), (3, 1)])
def test_cached_keys_and_values_give_the_numbers_and_gradients_of_one_pass(pieces: tuple[int, ...]) -> None:
    net = network()
    source, lengths, inputs = batch()
    found = net(source, lengths, inputs).readout
    found.square().sum().backward()
    gradients = {name: one.grad.clone() for name, one in net.named_parameters() if one.grad is not None}
    net.zero_grad()
    memory, state = net.encode(source, lengths)
    readouts = []
    for part in inputs.split(pieces, dim=1):
        readout, weights, state = net.decoder.readout(part, state, memory)
        readouts.append(readout)
        assert weights is None
    plain = torch.cat(readouts, dim=1)
    plain.square().sum().backward()
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-5)
    for name, one in net.named_parameters():
        if one.grad is not None:
            torch.testing.assert_close(gradients[name], one.grad, rtol=1e-4, atol=1e-4, msg=name)


def test_no_step_reads_a_later_one() -> None:
    net = network().eval()
    source, lengths, inputs = batch()
    changed = inputs.clone()
    changed[:, 2] = 9
    before, after = net(source, lengths, inputs).readout, net(source, lengths, changed).readout
    torch.testing.assert_close(before[:, :2], after[:, :2])
    assert ((before[:, 2:] - after[:, 2:]).abs().amax(dim=2) > 1e-3).all()


def test_hypotheses_beside_each_other_read_their_own_source() -> None:
    net = network().eval()
    source, lengths, _ = batch()
    memory, state = net.encode(source, lengths)
    rows = torch.arange(3).repeat_interleave(2)
    wide = tuple(part.index_select(1, rows) for part in state)
    tokens = torch.tensor([[5], [6], [7], [8], [9], [10]])
    found, _, _ = net.decoder.readout(tokens, wide, memory)
    expected, _, _ = net.decoder.readout(tokens, wide, memory.take(rows))
    torch.testing.assert_close(found, expected)


def test_attention_is_the_mean_of_the_last_layers_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the weights that give the fused kernel's output; computed where it is read, and only there."""
    net = network(num_heads=1).eval()
    source, lengths, inputs = batch()
    found = net(source, lengths, inputs)
    assert isinstance(found, Attending)
    memory, _ = net.encode(source, lengths)
    assert memory.projected is not None
    values = memory.projected[:, -1]
    read = nn.functional.scaled_dot_product_attention(
        found.queries[:, 0], found.keys[:, 0], values, memory.mask[:, None]
    )
    torch.testing.assert_close(found.attention @ values, read, rtol=1e-5, atol=1e-5)
    monkeypatch.setattr(Attending, "attention", property(lambda self: pytest.fail("nobody asked for it")))
    net(source, lengths, inputs)


def test_without_forcing_each_step_is_fed_the_guess_before_it() -> None:
    net = network()
    source, lengths, inputs = batch()
    found = net(source, lengths, inputs, 0.0).readout
    memory, state = net.encode(source, lengths)
    tokens = inputs[:, :1]
    for step in range(inputs.shape[1]):
        readout, _, state = net.decoder.readout(tokens, state, memory)
        torch.testing.assert_close(found[:, step], readout[:, 0])
        tokens = net.output(readout).argmax(dim=-1)
    assert not torch.allclose(found, net(source, lengths, inputs).readout, atol=1e-3)


def test_tables_are_tied_and_start_short() -> None:
    sizes = {"hidden_size": 64, "num_heads": 2, "encoder_layers": 1, "decoder_layers": 1}
    joint = Seq2SeqTransformer(500, 500, PAD, BOS, EOS, tie="all", **sizes)  # type: ignore[arg-type]
    assert joint.encoder.embedding.weight is joint.output.weight
    assert (joint.output.weight[PAD] == 0).all()
    assert abs(joint.output.weight.std().item() - 64**-0.5) < 0.005
    own = Seq2SeqTransformer(500, 400, PAD, BOS, EOS, tie="decoder", **sizes)  # type: ignore[arg-type]
    assert own.output.weight is own.decoder.embedding.weight
    assert own.encoder.embedding.weight.shape == (500, 64)
    assert Seq2SeqTransformer(9, 9, PAD, BOS, EOS, tie="none", **sizes).output.weight.shape == (9, 64)  # type: ignore[arg-type]


def test_dropout_acts_in_training_only() -> None:
    net = network(dropout=0.5, embedding_dropout=0.5)
    source, lengths, inputs = batch()
    assert not torch.equal(net(source, lengths, inputs).readout, net(source, lengths, inputs).readout)
    net.eval()
    assert torch.equal(net(source, lengths, inputs).readout, net(source, lengths, inputs).readout)


def test_it_trains_in_bfloat16_on_the_cpu() -> None:
    net = network()
    source, lengths, inputs = batch()
    exact = net(source, lengths, inputs).readout
    with torch.autocast("cpu", torch.bfloat16):
        found = net(source, lengths, inputs).readout
        net.output(found).float().square().mean().backward()
    torch.testing.assert_close(found.float(), exact, rtol=0.1, atol=0.1)
    assert all(one.grad.isfinite().all() for one in net.parameters() if one.grad is not None)


def test_lengths_of_one_and_of_thousands() -> None:
    net = network().eval()
    with torch.no_grad():
        one = net(torch.tensor([[EOS]]), torch.tensor([1]), torch.tensor([[BOS]])).readout
        assert one.shape == (1, 1, 8)
        tokens = torch.randint(4, 11, (1, 2000))
        found = net(tokens, torch.tensor([2000]), tokens).readout
        memory, state = net.encode(tokens, torch.tensor([2000]))
        first, _, state = net.decoder.readout(tokens[:, :1999], state, memory)
        last, _, _ = net.decoder.readout(tokens[:, 1999:], state, memory)
    torch.testing.assert_close(torch.cat((first, last), dim=1), found, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_heads": 3}, "num_heads=3 of hidden_size=8: .* choose 1, 2, 4"),
        ({"num_heads": 8}, "num_heads=8 of hidden_size=8"),
        ({"hidden_size": 7}, "an even hidden_size"),
        ({"tie": "both"}, "tie=both: choose none, decoder, all"),
        ({"tie": "all"}, "11 source and 13 target tokens of their own"),
        ({"decoder_layers": 0}, "decoder_layers=0"),
        ({"embedding_dropout": 1.0}, "embedding_dropout=1.0"),
        ({"feed_forward_size": 0}, "feed_forward_size=0"),
    ],
)
def test_impossible_settings_are_refused_when_it_is_built(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        network(**settings)
