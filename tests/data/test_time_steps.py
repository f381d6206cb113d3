from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seqlab.data.stock_files import read_prices
from seqlab.data.time_steps import missing_days, read_moments


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def test_missing_business_days_are_counted() -> None:
    # Monday to Friday of two weeks, without Wednesday to Friday of the first and Tuesday of the second
    found = missing_days(
        days("2016-01-04", "2016-01-05", "2016-01-11", "2016-01-13", "2016-01-14", "2016-01-15")
    )
    assert found == (
        "4 of 10 business days (Monday to Friday) from 2016-01-04 to 2016-01-15 are missing, holidays among "
        "them; the longest gap is 3 after 2016-01-05. Windows take the days that are there for neighbors"
    )


@pytest.mark.parametrize("frequency", ["B", "D", "W", "MS", "h"])
def test_nothing_is_said_of_a_series_without_a_gap(frequency: str) -> None:
    assert (
        missing_days(pd.date_range("2016-01-04", periods=40, freq=frequency).to_numpy("datetime64[D]"))
        is None
    )


@pytest.mark.parametrize(
    ("frequency", "said"),
    [
        ("D", "2 of 40 days from"),
        ("W", "2 of 40 steps of 7 days from"),
        ("MS", "2 of 40 steps of 31 days from"),
    ],
)
def test_other_steps_than_business_days_have_gaps_too(frequency: str, said: str) -> None:
    dates = pd.date_range("2016-01-03", periods=40, freq=frequency).to_numpy().astype("datetime64[D]")
    assert str(missing_days(np.delete(dates, [10, 11]))).startswith(said)


def test_the_day_is_that_of_the_file_and_whole_numbers_are_steps() -> None:
    there = read_moments(("2016-01-04 00:00:00+09:00", "2016-01-05 00:00:00+09:00"))
    assert there.days.tolist() == days("2016-01-04", "2016-01-05").tolist()
    assert read_moments(("1", "2", "10")).days is None
    assert read_moments(("20160104", "20160105")).days.tolist() == days("2016-01-04", "2016-01-05").tolist()


def test_a_file_says_which_days_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    dates = pd.bdate_range("2016-01-04", periods=60).strftime("%Y-%m-%d")
    rows = [f"{date},{number}" for number, date in enumerate(dates, start=1)]
    path.write_text("\n".join(["Date,Close", *rows]), encoding="utf-8")
    assert read_prices(path).notices == []
    path.write_text("\n".join(["Date,Close", *rows[:20], *rows[25:]]), encoding="utf-8")
    (told,) = read_prices(path).notices
    assert told.startswith(f"{path}: 5 of 60 business days (Monday to Friday) from 2016-01-04 to 2016-03-25")
    assert "the longest gap is 5 after 2016-01-29" in told
