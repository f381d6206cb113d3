"""Dates and numbers of steps that are out of reach, or far from the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqlab.data.series_files import read_series
from seqlab.data.time_grid import read_moments
from seqlab.errors import UserError


@pytest.mark.parametrize(
    "date", ["0001-01-01", "1699-12-31", "2200-01-02", "9999-12-31", "now", "Today", "-005"]
)
def test_dates_out_of_reach_are_told_with_their_line(date: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(f"ds,y\n2016-01-04,1\n{date},2\n2016-01-06,3\n")
    with pytest.raises(UserError, match=rf"prices\.csv, line 3: '{date}' is no date; write 2016-12-31"):
        read_series(path)


def test_dates_of_three_centuries_are_too_far_apart() -> None:
    """Nanoseconds are 64-bit numbers: 292 years. The one that is far from the others is told."""
    assert read_moments(["1750-01-01", "1751-01-01", "2020-01-01"]).bad.tolist() == []
    assert read_moments(["1750-01-01", "1751-01-01", "2199-01-01"]).bad.tolist() == [2]
    assert read_moments(["1700-01-01", "2150-01-01", "2151-01-01"]).bad.tolist() == [0]


@pytest.mark.parametrize("number", ["9" * 19, "-" + "9" * 19, "7" * 5000, "0" * 5000])
def test_numbers_of_steps_that_no_integer_holds(number: str) -> None:
    assert read_moments(["1", number, "3"]).bad.tolist() == [1]
    assert read_moments(["1767225600000000000", "1767225600000000001"]).bad.tolist() == []


def test_a_wrong_date_fills_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    lines = [f"2024-01-01T00:00:0{second},1" for second in range(9)]
    path.write_text("\n".join(["ds,y", *lines, "2124-01-01T00:00:00,2", ""]))
    with pytest.raises(UserError, match=r"load\.csv, line 11: 3,155,673,592 seconds after the line before"):
        read_series(path, missing="previous")
    assert len(read_series(path, missing="drop").tables[0]) == 10
