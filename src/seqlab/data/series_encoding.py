"""From a table to windows on the network's scale, and from the network's outputs back to its unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from seqlab.data.batches import SeriesBatch
from seqlab.data.scaling import Scaler, check_positive, feature_rows, price_of, target_of
from seqlab.data.series_table import SeriesTable
from seqlab.errors import UserError


@dataclass(frozen=True)
class SeriesWindows:
    """N windows of T steps and the H steps that come after each, of Y targets: N * Y forecasts.

    A forecast is one target of one window, window by window. Forecasts of the same target of the same table
    are of one series.
    """

    inputs: NDArray[np.float32]  # (N, T, F) on the network's scale
    targets: NDArray[np.float32]  # (N, Y * H) on the network's scale, target by target; empty: not known
    last: NDArray[np.float64]  # (N * Y,) last known value
    truth: NDArray[np.float64]  # (N * Y, H) values that came; empty where the future is not known
    first_rows: NDArray[np.int64]  # (N,) row of the first step to forecast
    known: NDArray[np.float32]  # (N, H, K) known columns of the H steps, on the network's scale
    table: NDArray[np.int64]  # (N,) number of the table that each window is of, rising
    num_targets: int = 1  # Y

    def __len__(self) -> int:
        return len(self.first_rows)

    @property
    def series(self) -> NDArray[np.int64]:
        """(N * Y,) number of the series of each forecast: table by table, target by target."""
        return (self.table[:, None] * self.num_targets + np.arange(self.num_targets)).ravel()


class OtherForecast(NamedTuple):
    """A forecast that the data itself knows."""

    label: str
    values: NDArray[np.float64]  # (N * Y, H)
    note: tuple[str, str]


def joined(parts: Sequence[SeriesWindows]) -> SeriesWindows:
    """The windows of several tables, one after the other; each part takes its place as its table's number."""
    if len(parts) == 1:
        return parts[0]
    names = ("inputs", "targets", "last", "truth", "first_rows", "known")
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    numbers = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return SeriesWindows(**arrays, table=numbers, num_targets=parts[0].num_targets)


class SeriesDataset(Dataset[SeriesBatch]):
    """Takes a (B,) tensor of window numbers, gives their SeriesBatch."""

    def __init__(self, windows: SeriesWindows, device: torch.device) -> None:
        self.inputs = torch.from_numpy(windows.inputs).to(device)
        self.targets = torch.from_numpy(windows.targets).to(device)
        self.known = torch.from_numpy(windows.known).to(device)

    def __getitem__(self, windows: Tensor) -> SeriesBatch:
        windows = windows.to(self.inputs.device)
        return SeriesBatch(self.inputs[windows], self.targets[windows], self.known[windows])


