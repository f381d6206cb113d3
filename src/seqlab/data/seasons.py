"""The season of a series, and the errors of naive forecasts over its training part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqlab.data.series_table import SeriesTable
from seqlab.errors import UserError

AUTO = "auto"


def check_season(season: int | str | None) -> None:
    """Raise UserError for what is no number of steps, ``auto`` or None."""
    if season not in (None, AUTO) and (not isinstance(season, int) or season < 1):
        raise UserError(f"data.season={season}: give a number of steps, at least 1, auto or null")


def settled_season(
    season: int | str | None, step: int | None, ends: Sequence[int], noun: str
) -> tuple[int | None, list[str]]:
    """The season that was asked for, or that of the file's step, and a notice where it cannot be used.

    Args:
        season: ``data.season``.
        step: what the step of the file tells.
        ends: rows of each training part; the shortest must be longer than the season.
        noun: of a step, for messages.

    Raises:
        UserError: the season that was asked for is too long.
    """
    length = step if season == AUTO else season
    if not isinstance(length, int) or min(ends) > length:
        return (length if isinstance(length, int) else None), []
    least = f"the shortest training part has {min(ends)} {noun}"
    if season != AUTO:
        raise UserError(f"data.season={season}: {least}; give a shorter season, or null")
    return None, [f"no seasonal naive forecast with a season of {length}: {least}"]


def naive_errors(
    tables: Sequence[SeriesTable], ends: Sequence[int], targets: Sequence[str], lag: int
) -> NDArray[np.float64]:
    """(S,) mean of abs(y[t] - y[t - lag]) over the first ``ends`` rows of each table, target by target.

    With a lag of 1 it is the error of the one-step naive forecast, with a season that of the seasonal naive;
    NaN where it is 0.
    """
    found = []
    for table, end in zip(tables, ends, strict=True):
        for target in targets:
            train = table.column(target)[:end]
            found.append(float(np.abs(train[lag:] - train[:-lag]).mean()) or np.nan)
    return np.array(found)
