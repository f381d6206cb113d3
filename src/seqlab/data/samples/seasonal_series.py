"""Hourly series for data=series without a file: synthetic, seeded, with a daily and a weekly season."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seqlab.data.series_files import CsvTable, SeriesFile, choose_columns
from seqlab.data.series_table import DATE, LINE, SeriesTable
from seqlab.data.time_grid import DAY, TimeGrid
from seqlab.errors import UserError

NOTICE = (
    "no data.path was given: the series are synthetic (seeded daily and weekly seasons, promotions that are "
    "known ahead, noise); figures on them say nothing about real data"
)
HOUR = DAY // 24
START = np.datetime64("2024-01-01T00", "ns")  # a Monday
SOURCE = "synthetic sample"
COLUMNS = ("y", "weekend", "promotion")


def sample_series(
    num_series: int = 4,
    num_weeks: int = 8,
    seed: int = 0,
    *,
    targets: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    known: Sequence[str] | None = None,
) -> SeriesFile:
    """Series of hours: a level of its own, a day's and a week's shape, promotions of some hours, AR(1) noise.

    ``y`` is the target; ``weekend`` and ``promotion`` (0 or 1) are known ahead where nothing else is said.

    Raises:
        UserError: fewer than 1 series or 2 weeks, or a column that the sample has not.
    """
    for name, value, least in (("num_series", num_series, 1), ("num_weeks", num_weeks, 2)):
        if not isinstance(value, int) or value < least:
            raise UserError(f"data.sample.{name}={value}: give a whole number, at least {least}")
    known = COLUMNS[1:] if known is None else known
    hours = np.arange(num_weeks * 168)
    moments = START.astype(np.int64) + hours * HOUR
    dates = [str(moment)[:16] for moment in moments.astype("datetime64[ns]")]
    tables = []
    for number in range(num_series):
        values = _one_series(hours, np.random.default_rng([seed, number]))
        frame = pd.DataFrame(values, index=moments, columns=list(COLUMNS))
        frame = frame.assign(**{LINE: hours + 1, DATE: dates})
        tables.append(SeriesTable(SOURCE, frame, f"series_{number + 1}"))
    header = CsvTable(Path(SOURCE), list(COLUMNS), pd.DataFrame(columns=list(COLUMNS)), [])
    columns = choose_columns(header, set(), targets=targets or ["y"], features=features, known=known)
    return SeriesFile(tables, columns, TimeGrid(HOUR, "hours", 24), [NOTICE])


def _one_series(hours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N, 3) y, weekend and promotion of N hours."""
    level = float(np.exp(rng.uniform(2, 6)))
    phase = rng.uniform(-2, 2)
    weekend = ((hours // 24) % 7 >= 5).astype(np.float64)
    promotion = np.repeat(rng.random(-(-len(hours) // 6)) < 0.1, 6)[: len(hours)].astype(np.float64)
    day = np.sin(2 * np.pi * (hours - 8 - phase) / 24) + 0.4 * np.sin(4 * np.pi * (hours - phase) / 24)
    noise = np.zeros(len(hours))
    for hour, shock in enumerate(rng.normal(0, 0.06, len(hours))):
        noise[hour] = (0.7 * noise[hour - 1] if hour else 0.0) + shock
    size = 1 + 0.5 * day * (1 - 0.5 * weekend) - 0.3 * weekend + 0.5 * promotion + noise
    return np.stack([level * size, weekend, promotion], axis=1)
