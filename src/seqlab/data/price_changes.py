"""Prices as levels, differences or log-returns, and forecasts of them back in the price's own unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqlab.data.stock_files import PriceTable
from seqlab.errors import UserError

TRANSFORMS = ("level", "difference", "log_return")


def check_transform(name: str, transform: str) -> None:
    """Raise UserError for an unknown transform."""
    if transform not in TRANSFORMS:
        raise UserError(f"data.{name}={transform}: choose {', '.join(TRANSFORMS)}")


def target_of(future: NDArray[np.float64], last: NDArray[np.float64], transform: str) -> NDArray[np.float64]:
    """What the network learns: (N, H) future prices as seen from the (N,) last known ones.

    ``difference`` and ``log_return`` count from the last known day whatever the step, so that 0 always
    means: as it was.
    """
    last = last[:, None]
    if transform == "level":
        return future
    return future - last if transform == "difference" else np.log(future / last)


def price_of(value: NDArray[np.float64], last: NDArray[np.float64], transform: str) -> NDArray[np.float64]:
    """(N, H, Q) values back to prices: the inverse of ``target_of``."""
    last = last[:, None, None]
    if transform == "level":
        return value
    return last + value if transform == "difference" else last * np.exp(value)


def feature_rows(table: PriceTable, features: tuple[str, ...], transform: str) -> NDArray[np.float64]:
    """(N, F) what the network reads of each day; the first day has no change and is NaN.

    A log-return of Volume is that of volume + 1: days without trade exist.

    Raises:
        UserError: a price that is not positive and has no logarithm; names file and line.
    """
    values = np.stack([table.column(name) for name in features], axis=1)
    if transform == "level":
        return values
    if transform == "log_return":
        is_volume = np.array([name.lower() == "volume" for name in features])
        check_positive(table, values, features, is_volume)
        values = np.log(values + is_volume)
    return np.concatenate((np.full((1, values.shape[1]), np.nan), np.diff(values, axis=0)))


def check_positive(
    table: PriceTable,
    values: NDArray[np.float64],
    names: tuple[str, ...],
    may_be_zero: NDArray[np.bool_] | bool = False,
) -> None:
    """Raise UserError at the first of (N, F) values that has no logarithm.

    Args:
        may_be_zero: (F,) columns to whose values 1 will be added.
    """
    bad = np.argwhere((values < 0) | ((values == 0) & np.logical_not(may_be_zero)))
    if len(bad):
        row, column = bad[0]
        raise UserError(
            f"{table.source}, line {table.lines[row]}: {values[row, column]:g} under {names[column]} has no "
            "log-return; mend the line or choose data.target_transform=difference"
        )
