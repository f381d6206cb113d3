"""Times of a file: how they are read, and the regular grid that they lie on."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SECOND = 1_000_000_000  # nanoseconds
DAY = 86_400 * SECOND
_SECONDS = {1: "seconds", 60: "minutes", 3600: "hours", 86_400: "days", 7 * 86_400: "weeks"}
# months differ in length: the days that a usual step of so many months may have
_MONTHS = {1: (28, 31, "months"), 3: (89, 92, "quarters"), 12: (365, 366, "years")}
_SEASONS = {"weeks": 52, "months": 12, "quarters": 4}
EARLIEST, LATEST = pd.Timestamp("1700-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC")
_DIGITS, _FARTHEST, _WIDEST = 20, 4 * 10**18, 2**63 - 1
_NUMBER = re.compile(r"[+-]?\d+")
_COMPACT = re.compile(r"\d{8}")  # 20161231


class Moments(NamedTuple):
    """N dates as they can be compared."""

    order: NDArray[np.int64]  # (N,) rises with time: nanoseconds of UTC, or whole numbers where days is None
    days: NDArray[np.datetime64] | None  # (N,) calendar days as the file writes them; None of whole numbers
    bad: NDArray[np.int64]  # rows whose date cannot be read


def read_moments(dates: Sequence[str]) -> Moments:
    """Dates in ISO 8601 or as pandas guesses them, EARLIEST to LATEST; whole numbers count steps of time.

    Their differences are 64-bit numbers: what is too far from the others cannot be read.
    """
    if all(map(_NUMBER.fullmatch, dates)) and not all(map(_COMPACT.fullmatch, dates)):
        is_far = [len(date) > _DIGITS or abs(int(date)) > _FARTHEST for date in dates]
        pairs = zip(dates, is_far, strict=True)
        order = np.array([0 if far else int(date) for date, far in pairs], dtype=np.int64)
        return Moments(order, None, np.flatnonzero(is_far))
    text = pd.Series(dates, dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formats that pandas must guess
        moments = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
        # the day is that of the file's own time zone, not UTC's
        days = pd.to_datetime(text.str.slice(0, 10), format="ISO8601", errors="coerce")
        if moments.isna().all():
            moments = pd.to_datetime(text, errors="coerce", utc=True)
            days = moments.dt.tz_localize(None)
    is_clock = text.str.strip().str.lower().isin(("now", "today"))  # pandas would ask the clock
    good = moments.between(EARLIEST, LATEST) & ~is_clock
    order = moments.where(good, EARLIEST).dt.as_unit("ns").astype("int64").to_numpy()
    bad = np.flatnonzero(~good)
    if not len(bad) and len(order) and int(order.max()) - int(order.min()) > _WIDEST:
        bad = np.array([np.abs(order - np.median(order)).argmax()])
    return Moments(order, days.to_numpy().astype("datetime64[D]"), bad)


@dataclass(frozen=True)
class TimeGrid:
    """The step of a file: ``size`` nanoseconds or whole numbers, ``months``, or business days."""

    size: int
    noun: str  # plural: days, hours, minutes, steps of 15 minutes, steps, ...
    season: int | None  # steps of a season, as far as the step tells
    months: int = 0
    business_days: bool = False  # Monday to Friday
    calendar: bool = True  # False: whole numbers

    @property
    def each(self) -> str:
        """One of ``noun``."""
        return singular(self.noun)

    def places(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) number of the step of each of (N,) moments; only differences have a meaning."""
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
        """The moments of the steps that follow one; the end of a month is followed by ends of months."""
        if not (self.months or self.business_days):
            return [moment + step * self.size for step in range(1, steps + 1)]
        start = pd.Timestamp(moment)
        offset: Any = pd.offsets.BusinessDay()
        if self.months:
            months = self.months
            offset = pd.offsets.MonthEnd(months) if start.is_month_end else pd.DateOffset(months=months)
        return [(start + offset * step).value for step in range(1, steps + 1)]


DAYS = TimeGrid(1, "days", None, calendar=False)  # of a file without dates


def singular(noun: str) -> str:
    """One of the steps that ``TimeGrid.noun`` names."""
    return "step" if " " in noun else noun.removesuffix("s")


def find_grid(moments: Moments, series: Sequence[NDArray[np.int64]]) -> TimeGrid:
    """The grid of the usual step within the (N,) moments of each series."""
    steps = np.concatenate([np.diff(np.sort(order)) for order in series])
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
