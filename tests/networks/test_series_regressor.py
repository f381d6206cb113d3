import pytest
import torch

from seqlab.errors import UserError
from seqlab.networks.series_regressor import SeriesRegressor


def regressor(**settings: object) -> SeriesRegressor:
    torch.manual_seed(0)
    return SeriesRegressor(2, 3, **{"hidden_size": 4, "dropout": 0.0, "zero_output": False} | settings)


def inputs() -> torch.Tensor:
    """(6, 5, 2) windows of noise."""
    return torch.randn(6, 5, 2, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("quantiles", [[], [0.5], [0.1, 0.5, 0.9], [0.05, 0.25, 0.5, 0.9]])
def test_levels_rise_whatever_the_weights(cell: str, quantiles: list[float]) -> None:
    network = regressor(cell=cell, quantiles=quantiles)
    for parameter in network.readers[0].output.parameters():
        torch.nn.init.normal_(parameter, std=3.0)
    found = network(inputs())
    assert found.shape == (6, 3, max(len(quantiles), 1))
    assert (found.diff(dim=-1) > 0).all()


def test_levels_by_hand() -> None:
    network = regressor(quantiles=[0.1, 0.25, 0.5, 0.9])
    output = network.readers[0].output
    torch.nn.init.zeros_(output.weight)
    with torch.no_grad():
        output.bias.copy_(torch.tensor([1.0, 0.0, 5.0, 2.0] * 3))
    # softplus of 0, 1 and 2: 0.6931, 1.3133, 2.1269
    expected = torch.tensor([5 - 0.6931 - 1.3133, 5 - 0.6931, 5.0, 5 + 2.1269])
    torch.testing.assert_close(network(inputs())[0, 0], expected, rtol=0, atol=1e-4)


def test_it_begins_with_a_median_of_zero() -> None:
    found = regressor(zero_output=True)(inputs())
    assert (found[..., 1] == 0).all()
    assert (found[..., 0] < 0).all()


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_window_has_its_forecast_whatever_stands_beside_it(cell: str) -> None:
    network = regressor(cell=cell, num_layers=2).eval()
    together = network(inputs())
    for row in range(6):
        torch.testing.assert_close(network(inputs()[row : row + 1])[0], together[row], rtol=1e-5, atol=1e-6)


def test_every_day_of_the_window_counts() -> None:
    network = regressor()
    before = network(inputs())
    for day in range(5):
        changed = inputs()
        changed[:, day] += 1
        assert not torch.allclose(network(changed), before)


def test_an_untrained_twin_has_the_shape_and_other_weights() -> None:
    network = regressor(cell="gru", quantiles=[0.5])
    twin = network.untrained()
    assert twin.settings == network.settings
    shapes = {name: weight.shape for name, weight in network.state_dict().items()}
    assert {name: weight.shape for name, weight in twin.state_dict().items()} == shapes
    assert not torch.equal(twin.readers[0].output.weight, network.readers[0].output.weight)


def test_readers_differ_and_the_forecast_is_their_mean() -> None:
    network = regressor(num_readers=3)
    each = network.each(inputs())
    assert each.shape == (3, 6, 3, 3)
    assert not torch.allclose(each[0], each[1])
    torch.testing.assert_close(network(inputs()), (each[0] + each[1] + each[2]) / 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_readers": 0}, "model.network.num_readers=0"),
        ({"hidden_size": 0}, "model.network.hidden_size=0"),
        ({"cell": "tcn"}, "model.network.cell=tcn: choose rnn, gru, lstm"),
        ({"dropout": 1.0}, "model.network.dropout=1.0"),
        ({"quantiles": [0.1, 0.9]}, "model.network.quantiles=[0.1, 0.9]: give rising levels"),
        ({"quantiles": [0.9, 0.5]}, "model.network.quantiles=[0.9, 0.5]: give rising levels"),
        ({"quantiles": [0.0, 0.5]}, "model.network.quantiles=[0.0, 0.5]: give rising levels"),
        ({"quantiles": [0.5, 0.5]}, "model.network.quantiles=[0.5, 0.5]: give rising levels"),
    ],
)
def test_settings_out_of_range_are_told_at_construction(settings: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        regressor(**settings)
    assert str(caught.value).startswith(message)


def test_known_columns_reach_the_forecast_of_their_own_step_alone() -> None:
    torch.manual_seed(0)
    network = SeriesRegressor(2, 3, num_targets=2, num_known=1, hidden_size=4, zero_output=False).eval()
    inputs, known = torch.randn(1, 5, 2), torch.randn(1, 3, 1, requires_grad=True)
    outputs = network(inputs, known)
    assert outputs.shape == (1, 6, 3)  # two targets of three steps each
    for target in range(2):
        for step in range(3):
            (gradient,) = torch.autograd.grad(outputs[0, 3 * target + step].sum(), known, retain_graph=True)
            assert [bool(each) for each in gradient.flatten()] == [other == step for other in range(3)]
    with pytest.raises(ValueError, match="give known"):
        network(inputs)


def test_a_network_with_known_columns_begins_at_its_median_of_0() -> None:
    network = SeriesRegressor(1, 2, num_known=1, hidden_size=4).eval()
    assert network(torch.randn(3, 4, 1), torch.randn(3, 2, 1))[..., 1].abs().max() == 0
