"""Times of a file: how they are read, and the regular grid that they lie on."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SECOND = 1_000_000_000  # nanoseconds
DAY = 86_400 * SECOND
_SECONDS = {1: "seconds", 60: "minutes", 3600: "hours", 86_400: "days", 7 * 86_400: "weeks"}
# months are not all as long as each other: the days that a usual step of so many months may have
_MONTHS = {1: (28, 31, "months"), 3: (89, 92, "quarters"), 12: (365, 366, "years")}
_SEASONS = {"weeks": 52, "months": 12, "quarters": 4}
_NUMBER = re.compile(r"[+-]?\d+")
_COMPACT = re.compile(r"\d{8}")  # 20161231


class Moments(NamedTuple):
    """N dates as they can be compared."""

    order: NDArray[np.int64]  # (N,) rises with time: nanoseconds of UTC, or whole numbers where days is None
    days: NDArray[np.datetime64] | None  # (N,) calendar days as the file writes them; None of whole numbers
    bad: NDArray[np.int64]  # rows whose date cannot be read


def read_moments(dates: Sequence[str]) -> Moments:
    """Dates in ISO 8601 or as pandas guesses them; whole numbers count steps of time."""
    if all(map(_NUMBER.fullmatch, dates)) and not all(map(_COMPACT.fullmatch, dates)):
        order = np.array([int(date) for date in dates], dtype=np.int64)
        return Moments(order, None, np.zeros(0, dtype=np.int64))
    text = pd.Series(dates, dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formats that pandas must guess
        moments = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
        # the day is that of the file's own time zone, not UTC's
        days = pd.to_datetime(text.str.slice(0, 10), format="ISO8601", errors="coerce")
        if moments.isna().all():
            moments = pd.to_datetime(text, errors="coerce", utc=True)
            days = moments.dt.tz_localize(None)
    order = moments.dt.as_unit("ns").astype("int64").to_numpy()
    return Moments(order, days.to_numpy().astype("datetime64[D]"), np.flatnonzero(moments.isna()))


@dataclass(frozen=True)
class TimeGrid:
    """What step a file takes, and where on it a moment lies.

    A step is ``size`` nanoseconds, ``size`` whole numbers or ``months`` calendar months; where
    ``business_days``, from Monday to Friday.
    """

    size: int
    noun: str  # plural: days, hours, minutes, steps of 15 minutes, steps, ...
    season: int | None  # steps until it is alike again, as far as the step tells
    months: int = 0
    business_days: bool = False
    calendar: bool = True  # False: whole numbers

    def places(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) number of the step of each of (N,) moments, counted from a time of its own."""
        if self.months:
            months = order.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
            return np.floor_divide(months, self.months)
        if self.business_days:
            days = order.astype("datetime64[ns]").astype("datetime64[D]")
            return np.busday_count(np.datetime64("1970-01-01"), days).astype(np.int64)
        return np.round((order - order[:1]) / self.size).astype(np.int64)

    def text(self, moment: int) -> str:
        """A moment as a date, with its time of day where steps are within a day."""
        if not self.calendar:
            return str(moment)
        unit = "datetime64[D]" if self.size % DAY == 0 or self.months else "datetime64[s]"
        return str(np.datetime64(moment, "ns").astype(unit))

    def ahead(self, moment: int, steps: int) -> list[int]:
        """The moments of the steps that follow one; the end of a month stays one."""
        if not (self.months or self.business_days):
            return [moment + step * self.size for step in range(1, steps + 1)]
        start = pd.Timestamp(moment)
        ahead = []
        for step in range(1, steps + 1):
            if self.business_days:
                ahead.append(start + pd.offsets.BusinessDay(step))
            elif start.is_month_end:
                ahead.append(start + pd.offsets.MonthEnd(step * self.months))
            else:
                ahead.append(start + pd.DateOffset(months=step * self.months))
        return [each.value for each in ahead]

    def after(self, moment: int, steps: int) -> list[str]:
        """The dates of the steps that follow a moment."""
        return [self.text(each) for each in self.ahead(moment, steps)]

    def is_regular(self, order: NDArray[np.int64]) -> bool:
        """Whether all of (N,) rising moments lie on the grid, each on a step of its own."""
        if self.months or self.business_days:
            return bool((np.diff(self.places(order)) > 0).all())
        return bool(((order - order[:1]) % self.size == 0).all())


DAYS = TimeGrid(1, "days", None, calendar=False)  # of a file without dates


def find_grid(moments: Moments, groups: Sequence[NDArray[np.int64]]) -> TimeGrid:
    """The grid of the usual step between neighbors.

    Args:
        groups: rows of each series.
    """
    steps = np.concatenate([np.diff(np.sort(moments.order[rows])) for rows in groups])
    steps = steps[steps > 0]
    usual = int(np.median(steps)) if len(steps) else (1 if moments.days is None else DAY)
    if moments.days is None:
        return TimeGrid(usual, "steps", None, calendar=False)
    for months, (least, most, noun) in _MONTHS.items():
        if least * DAY <= usual <= most * DAY and (months > 1 or len(np.unique(steps)) > 1):
            return TimeGrid(usual, noun, _SEASONS.get(noun), months=months)
    if usual == DAY and len(moments.days) > 5 and np.is_busday(moments.days).all():
        return TimeGrid(usual, "days", 5, business_days=True)
    noun = _noun(usual)
    season = DAY // usual if 60 * SECOND <= usual < DAY and DAY % usual == 0 else _SEASONS.get(noun)
    return TimeGrid(usual, noun, 7 if usual == DAY else season)


def _noun(usual: int) -> str:
    """What a step of so many nanoseconds is called, in the plural."""
    seconds = usual / SECOND
    if seconds in _SECONDS:
        return _SECONDS[int(seconds)]
    whole = [(size, noun) for size, noun in _SECONDS.items() if seconds % size == 0]
    return f"steps of {int(seconds // whole[-1][0])} {whole[-1][1]}" if whole else "steps"


def told_gaps(grid: TimeGrid, tables: Sequence[tuple[str, NDArray[np.int64], Sequence[str]]]) -> str | None:
    """How many steps are missing between the first and last of each series; None where none is.

    Args:
        tables: name, (N,) rising moments and (N,) dates of each series.
    """
    kind = "business days (Monday to Friday, holidays among them)" if grid.business_days else grid.noun
    missing, present, hurt, longest = 0, 0, 0, (0, "", "")
    for name, order, dates in tables:
        absent = np.maximum(np.diff(grid.places(order)) - 1, 0)
        present += len(order)
        if absent.sum():
            missing, hurt = missing + int(absent.sum()), hurt + 1
            row = int(absent.argmax())
            longest = max(longest, (int(absent[row]), dates[row], name), key=lambda gap: gap[0])
    if not missing:
        return None
    where = f" in {hurt} of {len(tables)} series" if len(tables) > 1 else ""
    whose = f" in series {longest[2]}" if len(tables) > 1 else ""
    return (
        f"{missing:,} of {missing + present:,} {kind} are missing{where}; the longest gap is {longest[0]} "
        f"after {longest[1]}{whose}"
    )
