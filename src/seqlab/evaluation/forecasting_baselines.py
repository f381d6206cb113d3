"""Forecasts that need no network: the last value, the season before, the mean change of the training part."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.data.price_changes import price_of, target_of
from seqlab.data.series_encoding import SeriesEncoding, SeriesWindows
from seqlab.data.series_module import SeriesModule
from seqlab.data.series_table import SeriesTable

LAST_VALUE, SEASONAL, DRIFT = "last_value", "seasonal_naive", "drift"


class Baseline(NamedTuple):
    """Forecasts to compare with."""

    label: str
    values: NDArray[np.float64]  # (N * Y, H)
    note: tuple[str, str] | None = None  # what to know of it


def baseline_forecasts(datamodule: SeriesModule, windows: SeriesWindows) -> dict[str, Baseline]:
    """Forecasts of the test windows by name.

    ``last_value``: all stays as it is. ``seasonal_naive``: each step is as it was one season before, of
    seasons that are known. ``drift``: it changes by the mean change of the training part, as
    log-returns where the target is one. Between them what the data itself knows.
    """
    tables, ends = datamodule.tables("test"), datamodule.train_ends()
    last = np.repeat(windows.last[:, None], windows.truth.shape[1], axis=1)
    found = {LAST_VALUE: Baseline("last value", last)}
    if datamodule.season is not None:
        note = f"as it was {datamodule.season} {datamodule.noun} before, of the last season that is known"
        values = seasonal_naive(tables, windows, datamodule.encodings[0].targets, datamodule.season)
        found[SEASONAL] = Baseline("seasonal naive", values, ("seasonal naive", note))
    found |= {name: Baseline(*other) for name, other in datamodule.other_forecasts(windows).items()}
    found[DRIFT] = Baseline("mean training change", drift(tables, ends, windows, datamodule.encodings[0]))
    return found


def seasonal_naive(
    tables: list[SeriesTable], windows: SeriesWindows, targets: tuple[str, ...], season: int
) -> NDArray[np.float64]:
    """(N * Y, H) the value of the same step of the last season that is known before each window."""
    horizon = windows.truth.shape[1]
    back = np.arange(horizon) % season - season  # from the first step that is forecast
    found = np.empty((len(windows), len(targets), horizon))
    for number, table in enumerate(tables):
        of_table = windows.table == number
        rows = windows.first_rows[of_table][:, None] + back
        for place, target in enumerate(targets):
            found[of_table, place] = table.column(target)[rows]
    return found.reshape(-1, horizon)


def drift(
    tables: list[SeriesTable], train_ends: list[int], windows: SeriesWindows, encoding: SeriesEncoding
) -> NDArray[np.float64]:
    """(N * Y, H) the last value, changed step by step by the mean change of the series' training part."""
    kind = "difference" if encoding.target_transform == "level" else encoding.target_transform
    changes = np.empty(len(tables) * len(encoding.targets))
    for number, (table, end) in enumerate(zip(tables, train_ends, strict=True)):
        for place, target in enumerate(encoding.targets):
            train = table.column(target)[:end]
            change = target_of(train[1:, None], train[:-1], kind).mean()
            changes[number * len(encoding.targets) + place] = change
    steps = np.arange(1, windows.truth.shape[1] + 1)
    values = changes[windows.series][:, None] * steps
    return price_of(values[..., None], windows.last, kind)[..., 0]
