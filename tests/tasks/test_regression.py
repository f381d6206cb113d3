import pytest
import torch

from seqlab.data.batches import SeriesBatch
from seqlab.errors import UserError
from seqlab.networks.series_regressor import SeriesRegressor
from seqlab.tasks.regression import Regression, pinball_loss


def task(loss: str, quantiles: list[float]) -> Regression:
    """Its output is 0 at the median, and ln 2 away from it at the levels beside."""
    return Regression(loss=loss, network=SeriesRegressor(1, 2, hidden_size=2, quantiles=quantiles))


BATCH = SeriesBatch(torch.zeros(2, 3, 1), torch.tensor([[1.0, -2.0], [0.0, 3.0]]), torch.zeros(2, 2, 0))


def test_pinball_by_hand() -> None:
    outputs = torch.tensor([[[1.0, 2.0, 4.0]]])
    found = pinball_loss(outputs, torch.tensor([[3.0]]), torch.tensor([0.1, 0.5, 0.9]))
    # 0.1 * 2, 0.5 * 1, 0.1 * 1
    torch.testing.assert_close(found, torch.tensor([[(0.2 + 0.5 + 0.1) / 3]]))


def test_the_pinball_loss_is_smallest_at_the_quantile() -> None:
    targets = torch.arange(1.0, 101.0)[:, None]
    candidates = torch.arange(0.0, 101.0)
    losses = [
        pinball_loss(torch.full((100, 1, 1), float(each)), targets, torch.tensor([0.9])).sum()
        for each in candidates
    ]
    assert candidates[int(torch.stack(losses).argmin())] in (90, 91)


@pytest.mark.parametrize(("loss", "expected"), [("mae", 6.0), ("mse", 14.0)])
def test_losses_of_one_number_by_hand(loss: str, expected: float) -> None:
    losses = task(loss, []).losses(BATCH)
    assert losses.nll.item() == pytest.approx(expected)
    assert losses.num_units.item() == 4
    assert losses.correct is None


def test_the_quantile_loss_sums_over_days() -> None:
    losses = task("quantile", [0.5]).losses(BATCH)
    assert losses.nll.item() == pytest.approx(3.0)  # half of the absolute errors


@pytest.mark.parametrize(("loss", "quantiles"), [("quantile", []), ("mae", [0.5]), ("mse", [0.1, 0.5, 0.9])])
def test_a_loss_that_does_not_suit_the_output_is_told(loss: str, quantiles: list[float]) -> None:
    with pytest.raises(UserError, match=f"model.loss={loss} with model.network.quantiles="):
        task(loss, quantiles)


def test_an_unknown_loss_is_told() -> None:
    with pytest.raises(UserError, match=r"model\.loss=huber: choose quantile, mae, mse"):
        task("huber", [])


def test_the_untrained_twin_keeps_the_recipe() -> None:
    recipe = Regression(
        loss="quantile",
        network=SeriesRegressor(1, 2, hidden_size=2),
        optimizer=torch.optim.Adam,
        monitor="val/mae",
    )
    twin = recipe.untrained()
    assert (twin.loss, twin.monitor, twin.optimizer_factory) == ("quantile", "val/mae", torch.optim.Adam)
    assert twin.network is not recipe.network


def test_each_reader_learns_alone() -> None:
    """The training loss is the mean of the readers' own, and no reader's gradient depends on another."""
    torch.manual_seed(0)
    network = SeriesRegressor(
        1, 2, hidden_size=2, quantiles=[], dropout=0.0, zero_output=False, num_readers=2
    )
    both = Regression(loss="mse", network=network).train()
    losses = both.losses(BATCH)
    losses.nll.backward()
    alone = []
    for reader in network.readers:
        one = SeriesRegressor(1, 2, hidden_size=2, quantiles=[], dropout=0.0, zero_output=False)
        one.readers[0].load_state_dict(reader.state_dict())
        found = Regression(loss="mse", network=one).train().losses(BATCH).nll
        found.backward()
        alone.append(found.item())
        for mine, its in zip(reader.parameters(), one.parameters(), strict=True):
            torch.testing.assert_close(mine.grad, its.grad / 2)
    assert losses.nll.item() == pytest.approx(sum(alone) / 2)
    forecast = both.eval().losses(BATCH).nll.item()
    assert forecast < losses.nll.item()  # the loss is convex: that of the mean is below the mean of theirs


def test_the_pull_is_of_training_alone_and_of_the_median() -> None:
    torch.manual_seed(0)
    network = SeriesRegressor(1, 2, hidden_size=2, dropout=0.0, zero_output=False)
    plain, pulled = Regression(network=network), Regression(network=network, pull=0.5)
    medians = network(BATCH.inputs)[..., 1].abs().sum().item()
    assert medians > 0
    assert pulled.losses(BATCH).nll.item() == pytest.approx(plain.losses(BATCH).nll.item() + 0.5 * medians)
    assert pulled.eval().losses(BATCH).nll.item() == pytest.approx(plain.losses(BATCH).nll.item())
    with pytest.raises(UserError, match=r"model\.pull=-1: give 0 or more"):
        Regression(network=network, pull=-1)
