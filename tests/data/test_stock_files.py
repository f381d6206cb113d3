import gzip
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from seqlab.data.series_files import choose_columns, read_series
from seqlab.data.series_table import SeriesTable
from seqlab.errors import UserError


class Prices(NamedTuple):
    """One series of a file, and what was said while it was read."""

    table: SeriesTable
    columns: tuple[str, ...]
    notices: list[str]

    @property
    def values(self) -> np.ndarray:
        return self.table.frame[[name.lower() for name in self.columns]].to_numpy()


def read_prices(
    path: Path,
    features: list[str] | None = None,
    *,
    target: str | None = None,
    series: str | None = None,
    **how: Any,
) -> Prices:
    """A file as ``data=stock`` reads it."""
    targets = None if target is None else [target]
    columns = partial(choose_columns, features=features, targets=targets, prices=True)
    file = read_series(path, columns, only=series, single=True, **how)
    return Prices(file.tables[0], file.columns.features, file.notices)


HEADED = """Date,Open,High,Low,Close,Volume
2016-01-04,1,4,0.5,2,100
2016-01-05,2,5,1.5,3,200
2016-01-06,3,6,2.5,4,300
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "prices.csv"


def test_columns_stand_in_any_order_under_any_case(written: Path) -> None:
    written.write_text("close,DATE,Volume,open\n2,2016-01-04,100,1\n3,2016-01-05,200,1.5\n", encoding="utf-8")
    prices = read_prices(written)
    assert prices.columns == ("open", "close", "Volume")
    assert prices.table.column("Close").tolist() == [2, 3]
    assert prices.values.tolist() == [[1, 2, 100], [1.5, 3, 200]]
    assert prices.table.dates == ("2016-01-04", "2016-01-05")
    assert prices.notices == []


def test_columns_that_nobody_asked_for_need_hold_no_number(written: Path) -> None:
    written.write_text(
        "Ticker,Date,Close,Volume\nGOOG,2016-01-04,2,\nGOOG,2016-01-05,3,7\n", encoding="utf-8"
    )
    assert read_prices(written, ["Close"]).values.tolist() == [[2], [3]]
    with pytest.raises(UserError, match=r"prices\.csv, line 2: no finite number under Volume"):
        read_prices(written)


def test_the_published_file_has_comments_no_header_and_the_newest_day_first(written: Path) -> None:
    written.write_text(
        "# source\n# Open,High,Low,Volume,Close\n3,6,2.5,300,4\n2,5,1.5,200,3\n", encoding="utf-8"
    )
    columns = ["Open", "High", "Low", "Volume", "Close"]
    prices = read_prices(written, columns=columns, reverse=True)
    assert prices.table.column("Close").tolist() == [3, 4]
    assert prices.table.lines.tolist() == [4, 3]
    assert prices.table.dates is None
    assert read_prices(written, columns=columns, reverse=False).table.column("Close").tolist() == [4, 3]


def test_a_comment_names_columns_and_nothing_guesses_the_order(written: Path) -> None:
    written.write_text("# source, of 2017\n# Open,Close\n3,4\n2,3\n# Not,This\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_prices(written)
    assert str(caught.value) == (
        f"{written}: no column of times (date, ds, datetime, timestamp, time, day); it has Open, Close: add "
        "one, or say data.reverse=true (line 3 is the newest day) or false (the oldest)"
    )
    prices = read_prices(written, reverse=True)
    assert prices.table.column("Close").tolist() == [3, 4]
    assert prices.notices == [
        f"{written}: names of columns from its comment, line 2: Open, Close",
        f"{written} has no dates: its last line is the oldest day (data.reverse=true)",
        f"{written}: 3 of 5 lines are used; left out: 2 comments",
    ]


def test_a_file_with_the_newest_day_first_is_reversed_and_says_so(written: Path) -> None:
    head, *lines = HEADED.splitlines()
    written.write_text("\n".join([head, *lines[::-1]]), encoding="utf-8-sig")
    prices = read_prices(written)
    assert prices.table.column("Close").tolist() == [2, 3, 4]
    assert prices.notices == [f"{written} was not in order of date: 2 of 3 lines were moved"]


def test_days_out_of_order_are_put_in_order_and_counted(written: Path) -> None:
    head, first, second, third = HEADED.splitlines()
    written.write_text("\n".join([head, second, first, third]), encoding="utf-8")
    prices = read_prices(written)
    assert prices.table.column("Close").tolist() == [2, 3, 4]
    assert prices.table.lines.tolist() == [3, 2, 4]
    assert prices.notices == [f"{written} was not in order of date: 2 of 3 lines were moved"]


def test_american_dates_are_read(written: Path) -> None:
    written.write_text("Date,Close\n2/28/2016,1\n3/1/2016,2\n", encoding="utf-8")
    assert read_prices(written).table.column("Close").tolist() == [1, 2]


def test_lines_without_a_number_are_left_out_where_that_is_asked_for(written: Path) -> None:
    written.write_text(HEADED.replace("2,5,1.5,3,200", "2,5,NaN,3,200"), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_prices(written)
    assert str(caught.value) == (
        f"{written}, line 3: no finite number under Low (1 of 3 rows lack one); mend the line, or choose "
        "data.missing=drop (leave such rows out), previous (fill with the number before) or zero"
    )
    prices = read_prices(written, missing="drop")
    assert prices.table.column("Close").tolist() == [2, 4]
    assert prices.notices[0] == f"{written}: 1 rows lack a number and were left out"
    assert read_prices(written, missing="previous").table.column("Low").tolist() == [0.5, 0.5, 2.5]


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        ("", {}, ": the file is empty; expected lines of Date,Open"),
        ("\n# only this\n\n", {}, ": the file is empty"),
        ("Date,Close\n", {}, ": a header and no line of numbers"),
        ("1,2\n3,4\n", {}, r", line 1: no header line and no comment that names 2 columns; name them, "),
        ("Date,Close\n2016-01-04,1\n2016-01-05\n", {}, ", line 3: 1 cells, the file has 2 columns"),
        (
            "Date,Close\n2016-01-04,1\n2016-01-04,2\n",
            {},
            ", line 3: the date 2016-01-04 stands on line 2 too",
        ),
        ("Date,Close\n2016-01-04,1\nsoon,2\n", {}, ", line 3: 'soon' is no date"),
        (
            "Date,Close\n2016-01-04,1\n",
            {"features": ["Open"]},
            r"data\.features=Open: .*has no such column; it has Date, Close",
        ),
        ("Date,Price,Other\n2016-01-04,1,2\n", {}, r"no column close or y, and 2 .*data\.target=NAME"),
        ("Close,close\n1,2\n", {}, ", line 1: the column close comes twice"),
        ("1,2\n3,4,5\n", {"columns": ["Open", "Close"]}, ", line 2: 3 cells"),
        (
            "Date,Close\n2016-01-04,1\n",
            {"columns": ["Close"]},
            ", line 1: the header names Date, Close, data",
        ),
        ("Date,Close\n2016-01-04,x\n", {"missing": "drop"}, ": no line has a number under Close"),
        ("Date,Close\n2016-01-04,1\n", {"missing": "fill"}, "data.missing=fill: choose error, drop"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(
    written: Path, content: str, settings: dict, message: str
) -> None:
    written.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_prices(written, **settings)


def test_a_byte_that_is_no_text_is_told_with_its_line(written: Path) -> None:
    written.write_bytes(b"Date,Close\n2016-01-04,1\n2016-01-05,\xff\n")
    with pytest.raises(UserError, match=r"prices\.csv, line 3: byte 0xff is not UTF-8 text"):
        read_prices(written)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_prices(tmp_path / "none.csv")


def test_the_published_prices(root: Path) -> None:
    path = root.parent / "shared/data/stock/data-02-stock_daily.csv"
    if not path.is_file():
        pytest.skip(f"no published prices at {path}")
    prices = read_prices(path, reverse=True)
    assert prices.columns == ("Open", "High", "Low", "Close", "Volume")
    with pytest.raises(UserError, match=r"data\.reverse=true \(line 3 is the newest day\)"):
        read_prices(path)
    close = prices.table.column("Close")
    assert len(prices.table) == 732
    assert np.abs(np.diff(close))[511:].mean() == pytest.approx(5.72, abs=0.005)


@pytest.mark.parametrize("heading", ["timestamp", "Datetime", "Time", "DAY"])
def test_dates_are_found_under_their_usual_headings(tmp_path: Path, heading: str) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(f"{heading},close\n2020-01-03,3\n2020-01-02,2\n2020-01-01,1\n", encoding="utf-8")
    prices = read_prices(path)
    assert prices.table.column("Close").tolist() == [1, 2, 3]
    assert prices.notices == [f"{path} was not in order of date: 2 of 3 lines were moved"]


LONG = """unique_id,ds,y,temperature
B,2016-01-04,7,1
A,2016-01-05,2,-3
A,2016-01-04,1,-2
B,2016-01-05,8,
"""


def test_one_series_of_a_long_file_is_chosen_by_its_name(written: Path) -> None:
    written.write_text(LONG, encoding="utf-8")
    prices = read_prices(written, series="A")
    assert prices.columns == ("y",)
    assert prices.table.column("y").tolist() == [1, 2]
    assert prices.table.lines.tolist() == [4, 3]
    # what another series lacks is no matter
    assert read_prices(written, ["temperature"], series="A").values.tolist() == [[-2], [-3]]
    with pytest.raises(UserError) as caught:
        read_prices(written)
    assert str(caught.value) == (
        f"data.series=null: {written} holds 2 series under unique_id; name one of them: B, A"
    )
    with pytest.raises(
        UserError,
        match=r"data\.series=C: .* holds 2 series .*; name one of them: B, A$",
    ):
        read_prices(written, series="C")


def test_a_long_file_of_one_series_needs_no_choice_and_counts_steps_as_well(written: Path) -> None:
    written.write_text("unique_id,ds,y\n1,9,3\n1,11,5\n1,10,4\n", encoding="utf-8")
    assert read_prices(written).table.column("y").tolist() == [3, 4, 5]
    assert read_prices(written, series="1").table.dates == ("9", "10", "11")
    written.write_text("ds,y\n2016-01-04,3\n2016-01-05,5\n", encoding="utf-8")
    assert read_prices(written).table.column("y").tolist() == [3, 5]
    with pytest.raises(UserError, match=r"data\.series=A: .* holds 0 series .*; leave it out"):
        read_prices(written, series="A")


def test_any_column_can_be_the_target(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("Date,Open,Adj Close\n2020-01-01,1,5\n2020-01-02,2,6\n", encoding="utf-8")
    assert read_prices(path, target="Adj Close").columns == ("Open", "Adj Close")


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv.gz"
    path.write_bytes(gzip.compress(b"Date,Close\n2020-01-01,1\n2020-01-02,2\n"))
    assert read_prices(path).table.column("Close").tolist() == [1, 2]


def test_a_file_says_which_days_it_lacks(written: Path) -> None:
    dates = pd.bdate_range("2016-01-04", periods=60).strftime("%Y-%m-%d")
    rows = [f"{date},{number}" for number, date in enumerate(dates, start=1)]
    written.write_text("\n".join(["Date,Close", *rows]), encoding="utf-8")
    assert read_prices(written).notices == []
    written.write_text("\n".join(["Date,Close", *rows[:20], *rows[25:]]), encoding="utf-8")
    assert read_prices(written).notices == [
        f"{written}: 5 of 60 business days (Monday to Friday, holidays among them) are missing; the longest "
        "gap is 5 after 2016-01-29. Windows take the rows that are there for neighbors"
    ]


def test_columns_may_be_divided_by_semicolons(written: Path) -> None:
    written.write_text("Date;Close\n2016-01-04;1\n2016-01-05;2\n", encoding="utf-8")
    assert read_prices(written).table.column("Close").tolist() == [1, 2]
