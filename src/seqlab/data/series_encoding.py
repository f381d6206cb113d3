"""From a table to windows on the network's scale, and from the network's outputs back to its unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from seqlab.data.batches import SeriesBatch
from seqlab.data.scaling import Scaler, check_positive, target_of, value_of
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
    known: NDArray[np.float32]  # (N, H, K) known columns of the H steps, on the network's scale
    last: NDArray[np.float64]  # (N, Y) last known values
    truth: NDArray[np.float64]  # (N * Y, H) values that came; empty where the future is not known
    first_rows: NDArray[np.int64]  # (N,) row of the first step to forecast
    table: NDArray[np.int64]  # (N,) number of the table that each window is of, rising

    def __len__(self) -> int:
        return len(self.first_rows)

    @property
    def num_targets(self) -> int:
        return self.last.shape[1]

    @property
    def series(self) -> NDArray[np.int64]:
        """(N * Y,) number of the series of each forecast: table by table, target by target."""
        return (self.table[:, None] * self.num_targets + np.arange(self.num_targets)).ravel()

    def compared(self, ranges: Sequence[NDArray[np.float64]]) -> tuple[list[bytes], NDArray[np.bool_]]:
        """(N,) a hash of what each window reads and forecasts, and whether a value to forecast is beyond.

        Args:
            ranges: of each table, (2, Y) the smallest and the largest value that is not beyond.
        """
        truth = self.truth.reshape(len(self), self.num_targets, -1)
        rows = zip(self.inputs, truth, strict=True)
        hashes = [blake2b(one.tobytes() + other.tobytes(), digest_size=16).digest() for one, other in rows]
        least, most = np.stack(ranges)[self.table].swapaxes(0, 1)
        return hashes, ((truth.min(axis=2) < least) | (truth.max(axis=2) > most)).any(axis=1)


class NaiveForecast(NamedTuple):
    """Forecasts that need no network."""

    label: str
    values: NDArray[np.float64]  # (N * Y, H)
    note: tuple[str, str] | None = None  # what to know of them


def joined(parts: Sequence[SeriesWindows]) -> SeriesWindows:
    """The windows of several tables, one after the other; the number of a part becomes that of its table."""
    parts = [replace(part, table=np.full(len(part), number)) for number, part in enumerate(parts)]
    names = [each.name for each in fields(SeriesWindows)]
    return SeriesWindows(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


class SeriesDataset(Dataset[SeriesBatch]):
    """Takes a (B,) tensor of window numbers, gives their SeriesBatch."""

    def __init__(self, windows: SeriesWindows, device: torch.device) -> None:
        arrays = (windows.inputs, windows.targets, windows.known)
        self.whole = SeriesBatch(*(torch.from_numpy(array).to(device) for array in arrays))

    def __getitem__(self, windows: Tensor) -> SeriesBatch:
        windows = windows.to(self.whole.inputs.device)
        return SeriesBatch(*(each[windows] for each in self.whole))


UNFITTED = Scaler(np.zeros(1), np.ones(1))


@dataclass(frozen=True)
class SeriesEncoding:
    """Which columns, how long, which transforms, which scales: of one series."""

    targets: tuple[str, ...]  # (Y,)
    features: tuple[str, ...]  # (F,)
    seq_length: int  # T
    horizon: int  # H
    target_transform: str
    feature_transforms: tuple[str, ...]  # (F,)
    known: tuple[str, ...] = ()  # (K,) features whose future is known; read as they are, never as changes
    input_scaler: Scaler = UNFITTED
    target_scaler: Scaler = UNFITTED  # of each of the Y * H outputs

    @property
    def history(self) -> int:
        """Steps that must be known before the first that is forecast; a change needs one step more."""
        return self.seq_length + (set(self.feature_transforms) != {"level"})

    def fit(self, table: SeriesTable, first: int, end: int, scaling: str) -> SeriesEncoding:
        """The same with scales fitted on the rows ``first`` to ``end`` alone.

        Changes keep 0 where it is, so that an output of 0 forecasts the last known value.
        """
        targets = [self._seen_targets(table, name, first, end) for name in self.targets]
        rows = self._feature_rows(table)[first:end]
        is_level = self.target_transform == "level"
        return replace(
            self,
            input_scaler=Scaler.fit(rows[np.isfinite(rows).all(axis=1)], scaling),
            target_scaler=Scaler.fit(np.concatenate(targets, axis=1), scaling, centered=is_level),
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

    def _feature_rows(self, table: SeriesTable) -> NDArray[np.float64]:
        """(N, F) what the network reads of each step, not yet scaled; a change of the first is NaN.

        A log-return of Volume is that of volume + 1: days without trade exist.
        """
        columns = []
        for name, transform in zip(self.features, self.feature_transforms, strict=True):
            values = table.column(name)
            if transform == "log_return":
                is_volume = name.lower() == "volume"
                instead = f"'data.feature_transform={{{name}: level}}' (or difference)"
                check_positive(table, name, instead, may_be_zero=is_volume)
                values = np.log(values + is_volume)
            columns.append(values if transform == "level" else np.diff(values, prepend=np.nan))
        return np.stack(columns, axis=1)

    def windows(
        self, table: SeriesTable, first: int, end: int, *, future_known: bool = True
    ) -> SeriesWindows:
        """Every window whose forecast steps lie within the rows ``first`` to ``end``; inputs may lie before.

        Args:
            future_known: False gives inputs alone; the last window then ends with the last row of the table,
                or with the last whose known columns reach over its horizon (from the table's ``future``).
        """
        rows = self._feature_rows(table)
        scaled = self.input_scaler.encode(rows)
        if table.future is not None and not future_known:
            ahead = table.future.reindex(columns=[name.lower() for name in self.features])
            rows = np.concatenate((rows, ahead.to_numpy()))
        is_known = [self.features.index(name) for name in self.known]
        known = self.input_scaler.encode(rows)[:, is_known]
        if self.known and not future_known:
            end = min(end, len(known) - self.horizon + 1)
        first_rows = np.arange(max(first, self.history), end - (self.horizon if future_known else 1) + 1)
        steps = first_rows[:, None] + np.arange(self.horizon)
        values = np.stack([table.column(name) for name in self.targets], axis=1)  # (rows, Y)
        last = values[first_rows - 1]
        truth, targets = np.empty((last.size, 0)), np.empty((len(first_rows), 0))
        if future_known:
            truth = values[steps].swapaxes(1, 2).reshape(last.size, self.horizon)
            changes = target_of(truth, last.ravel(), self.target_transform)
            targets = self.target_scaler.encode(changes.reshape(len(first_rows), -1))
        return SeriesWindows(
            inputs=scaled[first_rows[:, None] + np.arange(-self.seq_length, 0)].astype(np.float32),
            targets=targets.astype(np.float32),
            known=(known[steps] if self.known else np.empty((*steps.shape, 0))).astype(np.float32),
            last=last,
            truth=truth,
            first_rows=first_rows,
            table=np.zeros(len(first_rows), dtype=np.int64),
        )

    def values(self, outputs: Tensor, last: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, Y * H, Q) network outputs to (N * Y, H, Q) values in the series' own unit.

        Args:
            last: (N, Y) last known values.
        """
        by_step = outputs.double().cpu().numpy().swapaxes(1, 2)  # (N, Q, Y * H)
        values = self.target_scaler.decode(by_step).swapaxes(1, 2)
        values = values.reshape(last.size, self.horizon, values.shape[-1])
        return value_of(values, last.ravel(), self.target_transform)

    def state(self) -> dict[str, Any]:
        """Plain values for the checkpoint."""
        settings = {each.name: getattr(self, each.name) for each in fields(self)}
        lists = {name: list(value) for name, value in settings.items() if isinstance(value, tuple)}
        return settings | lists | self.scales()

    def scales(self) -> dict[str, Any]:
        """What was fitted, as plain values."""
        return {"input_scaler": self.input_scaler.state(), "target_scaler": self.target_scaler.state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> SeriesEncoding:
        """The inverse of ``state``."""
        lists = {name: tuple(value) for name, value in state.items() if isinstance(value, list)}
        return cls(**state | lists).with_scales(state)

    def with_scales(self, scales: dict[str, Any]) -> SeriesEncoding:
        """The same for another series, whose ``scales`` were kept.

        Raises:
            UserError: scales of other columns, or not a transform for each column.
        """
        if len(self.feature_transforms) != len(self.features):
            raise UserError(f"{len(self.feature_transforms)} transforms of {len(self.features)} features")
        inputs, targets = (Scaler.from_state(scales[name]) for name in ("input_scaler", "target_scaler"))
        inputs.check_width(len(self.features), "features")
        targets.check_width(len(self.targets) * self.horizon, "targets by step")
        return replace(self, input_scaler=inputs, target_scaler=targets)

    def check_length(self, table: SeriesTable, num_rows: int, what: str, noun: str) -> None:
        """Raise UserError where a table is too short."""
        if len(table) < num_rows:
            raise UserError(
                f"{table.title}: {len(table)} {noun} are too few {what}: data.seq_length="
                f"{self.seq_length} and data.horizon={self.horizon} need at least {num_rows}"
            )


def values_of(
    encodings: Sequence[SeriesEncoding], outputs: Tensor, windows: SeriesWindows
) -> NDArray[np.float64]:
    """(N, Y * H, Q) outputs for windows of several tables to (N * Y, H, Q) values, each by its own scales."""
    parts = []
    for number, encoding in enumerate(encodings):
        rows = windows.table == number
        if rows.any():
            parts.append(encoding.values(outputs[torch.from_numpy(rows)], windows.last[rows]))
    return np.concatenate(parts)
