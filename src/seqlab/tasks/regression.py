"""Forecast the next steps of a series: as one number each, or as quantiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from seqlab.data.batches import SeriesBatch
from seqlab.errors import UserError
from seqlab.networks.contracts import RegressionNetwork, check_shape
from seqlab.tasks.base import Losses, SequenceTask
from seqlab.tasks.graphs import BATCH, LENGTH, Axes, Graph, Tensors

LOSSES = ("quantile", "mae", "mse")


def pinball_loss(outputs: Tensor, targets: Tensor, quantiles: Tensor) -> Tensor:
    """(..., B, N) mean over levels of the quantile loss (Koenker & Bassett, Econometrica 1978).

    Args:
        outputs: (..., B, N, Q) forecasts of each level.
        targets: (B, N) what came.
        quantiles: (Q,) levels in 0 to 1.
    """
    short = targets[..., None] - outputs  # above 0 where the forecast was too low
    return torch.maximum(quantiles * short, (quantiles - 1) * short).mean(dim=-1)


class Regression(SequenceTask[SeriesBatch]):
    """Quantile, absolute or squared loss of each forecast, on the network's scale.

    While training it is the mean over the network's readers; validation and test losses are those of the
    forecast, which is the mean of theirs.

    ``pull`` times the mean size of the forecasts (the medians, where there are quantiles) is added to the
    training loss: where changes are forecast it pulls towards the last value, which daily prices leave little
    to improve on.

    Raises:
        UserError: a loss that the network's output does not suit.
    """

    batch_type: ClassVar[type] = SeriesBatch
    contract: ClassVar[type | None] = RegressionNetwork
    network: Any

    def __init__(self, *, loss: str = "quantile", pull: float = 0.0, **settings: Any) -> None:
        super().__init__(**settings)
        if loss not in LOSSES:
            raise UserError(f"model.loss={loss}: choose {', '.join(LOSSES)}")
        levels = self.network.quantiles
        if (loss == "quantile") != bool(levels):
            raise UserError(
                f"model.loss={loss} with model.network.quantiles={list(levels)}: loss=quantile goes with "
                "levels like [0.1,0.5,0.9], mae and mse with []"
            )
        if pull < 0:
            raise UserError(f"model.pull={pull}: give 0 or more")
        self.loss, self.pull = loss, pull
        self.register_buffer("levels", torch.tensor(levels), persistent=False)

    def try_network(self, batch: SeriesBatch, sizes: Mapping[str, int]) -> None:
        levels = max(len(self.network.quantiles), 1)
        axes = {"B": len(batch.inputs), "Y * N": sizes["num_targets"] * sizes["horizon"], "Q": levels}
        given = (
            f"inputs of shape (B, T, F) = {tuple(batch.inputs.shape)} and known columns of shape (B, N, K) = "
            f"{tuple(batch.known.shape)}"
        )
        check_shape(self.network, "forecasts", self.network(batch.inputs, batch.known), axes, given)
        each = self.network.each(batch.inputs, batch.known)
        members = {"R": len(each) if isinstance(each, Tensor) and each.ndim else 1}
        check_shape(self.network, "what each() gives", each, members | axes, given)

    def one_pass(self, sizes: Mapping[str, int], data: Mapping[str, Any]) -> Graph:
        num_features, horizon, num_known = sizes["num_features"], sizes["horizon"], sizes.get("num_known", 0)
        inputs: dict[str, Axes] = {"inputs": (BATCH, LENGTH, num_features)}
        if num_known:
            inputs["known"] = (BATCH, horizon, num_known)

        def sample(batch: int, length: int, generator: Generator) -> Tensors:
            shapes = [(batch, length, num_features), (batch, horizon, num_known)]
            return tuple(torch.randn(shape, generator=generator) for shape in shapes[: len(inputs)])

        levels = max(len(self.network.quantiles), 1)
        return Graph(
            self.network,
            lambda network, *given: (network(*given).float(),),
            inputs,
            {"forecasts": (BATCH, sizes.get("num_targets", 1) * horizon, levels)},
            sample,
            7,
        )

    def losses(self, batch: SeriesBatch) -> Losses:
        # each reader learns alone: of the mean's loss each would learn what the others lack
        if self.training:
            outputs = self.network.each(batch.inputs, batch.known)
        else:
            outputs = self.network(batch.inputs, batch.known)[None]
        return self.losses_of(outputs.float(), batch)

    def losses_of(self, outputs: Tensor, batch: SeriesBatch) -> Losses:
        """Losses of (R, B, Y * N, Q) forecasts, the mean over R."""
        losses = self.loss_of_each(outputs, batch)
        if self.training and self.pull:
            losses = losses + self.pull * outputs[..., self.network.middle].abs()
        total = losses.sum() / len(outputs)
        return Losses(total, None, batch.num_units.to(total.device))

    def loss_of_each(self, outputs: Tensor, batch: SeriesBatch) -> Tensor:
        """(R, B, Y * N) losses of (R, B, Y * N, Q) forecasts."""
        if self.loss == "quantile":
            return pinball_loss(outputs, batch.targets, self.levels)  # type: ignore[arg-type]
        short = outputs[..., 0] - batch.targets
        return short.abs() if self.loss == "mae" else short.square()

    def predict_step(self, batch: SeriesBatch, batch_idx: int = 0) -> Tensor:
        """(B, Y * N, Q) forecasts on the network's scale."""
        return self.network(batch.inputs, batch.known).float()

    def untrained(self) -> Regression:
        """The same recipe with new weights, drawn from torch's generator as it stands."""
        return Regression(
            loss=self.loss,
            pull=self.pull,
            network=self.network.untrained(),
            optimizer=self.optimizer_factory,
            scheduler=self.scheduler_factory,
            monitor=self.monitor,
        )
