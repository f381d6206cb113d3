"""What a kind of series data reads, and the forecasts that it knows by itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.data.series_table import SeriesTable


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
