"""Prices as levels, differences or log-returns, and forecasts of them back in the price's own unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seqlab.data.series_table import SeriesTable
from seqlab.errors import UserError

TRANSFORMS = ("level", "difference", "log_return")


def check_transform(name: str, transform: str) -> None:
    """Raise UserError for an unknown transform."""
    if transform not in TRANSFORMS:
        raise UserError(f"data.{name}={transform}: choose {', '.join(TRANSFORMS)}")


def check_feature_transform(given: str | Mapping[str, str] | None) -> None:
    """Raise UserError for an unknown transform in ``data.feature_transform``, one for all or by feature."""
    by_name = {"": given} if isinstance(given, str) else given or {}
    for name, transform in by_name.items():
        check_transform(f"feature_transform.{name}".rstrip("."), transform)


def feature_transforms(
    given: str | Mapping[str, str] | None, features: Sequence[str], otherwise: str
) -> tuple[str, ...]:
    """(F,) the transform of each feature.

    Args:
        given: ``data.feature_transform``: one for all, or by feature (upper and lower case are one).
        otherwise: of features that ``given`` says nothing of.

    Raises:
        UserError: a name that is no feature.
    """
    if given is None or isinstance(given, str):
        return (given or otherwise,) * len(features)
    by_name = {str(name).lower(): transform for name, transform in given.items()}
    for name in given:
        if str(name).lower() not in map(str.lower, features):
            raise UserError(
                f"data.feature_transform.{name}: the features are {', '.join(features)}; name one of them, "
                "or add it to data.features"
            )
    return tuple(by_name.get(name.lower(), otherwise) for name in features)


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


def feature_rows(
    table: SeriesTable, features: tuple[str, ...], transforms: tuple[str, ...]
) -> NDArray[np.float64]:
    """(N, F) what the network reads of each day, by the (F,) transforms; a change of the first day is NaN.

    A log-return of Volume is that of volume + 1: days without trade exist.

    Raises:
        UserError: a number that is not positive and has no logarithm; names file and line.
    """
    columns = []
    for name, transform in zip(features, transforms, strict=True):
        values = table.column(name)
        if transform == "log_return":
            is_volume = name.lower() == "volume"
            check_positive(
                table,
                name,
                f"'data.feature_transform={{{name}: level}}' (or difference)",
                may_be_zero=is_volume,
            )
            values = np.log(values + is_volume)
        columns.append(values if transform == "level" else np.diff(values, prepend=np.nan))
    return np.stack(columns, axis=1)


def check_positive(table: SeriesTable, name: str, instead: str, *, may_be_zero: bool = False) -> None:
    """Raise UserError at the first number of a column that has no logarithm.

    Args:
        instead: the setting to choose.
        may_be_zero: 1 will be added to the numbers.
    """
    values = table.column(name)
    bad = np.flatnonzero((values < 0) | ((values == 0) & (not may_be_zero)))
    if len(bad):
        raise UserError(
            f"{table.source}, line {table.lines[bad[0]]}: {values[bad[0]]:g} under {name} has no log-return; "
            f"mend the line or choose {instead}"
        )
