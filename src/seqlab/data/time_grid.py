"""The regular grid of a series: hours, days, business days, weeks, months or plain steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlab.data.time_steps import Moments

SECOND = 1_000_000_000  # nanoseconds
DAY = 86_400 * SECOND
_SECONDS = {1: "seconds", 60: "minutes", 3600: "hours", 86_400: "days", 7 * 86_400: "weeks"}
# months are not all as long as each other: the days that a usual step of so many months may have
_MONTHS = {1: (28, 31), 3: (89, 92), 12: (365, 366)}
_MONTH_NOUNS = {1: "months", 3: "quarters", 12: "years"}
_SEASONS = {"weeks": 52, "months": 12, "quarters": 4}


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
            stamps = order.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
            return np.floor_divide(stamps, self.months)
        if self.business_days:
            days = order.astype("datetime64[ns]").astype("datetime64[D]")
            return np.busday_count(np.datetime64("1970-01-01"), days).astype(np.int64)
        return np.round((order - order[0]) / self.size).astype(np.int64) if len(order) else order

    def text(self, moment: int) -> str:
        """A moment as a date, with its time of day where steps are within a day."""
        if not self.calendar:
            return str(moment)
        return str(
            np.datetime64(moment, "ns").astype(
                "datetime64[D]" if self.size % DAY == 0 or self.months else "datetime64[s]"
            )
        )

    def after(self, moment: int, steps: int) -> list[str]:
        """The dates of the steps that follow a moment."""
        ahead = np.arange(1, steps + 1)
        if self.months:
            month = np.datetime64(moment, "ns").astype("datetime64[M]")
            into = moment - month.astype("datetime64[ns]").astype(np.int64)
            last_day = (month + 1).astype("datetime64[D]") - 1
            months = month + ahead * self.months
            if np.datetime64(moment, "ns").astype("datetime64[D]") == last_day:  # a month's end stays one
                days = (months + 1).astype("datetime64[D]") - 1
                return [str(day) for day in days]
            moments = months.astype("datetime64[ns]").astype(np.int64) + into
        elif self.business_days:
            day = np.datetime64(moment, "ns").astype("datetime64[D]")
            return [str(each) for each in np.busday_offset(day, ahead)]
        else:
            moments = moment + ahead * self.size
        return [self.text(each) for each in moments.tolist()]

    def is_regular(self, order: NDArray[np.int64]) -> bool:
        """Whether all of (N,) rising moments lie on the grid, each on a step of its own."""
        if self.months or self.business_days:
            return bool((np.diff(self.places(order)) > 0).all())
        return bool(((order - order[:1]) % self.size == 0).all())


def find_grid(moments: Moments, groups: list[NDArray[np.int64]]) -> TimeGrid:
    """The grid of the usual step between neighbors.

    Args:
        groups: rows of each series.
    """
    steps = np.concatenate([np.diff(np.sort(moments.order[rows])) for rows in groups])
    steps = steps[steps > 0]
    usual = int(np.median(steps)) if len(steps) else (1 if moments.days is None else DAY)
    if moments.days is None:
        return TimeGrid(usual, "steps", None, calendar=False)
    for months, (least, most) in _MONTHS.items():
        if least * DAY <= usual <= most * DAY and (months > 1 or len(np.unique(steps)) > 1):
            noun = _MONTH_NOUNS[months]
            return TimeGrid(usual, noun, _SEASONS.get(noun), months=months)
    business = usual == DAY and len(moments.days) > 5 and bool(np.is_busday(moments.days).all())
    noun = _noun(usual)
    return TimeGrid(usual, noun, _season(usual, noun, business), business_days=business)


def _season(usual: int, noun: str, business: bool) -> int | None:
    if business:
        return 5
    if usual == DAY:
        return 7
    if 60 * SECOND <= usual < DAY and DAY % usual == 0:
        return DAY // usual
    return _SEASONS.get(noun)


def _noun(usual: int) -> str:
    seconds = usual / SECOND
    if seconds in _SECONDS:
        return _SECONDS[int(seconds)]
    for size, noun in reversed(_SECONDS.items()):
        if seconds % size == 0:
            return f"steps of {int(seconds // size)} {noun}"
    return "steps"


def told_gaps(grid: TimeGrid, tables: list[tuple[str, NDArray[np.int64], tuple[str, ...]]]) -> str | None:
    """How many steps are missing between the first and last of each series; None where none is.

    Args:
        tables: name, (N,) rising moments and (N,) dates of each series.
    """
    missing, present, hurt, longest, irregular = 0, 0, 0, (0, "", ""), 0
    for name, order, dates in tables:
        irregular += not grid.is_regular(order)
        absent = np.maximum(np.diff(grid.places(order)) - 1, 0)
        present += len(order)
        if not absent.sum():
            continue
        missing, hurt = missing + int(absent.sum()), hurt + 1
        largest = int(absent.argmax())
        longest = max(longest, (int(absent[largest]), dates[largest], name), key=lambda gap: gap[0])
    told = []
    if missing:
        kind = "business days (Monday to Friday)" if grid.business_days else grid.noun
        where = f" in {hurt} of {len(tables)} series" if len(tables) > 1 else ""
        whose = f" in series {longest[2]}" if len(tables) > 1 else ""
        told.append(
            f"{missing:,} of {missing + present:,} {kind} are missing{where}; the longest gap is "
            f"{longest[0]} after {longest[1]}{whose}"
        )
    if irregular:
        kind = "business days" if grid.business_days else grid.noun
        told.append(f"{irregular} of {len(tables)} series have times that are not on the grid of {kind}")
    return "; ".join(told) if told else None
