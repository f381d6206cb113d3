"""From a table of days to windows on the network's scale, and from its outputs back to prices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from seqlab.data.batches import SeriesBatch
from seqlab.data.price_changes import check_positive, feature_rows, price_of, target_of
from seqlab.data.scaling import Scaler
from seqlab.data.stock_files import PriceTable
from seqlab.errors import UserError


@dataclass(frozen=True)
class SeriesWindows:
    """N windows of T days and the H days that come after each."""

    inputs: NDArray[np.float32]  # (N, T, F) on the network's scale
    targets: NDArray[np.float32]  # (N, H) on the network's scale; empty where the future is not known
    last: NDArray[np.float64]  # (N,) last known price
    truth: NDArray[np.float64]  # (N, H) prices that came; empty where the future is not known
    first_rows: NDArray[np.int64]  # (N,) row of the first day to forecast

    def __len__(self) -> int:
        return len(self.last)


class SeriesDataset(Dataset[SeriesBatch]):
    """Takes a (B,) tensor of window numbers, gives their SeriesBatch."""

    def __init__(self, windows: SeriesWindows, device: torch.device) -> None:
        self.inputs = torch.from_numpy(windows.inputs).to(device)
        self.targets = torch.from_numpy(windows.targets).to(device)

    def __getitem__(self, windows: Tensor) -> SeriesBatch:
        windows = windows.to(self.inputs.device)
        return SeriesBatch(self.inputs[windows], self.targets[windows])


@dataclass(frozen=True)
class SeriesEncoding:
    """Which columns, how long, which transforms, which scales."""

    target: str
    features: tuple[str, ...]
    seq_length: int
    horizon: int
    target_transform: str
    feature_transforms: tuple[str, ...]  # (F,)
    input_scaler: Scaler | None = None
    target_scaler: Scaler | None = None  # of each of the H steps

    @property
    def history(self) -> int:
        """Days that must be known before the first that is forecast; a change needs one day more."""
        return self.seq_length + (set(self.feature_transforms) != {"level"})

    def fit(self, table: PriceTable, first: int, end: int, scaling: str) -> SeriesEncoding:
        """The same with scales fitted on the rows ``first`` to ``end`` alone.

        Changes keep 0 where it is, so that an output of 0 forecasts the last known price.
        """
        prices = table.column(self.target)[first:end]
        if self.target_transform == "level":
            targets = np.repeat(prices[:, None], self.horizon, axis=1)
        else:
            if self.target_transform == "log_return":
                check_positive(table, self.target, "data.target_transform=difference")
            ahead = np.lib.stride_tricks.sliding_window_view(prices, self.horizon + 1)
            targets = target_of(ahead[:, 1:], ahead[:, 0], self.target_transform)
        rows = feature_rows(table, self.features, self.feature_transforms)[first:end]
        return replace(
            self,
            input_scaler=Scaler.fit(rows[np.isfinite(rows).all(axis=1)], scaling),
            target_scaler=Scaler.fit(targets, scaling, centered=self.target_transform == "level"),
        )

    def windows(self, table: PriceTable, first: int, end: int, *, future_known: bool = True) -> SeriesWindows:
        """Every window whose forecast days lie within the rows ``first`` to ``end``; inputs may lie before.

        Args:
            future_known: False gives inputs alone; the last window then ends with the last day of the table.
        """
        assert self.input_scaler is not None
        assert self.target_scaler is not None
        steps = self.horizon if future_known else 1
        first_rows = np.arange(max(first, self.history), end - steps + 1)
        inputs = self.input_scaler.apply(feature_rows(table, self.features, self.feature_transforms))
        prices = table.column(self.target)
        days = first_rows[:, None] + np.arange(-self.seq_length, 0)
        last = prices[first_rows - 1]
        if future_known:
            truth = prices[first_rows[:, None] + np.arange(self.horizon)]
            targets = self.target_scaler.apply(target_of(truth, last, self.target_transform))
        else:
            truth = targets = np.empty((len(first_rows), 0))
        return SeriesWindows(
            inputs[days].astype(np.float32), targets.astype(np.float32), last, truth, first_rows
        )

    def prices(self, outputs: Tensor, last: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, H, Q) network outputs to prices in the series' own unit."""
        assert self.target_scaler is not None
        by_step = outputs.double().cpu().numpy().swapaxes(1, 2)  # (N, Q, H)
        values = self.target_scaler.invert(by_step).swapaxes(1, 2)
        return price_of(values, last, self.target_transform)

    def _settings(self) -> dict[str, Any]:
        names = ("target", "features", "seq_length", "horizon", "target_transform", "feature_transforms")
        return {name: getattr(self, name) for name in names}

    def state(self) -> dict[str, Any]:
        """Plain values for the checkpoint."""
        assert self.input_scaler is not None
        assert self.target_scaler is not None
        return self._settings() | {
            "features": list(self.features),
            "feature_transforms": list(self.feature_transforms),
            "input_scaler": self.input_scaler.state(),
            "target_scaler": self.target_scaler.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> SeriesEncoding:
        features = tuple(state["features"])
        if "feature_transform" in state:  # checkpoints from before a feature could have its own
            state = dict(state)
            state["feature_transforms"] = (state.pop("feature_transform"),) * len(features)
        return cls(
            **state
            | {
                "features": features,
                "feature_transforms": tuple(state["feature_transforms"]),
                "input_scaler": Scaler.from_state(state["input_scaler"]),
                "target_scaler": Scaler.from_state(state["target_scaler"]),
            }
        )

    def check_length(self, table: PriceTable, num_days: int, what: str) -> None:
        """Raise UserError where a table is too short."""
        if len(table) < num_days:
            raise UserError(
                f"{table.source}: {len(table)} days are too few {what}: data.seq_length={self.seq_length} "
                f"and data.horizon={self.horizon} need at least {num_days}"
            )
