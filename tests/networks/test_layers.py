"""What conf/layers offers keeps the promises of SequenceLayers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn

from seqlab.errors import UserError
from seqlab.networks.recurrent import sequence_layers

CONF = Path(__file__).resolve().parents[2] / "conf" / "layers"
LAYERS = sorted(path.stem for path in CONF.glob("*.yaml"))
SIZES = (5, 8)  # E, H


def built(name: str, num_layers: int, bidirectional: bool, dropout: float = 0.0) -> Any:
    """The layers of a file of conf/layers with weights that are not small."""
    torch.manual_seed(num_layers)
    cell = instantiate(OmegaConf.load(CONF / f"{name}.yaml"))["cell"]
    layers = sequence_layers(cell, *SIZES, num_layers, dropout, bidirectional)
    with torch.no_grad():
        for weight in layers.parameters():
            weight.mul_(2)
    return layers.eval()


def parts_of(state: Any) -> list[Tensor]:
    return [state] if isinstance(state, Tensor) else list(state)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("name", LAYERS)
def test_a_row_reads_as_it_does_alone(name: str, num_layers: int, bidirectional: bool) -> None:
    layers = built(name, num_layers, bidirectional)
    lengths = torch.tensor([4, 9, 1])
    inputs = torch.randn(3, 9, 5)
    for row, length in enumerate(lengths.tolist()):
        inputs[row, length:] = 1e3
    inputs.requires_grad_()
    reading = layers.read(inputs, lengths)
    width = 16 if bidirectional else 8
    assert reading.outputs.shape == (3, 9, width)
    assert (layers.hidden_size, layers.num_layers, layers.bidirectional) == (8, num_layers, bidirectional)
    (gradient,) = torch.autograd.grad(reading.outputs.square().sum() + reading.hidden.sum(), inputs)
    for row, length in enumerate(lengths.tolist()):
        alone = layers.read(inputs[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(reading.outputs[row, :length], alone.outputs[0], rtol=0, atol=1e-5)
        torch.testing.assert_close(reading.hidden[:, row], alone.hidden[:, 0], rtol=0, atol=1e-5)
        assert not reading.outputs[row, length:].any()
        assert not gradient[row, length:].any()
        assert gradient[row, :length].any()


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("name", LAYERS)
def test_steps_and_pieces_give_what_the_whole_gives(name: str, num_layers: int) -> None:
    layers = built(name, num_layers, False)
    inputs = torch.randn(2, 11, 5)
    whole, last = layers(inputs)
    for sizes in ([1] * 11, [3, 1, 7], [11]):
        state, outputs = None, []
        for piece in inputs.split(sizes, dim=1):
            found, state = layers(piece, state)
            outputs.append(found)
        torch.testing.assert_close(torch.cat(outputs, dim=1), whole, rtol=0, atol=1e-5)
        for part, of_whole in zip(parts_of(state), parts_of(last), strict=True):
            torch.testing.assert_close(part, of_whole, rtol=0, atol=1e-5)
            assert part.shape[1] == 2  # the batch
    emptied = torch.zeros_like(last) if isinstance(last, Tensor) else tuple(map(torch.zeros_like, last))
    torch.testing.assert_close(layers(inputs, emptied)[0], whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_what_comes_later_changes_nothing_but_in_two_directions(name: str) -> None:
    inputs = torch.randn(1, 9, 5)
    other = inputs.clone()
    other[:, 6:] += 1
    one, two = (built(name, 2, False)(given)[0] for given in (inputs, other))
    torch.testing.assert_close(one[:, :6], two[:, :6], rtol=0, atol=1e-6)
    assert not torch.allclose(one[:, 6:], two[:, 6:])
    one, two = (built(name, 2, True)(given)[0] for given in (inputs, other))
    assert not torch.allclose(one[:, 5], two[:, 5])


@pytest.mark.parametrize("name", LAYERS)
def test_dropout_acts_between_layers_in_training_alone(name: str) -> None:
    layers = built(name, 2, False, dropout=0.5)
    inputs = torch.randn(2, 6, 5)
    assert torch.equal(layers(inputs)[0], layers(inputs)[0])
    layers.train()
    assert not torch.equal(layers(inputs)[0], layers(inputs)[0])


@pytest.mark.parametrize("name", LAYERS)
def test_bfloat16_gives_finite_gradients(name: str) -> None:
    layers = built(name, 1, True)
    inputs = torch.randn(2, 6, 5)
    exact = layers.read(inputs, torch.tensor([6, 3])).outputs
    with torch.autocast("cpu", torch.bfloat16):
        outputs = layers.read(inputs, torch.tensor([6, 3])).outputs
    torch.testing.assert_close(outputs.float(), exact, rtol=0, atol=0.2)
    outputs.float().square().sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in layers.parameters())


class Unfit(nn.Module):
    def __init__(self, **sizes: Any) -> None:
        super().__init__()


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            "gur",
            "model.network.cell=gur: choose rnn, gru, lstm, mingru, minlstm; layers= has others too; did",
        ),
        (7, "model.network.cell=7: give a name, or _target_ and _partial_: true"),
        (
            Unfit,
            r"model.network.cell: .*Unfit has no read and no reader and .*derive it from seqlab.networks",
        ),
    ],
)
def test_what_are_no_layers_is_told(cell: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        sequence_layers(cell, *SIZES, 1, 0.0)
