import pytest
import torch
from torch import Tensor

from seqlab.errors import UserError
from seqlab.networks.recurrent import Cell
from seqlab.networks.seq2seq import Seq2Seq
from seqlab.networks.temporal_convolution import TemporalConvolution
from seqlab.networks.transformer_layers import TransformerLayers

PAD, BOS, EOS = 0, 1, 2
ATTENTIONS = ("dot", "scaled_dot", "general", "concat", "location", "none")


def network(**settings: object) -> Seq2Seq:
    torch.manual_seed(0)
    sizes = {"embedding_size": 6, "hidden_size": 8} | settings
    return Seq2Seq(11, 13, PAD, BOS, EOS, 6, **sizes)  # type: ignore[arg-type]


def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Sources of 5, 3 and 1 tokens, decoder inputs of up to 4."""
    source = torch.tensor([[4, 5, 6, 7, EOS], [8, 9, EOS, PAD, PAD], [EOS, PAD, PAD, PAD, PAD]])
    inputs = torch.tensor([[BOS, 5, 6, 7], [BOS, 12, PAD, PAD], [BOS, 4, 4, PAD]])
    return source, torch.tensor([5, 3, 1]), inputs


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("shape", [(1, 1, "last"), (1, 2, "first"), (2, 3, "first"), (2, 2, "last")])
def test_padding_changes_nothing(attention: str, cell: str, shape: tuple[int, int, str]) -> None:
    encoder_layers, decoder_layers, attend_after = shape
    net = network(
        attention=attention,
        cell=cell,
        encoder_layers=encoder_layers,
        decoder_layers=decoder_layers,
        attend_after=attend_after,
    ).eval()
    source, lengths, inputs = batch()
    found = net(source, lengths, inputs)
    wider = torch.cat((source, torch.full((3, 4), PAD)), dim=1)
    torch.testing.assert_close(net(wider, lengths, inputs).readout, found.readout)
    for row, length in enumerate(lengths.tolist()):
        alone = net(source[row : row + 1, :length], lengths[row : row + 1], inputs[row : row + 1])
        torch.testing.assert_close(alone.readout[0], found.readout[row])
        if alone.attention is not None and found.attention is not None:
            torch.testing.assert_close(alone.attention[0], found.attention[row, :, :length])
            assert (found.attention[row, :, length:] == 0).all()


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("shape", [(1, "last"), (2, "first"), (2, "last")])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_one_call_with_full_forcing_agrees_with_one_step_after_the_other(
    attention: str, shape: tuple[int, str], cell: str
) -> None:
    """The plain twin: the decoder fed one token a call, outputs and gradients to 1e-5."""
    net = network(attention=attention, cell=cell, decoder_layers=shape[0], attend_after=shape[1])
    source, lengths, inputs = batch()
    found = net(source, lengths, inputs)
    net.output(found.readout).square().sum().backward()
    gradients = {name: weights.grad.clone() for name, weights in net.named_parameters()}  # type: ignore[union-attr]
    net.zero_grad()
    memory, state = net.encode(source, lengths)
    readouts = []
    for step in range(inputs.shape[1]):
        readout, _, state = net.decoder.readout(inputs[:, step : step + 1], state, memory)
        readouts.append(readout)
    plain = torch.cat(readouts, dim=1)
    net.output(plain).square().sum().backward()
    torch.testing.assert_close(found.readout, plain, rtol=1e-5, atol=1e-5)
    for name, weights in net.named_parameters():
        torch.testing.assert_close(gradients[name], weights.grad, rtol=1e-5, atol=1e-4, msg=name)


def test_without_forcing_each_step_is_fed_the_guess_before_it() -> None:
    net = network(cell="gru", attention="general").eval()
    source, lengths, inputs = batch()
    found = net(source, lengths, inputs, 0.0)
    memory, state = net.encode(source, lengths)
    tokens = inputs[:, :1]
    for step in range(inputs.shape[1]):
        readout, _, state = net.decoder.readout(tokens, state, memory)
        torch.testing.assert_close(found.readout[:, step], readout[:, 0])
        tokens = net.output(readout).argmax(dim=-1)
    torch.testing.assert_close(found.readout[:, 0], net(source, lengths, inputs).readout[:, 0])
    assert not torch.equal(found.readout, net(source, lengths, inputs).readout)


def test_a_ratio_between_mixes_true_tokens_and_guesses() -> None:
    net = network(cell="gru", attention="none").eval()
    source, lengths, inputs = (part[:1] for part in batch())
    guess = int(net.output(net(source, lengths, inputs).readout[0, 0]).argmax())
    inputs = torch.tensor([[BOS, 4 if guess == 5 else 5]])  # what is true is not what is guessed
    forced = net(source, lengths, inputs).readout[0, 1]
    torch.manual_seed(0)
    many = net(source.repeat(400, 1), lengths.repeat(400), inputs.repeat(400, 1), 0.75).readout[:, 1]
    share = ((many - forced).abs().amax(dim=1) < 1e-6).float().mean()
    assert 0.68 < share < 0.82  # 3.2 standard deviations of 400 coins


def test_a_tied_output_reads_the_target_embedding() -> None:
    decoder = network(tie="decoder")
    assert decoder.output.weight is decoder.decoder.embedding.weight
    assert decoder.encoder.embedding is not decoder.decoder.embedding
    torch.manual_seed(0)
    joint = Seq2Seq(13, 13, PAD, BOS, EOS, 6, embedding_size=6, hidden_size=8, tie="all")
    assert joint.encoder.embedding.weight is joint.output.weight
    assert (joint.output.weight[PAD] == 0).all()


@pytest.mark.parametrize(
    ("cell", "size"),
    [("lstm", 1 / 16), (TemporalConvolution, 1 / 16), ("mingru", 1.0), (TransformerLayers, 1.0)],
)
def test_tied_embeddings_are_read_at_variance_1_where_layers_ask_for_it(cell: Cell, size: float) -> None:
    net = Seq2Seq(500, 500, PAD, BOS, EOS, 6, cell=cell, embedding_size=256, hidden_size=8, tie="all")
    tokens = torch.arange(3, 500)
    assert net.encoder.embedding(tokens).std().item() == pytest.approx(size, rel=0.02)
    assert net.decoder.embedding(tokens).std().item() == pytest.approx(size, rel=0.02)
    assert net.output.weight[3:].std().item() == pytest.approx(1 / 16, rel=0.02)
    own = Seq2Seq(500, 400, PAD, BOS, EOS, 6, cell=cell, embedding_size=256, hidden_size=8, tie="decoder")
    assert own.encoder.embedding(tokens).std().item() == pytest.approx(1, rel=0.02)


def test_a_one_directional_encoder_of_the_same_shape_hands_its_state_on() -> None:
    net = network(bidirectional=False, encoder_layers=2, decoder_layers=2, cell="lstm").eval()
    assert net.bridge is None
    source, lengths, _ = batch()
    _, expected = net.encoder.recurrent(net.encoder.embedding(source[:1]))
    _, state = net.encode(source[:1], lengths[:1])
    torch.testing.assert_close(state, expected)


def test_dropout_acts_in_training_only() -> None:
    net = network(dropout=0.5, embedding_dropout=0.5)
    source, lengths, inputs = batch()
    assert not torch.equal(net(source, lengths, inputs).readout, net(source, lengths, inputs).readout)
    net.eval()
    assert torch.equal(net(source, lengths, inputs).readout, net(source, lengths, inputs).readout)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attention": "dott"}, "attention=dott: choose dot, "),
        ({"cell": "gruu"}, "cell=gruu: choose rnn, gru, lstm"),
        ({"attend_after": "second"}, "attend_after=second: choose last or first"),
        ({"tie": "both"}, "tie=both: choose none, decoder, all"),
        ({"tie": "all"}, "11 source and 13 target tokens of their own: one table needs"),
        ({"decoder_layers": 0}, "decoder_layers=0"),
        ({"embedding_dropout": 1.0}, "embedding_dropout=1.0"),
    ],
)
def test_impossible_settings_are_refused_when_it_is_built(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        network(**settings)
