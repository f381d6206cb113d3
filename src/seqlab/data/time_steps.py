"""Times of a table: what order they give, how far apart they are, and which of them are not there."""

from __future__ import annotations

import re
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DAY = np.timedelta64(1, "D")
_NUMBER = re.compile(r"[+-]?\d+")
_COMPACT = re.compile(r"\d{8}")  # 20161231


class Moments(NamedTuple):
    """N dates as they can be compared."""

    order: NDArray[np.int64]  # (N,) rises with time: nanoseconds, or steps where days is None
    days: (
        NDArray[np.datetime64] | None
    )  # (N,) calendar days where the file writes them; None for steps 1, 2, ...
    bad: NDArray[np.int64]  # rows whose date cannot be read


def read_moments(dates: tuple[str, ...]) -> Moments:
    """Dates in ISO 8601 or as pandas guesses them; whole numbers count steps of time."""
    import pandas as pd

    nothing = np.zeros(0, dtype=np.int64)
    if all(map(_NUMBER.fullmatch, dates)) and not all(map(_COMPACT.fullmatch, dates)):
        return Moments(np.array([int(date) for date in dates], dtype=np.int64), None, nothing)
    text = pd.Series(dates, dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formats that pandas must guess
        moments = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
        # the day is that of the file's own time zone, not UTC's
        days = pd.to_datetime(text.str.slice(0, 10), format="ISO8601", errors="coerce")
        if moments.isna().all():
            moments = pd.to_datetime(text, errors="coerce", utc=True)
            days = moments.dt.tz_localize(None)
    bad = np.flatnonzero(moments.isna())
    return Moments(
        moments.dt.as_unit("ns").astype("int64").to_numpy(), days.to_numpy().astype("datetime64[D]"), bad
    )


def missing_days(days: NDArray[np.datetime64]) -> str | None:
    """Which days are missing among (N,) rising calendar days; None where none is.

    What is expected follows the file: every day where it has weekends, Monday to Friday where it has none;
    its usual step where that is longer than a day (weeks, months). Steps within a day are left alone.
    """
    if len(days) < 3:
        return None
    steps = np.diff(days)
    usual = np.median(steps.astype(np.int64)) * DAY
    if usual < DAY:
        return None
    if usual > DAY:
        absent = np.round(steps / usual).astype(np.int64) - 1
        kind, remark = f"steps of {int(usual / DAY)} days", ""
    elif np.is_busday(days).all():
        absent = np.busday_count(days[:-1], days[1:]) - 1
        kind, remark = "business days (Monday to Friday)", ", holidays among them"
    else:
        absent = steps.astype(np.int64) - 1
        kind, remark = "days", ""
    absent = np.maximum(absent, 0)
    number, longest = int(absent.sum()), int(absent.argmax())
    if not number:
        return None
    return (
        f"{number:,} of {number + len(days):,} {kind} from {days[0]} to {days[-1]} are missing{remark}; the "
        f"longest gap is {absent[longest]} after {days[longest]}. Windows take the days that are there for "
        "neighbors"
    )
