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


class SeriesReader(nn.Module):
    """Recurrent layers over T days, and from the last state N forecasts of Q levels.

    Quantiles never cross: the level numbered ``middle`` is one output, each further one adds a positive step
    outwards.
    """

    def __init__(
        self,
        num_features: int,
        horizon: int,
        *,
        cell: str,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        num_levels: int,
        middle: int,
        zero_output: bool,
    ) -> None:
        super().__init__()
        self.num_levels, self.middle = num_levels, middle
        self.recurrent = recurrent_layers(cell, num_features, hidden_size, num_layers, dropout)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(hidden_size, horizon * num_levels)
        if zero_output:
            nn.init.zeros_(self.output.weight)
            nn.init.zeros_(self.output.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, T, F) to (B, N, Q) forecasts, levels rising."""
        last = self.recurrent(inputs)[0][:, -1]  # (B, H)
        raw = self.output(self.dropout(last)).unflatten(1, (-1, self.num_levels))
        center = raw[..., self.middle : self.middle + 1]
        below = F.softplus(raw[..., : self.middle]).flip(-1).cumsum(-1).flip(-1)
        above = F.softplus(raw[..., self.middle + 1 :]).cumsum(-1)
        return torch.cat((center - below, center, center + above), dim=-1)


class SeriesRegressor(nn.Module):
    """Reads T days and forecasts the next N at once (direct multi-step forecasts, not fed back).

    One or more readers of the same shape, each with a start of its own and learning alone; the forecast is
    the mean of theirs, level by level. Where a series holds little that can be foreseen, most of a reader's
    opinion is chance, which the mean takes out.

    Args:
        num_features, horizon: F and N, from the data.
        cell: rnn, gru or lstm.
        hidden_size: H of each layer.
        num_layers: recurrent layers.
        dropout: between layers and before the output.
        quantiles: levels to forecast, 0.5 among them; empty for one number a day.
        zero_output: begin with a median of 0: on changes, the forecast that all stays as it was.
        num_readers: how many readers.

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
        num_readers: int = 1,
    ) -> None:
        super().__init__()
        self.settings = {
            "cell": cell,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "dropout": dropout,
            "quantiles": quantiles,
            "zero_output": zero_output,
            "num_readers": num_readers,
        }
        self.num_features, self.horizon = num_features, horizon
        check_size("horizon", horizon)
        check_size("num_readers", num_readers)
        check_share("dropout", dropout)
        self.quantiles = check_quantiles(quantiles)
        self.middle = self.quantiles.index(0.5) if self.quantiles else 0
        self.readers = nn.ModuleList(
            SeriesReader(
                num_features,
                horizon,
                cell=cell,
                hidden_size=hidden_size,
                num_layers=num_layers,
                dropout=dropout,
                num_levels=max(len(self.quantiles), 1),
                middle=self.middle,
                zero_output=zero_output,
            )
            for _ in range(num_readers)
        )

    def each(self, inputs: Tensor) -> Tensor:
        """(B, T, F) to (R, B, N, Q): the forecasts of each of the R readers."""
        return torch.stack([reader(inputs) for reader in self.readers])

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, T, F) to (B, N, Q) forecasts, Q levels rising; Q is 1 without quantiles."""
        return self.each(inputs).mean(dim=0)

    def untrained(self) -> SeriesRegressor:
        """A network of the same shape with new weights."""
        return SeriesRegressor(self.num_features, self.horizon, **self.settings)  # type: ignore[arg-type]
