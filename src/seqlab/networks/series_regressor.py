"""Windows of numbers to forecasts of the next days: recurrent layers, linear, quantiles in order."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.errors import UserError
from seqlab.networks.dropout import Dropout
from seqlab.networks.recurrent import check_share, check_size, recurrent_layers


def check_quantiles(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Rising levels between 0 and 1 with the median among them; an empty list asks for one number a day.

    Raises:
        UserError: anything else.
    """
    levels = tuple(quantiles)
    if levels and not (
        all(isinstance(level, float) and 0 < level < 1 for level in levels)
        and list(levels) == sorted(set(levels))
        and 0.5 in levels
    ):
        raise UserError(
            f"model.network.quantiles={list(levels)}: give rising levels between 0 and 1 with 0.5 among "
            "them, like [0.1,0.5,0.9], or [] for one number"
        )
    return levels


class SeriesRegressor(nn.Module):
    """Reads T days and forecasts the next N at once (direct multi-step forecasts, not fed back).

    Quantiles never cross: the median is one output, each further level adds a positive step outwards.

    Args:
        num_features, horizon: F and N, from the data.
        cell: rnn, gru or lstm.
        hidden_size: H of each layer.
        num_layers: recurrent layers.
        dropout: between layers and before the output.
        quantiles: levels to forecast, 0.5 among them; empty for one number a day.
        zero_output: begin with a median of 0: on changes, the forecast that all stays as it was.

    Raises:
        UserError: a size, level or cell out of range.
    """

    def __init__(
        self,
        num_features: int,
        horizon: int,
        *,
        cell: str = "lstm",
        hidden_size: int = 32,
        num_layers: int = 1,
        dropout: float = 0.3,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        zero_output: bool = True,
    ) -> None:
        super().__init__()
        self.settings = {
            "cell": cell,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "dropout": dropout,
            "quantiles": quantiles,
            "zero_output": zero_output,
        }
        self.num_features, self.horizon = num_features, horizon
        check_share("dropout", dropout)
        self.quantiles = check_quantiles(quantiles)
        self.num_levels = max(len(self.quantiles), 1)
        self.middle = self.quantiles.index(0.5) if self.quantiles else 0
        self.recurrent = recurrent_layers(cell, num_features, hidden_size, num_layers, dropout)
        self.dropout = Dropout(dropout)
        check_size("horizon", horizon)
        self.output = nn.Linear(hidden_size, horizon * self.num_levels)
        if zero_output:
            nn.init.zeros_(self.output.weight)
            nn.init.zeros_(self.output.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, T, F) to (B, N, Q) forecasts, Q levels rising; Q is 1 without quantiles."""
        last = self.recurrent(inputs)[0][:, -1]  # (B, H)
        raw = self.output(self.dropout(last)).unflatten(1, (-1, self.num_levels))
        center = raw[..., self.middle : self.middle + 1]
        below = F.softplus(raw[..., : self.middle]).flip(-1).cumsum(-1).flip(-1)
        above = F.softplus(raw[..., self.middle + 1 :]).cumsum(-1)
        return torch.cat((center - below, center, center + above), dim=-1)

    def untrained(self) -> SeriesRegressor:
        """A network of the same shape with new weights."""
        return SeriesRegressor(self.num_features, self.horizon, **self.settings)  # type: ignore[arg-type]
