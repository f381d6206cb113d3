from itertools import combinations

import numpy as np
import pytest

from seqlab.data.splits import (
    check_filled,
    check_fractions,
    group_numbers,
    part_ends,
    parts_by_label,
    parts_in_order,
    random_parts,
)
from seqlab.errors import UserError


def test_ends_are_rounded_down_or_to_the_nearest() -> None:
    assert part_ends(90, (0.7, 0.1, 0.2)) == [63, 72, 90]  # 0.7 * 90 is 62.99... in floating point
    assert part_ends(13, (0.5, 0.25, 0.25)) == [6, 9, 13]
    assert part_ends(13, (0.5, 0.3, 0.2), nearest=True) == [6, 10, 13]  # of 6.5 and 10.4
    assert part_ends(40, (0.7, 0.1)) == [35, 40]  # shares of what is cut, not of all


def test_rows_in_order_stay_in_order() -> None:
    parts = parts_in_order(np.array([5, 3, 9, 1]), (0.5, 0.25, 0.25))
    assert [part.tolist() for part in parts] == [[5, 3], [9], [1]]


def test_groups_are_drawn_whole() -> None:
    groups = group_numbers(["a", "b", "a", "c", "d", "b"])
    assert groups.tolist() == [0, 1, 0, 2, 3, 1]
    parts = random_parts(6, (0.5, 0.25, 0.25), 0, groups=groups)
    assert sorted(np.concatenate(parts).tolist()) == [0, 1, 2, 3, 4, 5]
    assert [len(set(groups[part])) for part in parts] == [2, 1, 1]
    for one, other in combinations(parts, 2):
        assert not set(groups[one]) & set(groups[other])
    assert all((np.diff(part) > 0).all() for part in parts)
    other_seeds = [random_parts(6, (0.5, 0.25, 0.25), seed, groups=groups)[1].tolist() for seed in range(8)]
    assert len({tuple(part) for part in other_seeds}) > 1


def test_each_label_is_divided_alike() -> None:
    labels = ["x"] * 20 + ["y"] * 10 + ["z"]
    parts = parts_by_label(labels, (0.7, 0.1, 0.2), 0, groups=np.arange(31))
    counts = [[[labels[row] for row in part].count(label) for label in "xyz"] for part in parts]
    assert counts == [[14, 7, 1], [2, 1, 0], [4, 2, 0]]


def test_a_group_goes_under_its_most_frequent_label_and_training_knows_each_label() -> None:
    groups = np.array([0, 0, 0, 1, 2, 3])
    labels = ["x", "x", "rare", "x", "x", "x"]
    for seed in range(8):
        train, test = parts_by_label(labels, (0.5, 0.5), seed, groups=groups)
        assert {0, 1, 2} <= set(train.tolist())  # else only test would hold the label rare
        assert set(test.tolist()) <= {3, 4, 5}
        assert len(test)


def test_an_empty_part_is_refused() -> None:
    some, none = np.arange(2), np.arange(0)
    check_filled([some, some], (0.7, 0.1), "data.path: 2 names")
    message = (
        r"^data\.path: 2 names are too few for data\.split=\[0\.7, 0\.1, 0\.2\]: nothing is left for val"
    )
    with pytest.raises(UserError, match=message):
        check_filled([some, none, some], (0.7, 0.1, 0.2), "data.path: 2 names")


def test_one_split_may_be_left_out() -> None:
    assert check_fractions([0.9, 0.1, 0], may_be_zero="test") == (0.9, 0.1, 0)
    with pytest.raises(UserError, match=r"like \[0.7,0.1,0.2\]; test may be 0"):
        check_fractions([0.9, 0, 0.1], may_be_zero="test")
    with pytest.raises(UserError, match="give three positive shares"):
        check_fractions([0.9, 0.1, 0])
