import numpy as np
import pandas as pd
import pytest

from seqlab.data.series_table import SeriesTable
from seqlab.data.time_splits import check_season, naive_errors, settled_season
from seqlab.errors import UserError

TABLE = SeriesTable("here", pd.DataFrame({"y": [1, 4, 2, 8, 90.0], "z": [5.0] * 5}))


def test_naive_errors_by_hand_know_the_training_rows_alone() -> None:
    # of 1, 4, 2, 8: steps of 3, 2, 6; over two steps 1 and 4; a series that never moves has no error
    np.testing.assert_allclose(naive_errors([TABLE], [4], ("y", "z"), 1), [11 / 3, np.nan])
    np.testing.assert_allclose(naive_errors([TABLE, TABLE], [4, 3], ("y",), 2), [2.5, 1.0])


def test_a_season_is_that_of_the_step_or_the_one_that_is_set() -> None:
    assert settled_season("auto", 7, [20, 8], "days") == (7, [])
    assert settled_season(3, 7, [20], "days") == (3, [])
    assert settled_season(None, 7, [20], "days") == (None, [])
    assert settled_season("auto", None, [20], "steps") == (None, [])


def test_a_season_as_long_as_the_training_part_is_told() -> None:
    season, (told,) = settled_season("auto", 7, [20, 7], "days")
    assert season is None
    assert told == "no seasonal naive forecast with a season of 7: the shortest training part has 7 days"
    with pytest.raises(UserError, match=r"data\.season=20: the shortest training part has 20 days"):
        settled_season(20, 7, [20], "days")
    with pytest.raises(UserError, match=r"data\.season=0: give a number of steps"):
        check_season(0)
