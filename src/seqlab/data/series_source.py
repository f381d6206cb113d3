"""What a kind of series data reads, and the forecasts that it knows by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.data.series_table import SeriesTable
from seqlab.errors import UserError


class Source(NamedTuple):
    """What there is to read."""

    tables: list[SeriesTable]
    targets: tuple[str, ...]
    features: tuple[str, ...]
    known: tuple[str, ...] = ()
    noun: str = "days"  # plural, of a step
    season: int | None = None  # as the step of the file tells


class OtherForecast(NamedTuple):
    """A forecast that the data itself knows."""

    label: str
    values: NDArray[np.float64]  # (N * Y, H)
    note: tuple[str, str]


def check_lists(settings: Mapping[str, Any]) -> None:
    """Raise UserError where a setting that lists columns is one text."""
    for name, names in settings.items():
        if isinstance(names, str):
            raise UserError(f"data.{name}={names}: give a list, like data.{name}=[{names}]")
