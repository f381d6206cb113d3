"""Windows of numbers to forecasts of the next steps: recurrent layers, linear, quantiles in order."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.errors import UserError
from seqlab.networks.recurrent import Cell, Dropout, check_share, check_size, sequence_layers


def check_quantiles(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Rising levels between 0 and 1 with the median among them; an empty list asks for one number a step.

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


class KnownAhead(nn.Module):
    """What the known columns of a step add to that step's outputs, and to no other's.

    One hidden layer, the same for every step, sees the last state and the K known numbers of the step.
    """

    def __init__(self, hidden_size: int, num_known: int, num_outputs: int) -> None:
        super().__init__()
        self.state = nn.Linear(hidden_size, hidden_size)
        self.known = nn.Linear(num_known, hidden_size, bias=False)
        self.output = nn.Linear(hidden_size, num_outputs)

    def forward(self, last: Tensor, known: Tensor) -> Tensor:
        """(B, H) last state and (B, N, K) known columns to (B, N, outputs)."""
        return self.output(torch.relu(self.state(last)[:, None] + self.known(known)))


class SeriesReader(nn.Module):
    """Recurrent layers over T steps, and from the last state N forecasts of Y targets in Q levels.

    Quantiles never cross: the level numbered ``middle`` is one output, each further one adds a positive step
    outwards.
    """

    def __init__(
        self,
        recurrent: nn.RNNBase,
        horizon: int,
        num_targets: int,
        num_known: int,
        *,
        dropout: float,
        num_levels: int,
        middle: int,
        zero_output: bool,
    ) -> None:
        super().__init__()
        hidden_size, num_outputs = recurrent.hidden_size, num_targets * num_levels
        self.num_targets, self.num_levels, self.middle = num_targets, num_levels, middle
        self.recurrent = recurrent
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(hidden_size, horizon * num_outputs)
        self.ahead = KnownAhead(hidden_size, num_known, num_outputs) if num_known else None
        outputs = [self.output] if self.ahead is None else [self.output, self.ahead.output]
        for layer in outputs if zero_output else ():
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, inputs: Tensor, known: Tensor | None) -> Tensor:
        """(B, T, F) and, where K is not 0, (B, N, K) to (B, Y * N, Q) forecasts, levels rising."""
        last = self.dropout(self.recurrent(inputs)[0][:, -1])  # (B, H)
        raw = self.output(last).unflatten(1, (-1, self.num_levels))  # (B, Y * N, Q)
        if self.ahead is not None:
            if known is None:
                raise ValueError("the network reads known columns: give known, (B, N, K)")
            added = self.ahead(last, known).unflatten(2, (self.num_targets, -1))  # (B, N, Y, Q)
            raw = raw + added.transpose(1, 2).flatten(1, 2)
        center = raw[..., self.middle : self.middle + 1]
        below = F.softplus(raw[..., : self.middle]).flip(-1).cumsum(-1).flip(-1)
        above = F.softplus(raw[..., self.middle + 1 :]).cumsum(-1)
        return torch.cat((center - below, center, center + above), dim=-1)


class SeriesRegressor(nn.Module):
    """Reads T steps and forecasts the next N at once (direct multi-step forecasts, not fed back).

    One or more readers of the same shape, each with a start of its own and learning alone; the forecast is
    the mean of theirs, level by level. Where a series holds little that can be foreseen, most of a reader's
    opinion is chance, which the mean takes out.

    The settings are explained in conf/model/lstm.yaml.

    Raises:
        UserError: a size, level or cell out of range.
    """

    def __init__(
        self,
        num_features: int,
        horizon: int,
        num_targets: int = 1,
        num_known: int = 0,
        *,
        cell: Cell = "lstm",
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
        self.num_targets, self.num_known = num_targets, num_known
        check_size("horizon", horizon)
        check_size("num_readers", num_readers)
        check_share("dropout", dropout)
        self.quantiles = check_quantiles(quantiles)
        self.middle = self.quantiles.index(0.5) if self.quantiles else 0
        self.readers = nn.ModuleList(
            SeriesReader(
                sequence_layers(cell, num_features, hidden_size, num_layers, dropout),
                horizon,
                num_targets,
                num_known,
                dropout=dropout,
                num_levels=max(len(self.quantiles), 1),
                middle=self.middle,
                zero_output=zero_output,
            )
            for _ in range(num_readers)
        )

    def each(self, inputs: Tensor, known: Tensor | None = None) -> Tensor:
        """(B, T, F) and (B, N, K) to (R, B, Y * N, Q): the forecasts of each of the R readers."""
        return torch.stack([reader(inputs, known) for reader in self.readers])

    def forward(self, inputs: Tensor, known: Tensor | None = None) -> Tensor:
        """(B, T, F) and (B, N, K) to (B, Y * N, Q) forecasts, target by target, Q levels rising.

        ``known`` may be left out where K is 0. Q is 1 without quantiles.
        """
        return self.each(inputs, known).mean(dim=0)

    def untrained(self) -> SeriesRegressor:
        """A network of the same shape with new weights."""
        sizes = (self.num_features, self.horizon, self.num_targets, self.num_known)
        return SeriesRegressor(*sizes, **self.settings)  # type: ignore[arg-type]
