import numpy as np
import pandas as pd
import pytest

from seqlab.data.series_table import DATE, LINE, SeriesTable, told_gaps
from seqlab.data.time_grid import TimeGrid, find_grid, read_moments


def grid_of(dates: list[str]) -> TimeGrid:
    moments = read_moments(tuple(dates))
    return find_grid(moments, [moments.order])


def table_of(dates: list[str], name: str = "") -> SeriesTable:
    frame = pd.DataFrame({LINE: range(len(dates)), DATE: dates}, index=read_moments(dates).order)
    return SeriesTable("here", frame, name)


def dates(frequency: str, number: int = 30) -> list[str]:
    return pd.date_range("2024-01-01", periods=number, freq=frequency).strftime("%Y-%m-%d %H:%M:%S").tolist()


@pytest.mark.parametrize(
    ("frequency", "noun", "season"),
    [
        ("h", "hours", 24),
        ("30min", "steps of 30 minutes", 48),
        ("min", "minutes", 1440),
        ("D", "days", 7),
        ("B", "days", 5),
        ("7D", "weeks", 52),
        ("MS", "months", 12),
        ("QS", "quarters", 4),
        ("10D", "steps of 10 days", None),
    ],
)
def test_the_step_tells_its_noun_and_season(frequency: str, noun: str, season: int | None) -> None:
    written = dates(frequency)
    grid = grid_of(written)
    assert (grid.noun, grid.season) == (noun, season)
    order = read_moments(tuple(written)).order
    assert np.diff(grid.places(order)).tolist() == [1] * 29
    after = [np.datetime64(grid.text(each)) for each in grid.ahead(int(order[19]), 10)]
    assert after == [np.datetime64(each) for each in written[20:]]


def test_whole_numbers_are_steps() -> None:
    grid = grid_of([str(year) for year in range(2000, 2020, 2)])
    assert (grid.noun, grid.season, grid.size) == ("steps", None, 2)
    assert grid.ahead(2018, 2) == [2020, 2022]
    assert grid.text(2020) == "2020"


def test_months_end_on_their_last_day() -> None:
    written = dates("ME", 12)
    grid = grid_of(written)
    order = read_moments(tuple(written)).order
    assert [grid.text(each) for each in grid.ahead(int(order[0]), 2)] == ["2024-02-29", "2024-03-31"]


def test_gaps_are_counted_over_series() -> None:
    written = dates("h", 12)
    some = [0, 1, 2, 6, 7, 8, 10, 11]
    tables = [
        table_of(written, "a"),
        table_of([written[row] for row in some], "b"),
    ]
    assert told_gaps(grid_of(written), tables) == [
        "here: 4 of 24 hours are missing in 1 of 2 series; the longest gap is 3 after "
        "2024-01-01 02:00:00 of series b. Windows take the rows that are there for neighbors"
    ]
    assert told_gaps(grid_of(written), tables[:1]) == []


def test_missing_business_days_are_counted() -> None:
    # Monday to Friday of two weeks, without Wednesday to Friday of the first and Tuesday of the second
    written = ["2016-01-04", "2016-01-05", "2016-01-11", "2016-01-13", "2016-01-14", "2016-01-15"]
    grid = grid_of(written)
    assert grid.business_days
    assert told_gaps(grid, [table_of(written)]) == [
        "here: 4 of 10 business days (Monday to Friday, holidays among them) are missing; the longest "
        "gap is 3 after 2016-01-05. Windows take the rows that are there for neighbors"
    ]


@pytest.mark.parametrize(
    ("frequency", "said"), [("D", "2 of 40 days"), ("W", "2 of 40 weeks"), ("MS", "2 of 40 months")]
)
def test_other_steps_than_business_days_have_gaps_too(frequency: str, said: str) -> None:
    whole = dates(frequency, 40)
    assert told_gaps(grid_of(whole), [table_of(whole)]) == []
    (told,) = told_gaps(grid_of(whole), [table_of([*whole[:10], *whole[12:]])])
    assert told.startswith(f"here: {said} are missing")


def test_the_day_is_that_of_the_file_and_whole_numbers_are_steps() -> None:
    days = np.array(["2016-01-04", "2016-01-05"], dtype="datetime64[D]").tolist()
    there = read_moments(("2016-01-04 00:00:00+09:00", "2016-01-05 00:00:00+09:00"))
    assert there.days.tolist() == days
    assert read_moments(("1", "2", "10")).days is None
    assert read_moments(("20160104", "20160105")).days.tolist() == days