@dataclass(frozen=True)
class SeriesEncoding:
    """Which columns, how long, which transforms, which scales: of one series."""

    targets: tuple[str, ...]  # (Y,)
    features: tuple[str, ...]  # (F,)
    seq_length: int
    horizon: int
    target_transform: str
    feature_transforms: tuple[str, ...]  # (F,)
    known: tuple[str, ...] = ()  # (K,) features whose future is known; read as they are, never as changes
    input_scaler: Scaler | None = None
    target_scaler: Scaler | None = None  # of each of the Y * H outputs

    @property
    def history(self) -> int:
        """Steps that must be known before the first that is forecast; a change needs one step more."""
        return self.seq_length + (set(self.feature_transforms) != {"level"})

    def fit(self, table: SeriesTable, first: int, end: int, scaling: str) -> SeriesEncoding:
        """The same with scales fitted on the rows ``first`` to ``end`` alone.

        Changes keep 0 where it is, so that an output of 0 forecasts the last known value.
        """
        targets = np.concatenate(
            [self._seen_targets(table, name, first, end) for name in self.targets], axis=1
        )
        rows = feature_rows(table, self.features, self.feature_transforms)[first:end]
        return replace(
            self,
            input_scaler=Scaler.fit(rows[np.isfinite(rows).all(axis=1)], scaling),
            target_scaler=Scaler.fit(targets, scaling, centered=self.target_transform == "level"),
        )

    def _seen_targets(self, table: SeriesTable, name: str, first: int, end: int) -> NDArray[np.float64]:
        """(rows, H) what there is to forecast of one target."""
        values = table.column(name)[first:end]
        if self.target_transform == "level":
            return np.repeat(values[:, None], self.horizon, axis=1)
        if self.target_transform == "log_return":
            check_positive(table, name, "data.target_transform=difference")
        ahead = np.lib.stride_tricks.sliding_window_view(values, self.horizon + 1)
        return target_of(ahead[:, 1:], ahead[:, 0], self.target_transform)

    def windows(
        self, table: SeriesTable, first: int, end: int, *, future_known: bool = True
    ) -> SeriesWindows:
        """Every window whose forecast steps lie within the rows ``first`` to ``end``; inputs may lie before.

        Args:
            future_known: False gives inputs alone; the last window then ends with the last row of the table,
                or with the last whose known columns reach over its horizon (from the table's ``future``).
        """
        assert self.input_scaler is not None
        assert self.target_scaler is not None
        scaled = self.input_scaler.encode(feature_rows(table, self.features, self.feature_transforms))
        known = scaled[:, [self.features.index(name) for name in self.known]]
        if table.future is not None and not future_known:
            known = np.concatenate((known, self._known_ahead(table, table.future)))
        steps = self.horizon if future_known else 1
        if self.known and not future_known:
            end = min(end, len(known) - self.horizon + 1)
        first_rows = np.arange(max(first, self.history), end - steps + 1)
        rows = first_rows[:, None] + np.arange(-self.seq_length, 0)
        ahead = first_rows[:, None] + np.arange(self.horizon)
        last = np.stack([table.column(name)[first_rows - 1] for name in self.targets], axis=1).ravel()
        truth, targets = np.empty((len(last), 0)), np.empty((len(first_rows), 0))
        if future_known:
            truth = np.stack([table.column(name)[ahead] for name in self.targets], axis=1)
            truth = truth.reshape(len(last), self.horizon)
            changes = target_of(truth, last, self.target_transform).reshape(len(first_rows), -1)
            targets = self.target_scaler.encode(changes)
        return SeriesWindows(
            scaled[rows].astype(np.float32),
            targets.astype(np.float32),
            last,
            truth,
            first_rows,
            known[ahead].astype(np.float32) if self.known else np.empty((*ahead.shape, 0), np.float32),
            np.zeros(len(first_rows), dtype=np.int64),
            len(self.targets),
        )

    def _known_ahead(self, table: SeriesTable, future: NDArray[np.float64]) -> NDArray[np.float64]:
        """(M, K) known columns of the rows after the table, on the network's scale."""
        assert self.input_scaler is not None
        rows = np.zeros((len(future), len(self.features)))
        for name in self.known:
            rows[:, self.features.index(name)] = future[:, table.place(name)]
        return self.input_scaler.encode(rows)[:, [self.features.index(name) for name in self.known]]

    def values(self, outputs: Tensor, last: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, Y * H, Q) network outputs to (N * Y, H, Q) values in the series' own unit."""
        assert self.target_scaler is not None
        by_step = outputs.double().cpu().numpy().swapaxes(1, 2)  # (N, Q, Y * H)
        values = self.target_scaler.decode(by_step).swapaxes(1, 2)
        values = values.reshape(len(last), self.horizon, values.shape[-1])
        return price_of(values, last, self.target_transform)

    def state(self) -> dict[str, Any]:
        """Plain values for the checkpoint."""
        names = ("seq_length", "horizon", "target_transform")
        lists = ("targets", "features", "feature_transforms", "known")
        settings = {name: getattr(self, name) for name in names}
        return settings | {name: list(getattr(self, name)) for name in lists} | self.scales()

    def scales(self) -> dict[str, Any]:
        """What was fitted, as plain values."""
        assert self.input_scaler is not None
        assert self.target_scaler is not None
        return {"input_scaler": self.input_scaler.state(), "target_scaler": self.target_scaler.state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> SeriesEncoding:
        """The inverse of ``state``."""
        fitted = {"input_scaler", "target_scaler"}
        settings = {name: value for name, value in state.items() if name not in fitted}
        lists = {name: tuple(value) for name, value in settings.items() if isinstance(value, list)}
        return cls(**settings | lists).with_scales(state)

    def with_scales(self, scales: dict[str, Any]) -> SeriesEncoding:
        """The same for another series, whose ``scales`` were kept."""
        return replace(
            self,
            input_scaler=Scaler.from_state(scales["input_scaler"]),
            target_scaler=Scaler.from_state(scales["target_scaler"]),
        )

    def check_length(self, table: SeriesTable, num_rows: int, what: str, noun: str = "days") -> None:
        """Raise UserError where a table is too short."""
        if len(table) < num_rows:
            whose = f", series {table.name}" if table.name else ""
            raise UserError(
                f"{table.source}{whose}: {len(table)} {noun} are too few {what}: data.seq_length="
                f"{self.seq_length} and data.horizon={self.horizon} need at least {num_rows}"
            )


def values_of(
    encodings: Sequence[SeriesEncoding], outputs: Tensor, windows: SeriesWindows
) -> NDArray[np.float64]:
    """(N, Y * H, Q) outputs for windows of several tables to (N * Y, H, Q) values, each by its own scales."""
    parts = []
    last = windows.last.reshape(len(windows), windows.num_targets)
    for number, encoding in enumerate(encodings):
        rows = windows.table == number
        if rows.any():
            parts.append(encoding.values(outputs[torch.from_numpy(rows)], last[rows].ravel()))
    return np.concatenate(parts)
