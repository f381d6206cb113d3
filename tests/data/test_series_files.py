from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqlab.data.series_files import SeriesFile, choose_columns, read_series
from seqlab.errors import UserError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "series.csv"


def test_a_time_column_and_one_target_are_found(path: Path) -> None:
    path.write_text(
        "When,load\n2024-01-01 01:00,2\n2024-01-01 00:00,1\n2024-01-01 02:00,3\n", encoding="utf-8"
    )
    file = read_series(path)
    (table,) = file.tables
    assert file.columns == (("load",), ("load",), ())
    assert file.grid.noun == "hours"
    assert table.column("load").tolist() == [1, 2, 3]
    assert table.name == ""
    assert file.notices == [f"{path} was not in order of date: 2 of 3 lines were moved"]


def read(path: Path, **settings: Any) -> SeriesFile:
    """A file as ``data=series`` reads it."""
    asked = {name: settings.pop(name) for name in ("targets", "features", "known") if name in settings}
    return read_series(path, partial(choose_columns, **asked), **settings)


LONG = """unique_id,ds,y,price,holiday
B,1,10,1,0
A,2,2,5,1
B,2,20,2,0
A,1,1,4,0
A,3,,,1
A,4,,,0
A,6,,,1
"""


def test_a_panel_by_hand(path: Path) -> None:
    path.write_text(LONG, encoding="utf-8")
    file = read(path, features=["price"], known=["holiday"])
    first, second = file.tables
    assert file.columns == (("y",), ("y", "price", "holiday"), ("holiday",))
    assert (first.name, second.name) == ("A", "B")
    assert first.frame[["y", "price", "holiday"]].to_numpy().tolist() == [[1, 4, 0], [2, 5, 1]]
    assert second.frame[["y", "price", "holiday"]].to_numpy().tolist() == [[10, 1, 0], [20, 2, 0]]
    # after the last y its holidays are known, up to the step that is missing
    assert first.future.to_dict("list") == {"holiday": [1, 0]}
    assert second.future is None


def test_a_time_that_comes_twice_counts_within_a_series_alone(path: Path) -> None:
    path.write_text("shop,ds,y\nA,1,1\nB,1,1\nA,2,3\nA,2,4\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"series A, line 5: the date 2 stands on line 4 too"):
        read_series(path, id="shop")


def test_missing_numbers_are_refused_or_filled_from_the_past(path: Path) -> None:
    path.write_text("ds,y\n2024-01-01,\n2024-01-02,5\n2024-01-03,x\n2024-01-05,7\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_series(path)
    assert str(caught.value) == (
        f"{path}, line 2: no finite number under y (2 of 4 rows lack one); mend the line, or choose "
        "data.missing=drop (leave such rows out), previous (fill with the number before) or zero"
    )
    (table,) = read_series(path, missing="drop").tables
    assert table.column("y").tolist() == [5, 7]
    file = read_series(path, missing="previous")
    (table,) = file.tables
    assert table.column("y").tolist() == [5, 5, 5, 7]  # the 4th of January was no line
    assert table.dates == ("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")
    assert np.diff(table.order).tolist() == [86_400 * 10**9] * 3
    assert file.notices == [
        f"{path}: 2 rows lacked a number and were filled with the number before",
        f"{path}: 4 of 5 lines are used; left out: 1 without every number",
    ]
    (table,) = read_series(path, missing="zero").tables
    assert table.column("y").tolist() == [0, 5, 0, 0, 7]


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        ("a,b\n1,2\n", {}, r"no column of times .* data\.time=NAME"),
        (
            "ds,a,b\n1,2,3\n",
            {},
            r"2 columns could be the target \(a, b\); name what to .*data\.targets=\[NAME\]",
        ),
        ("ds,y\n1,2\n", {"known": ["sun"]}, r"data\.known=sun: .*no such column; it has ds, y"),
        ("ds,y\n1,2\n", {"known": ["y"], "targets": ["y"]}, r"data\.known=y: the target's own future"),
        ("ds,y\n1,2\n", {"targets": ["ds"]}, "ds names times or series"),
        ("ds,y\nsoon,2\n", {}, "line 2: 'soon' is no date"),
        ("ds,y\n1,\n", {"known": []}, "no line has a number under y"),
        ("ds,y\n1,2\n", {"missing": "guess"}, "data.missing=guess: choose error, drop, previous, zero"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(path: Path, content: str, settings: dict, message: str) -> None:
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read(path, **settings)
