from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqlab.data.sequences import (
    LABEL_ABNORMAL,
    LABEL_NORMAL,
    Sessions,
    has_both_classes,
)
from seqlab.data.session_splits import check_disjoint, read_all, split_by_session
from seqlab.data.splits import check_fractions
from seqlab.errors import UserError

Write = Callable[[str, list[str]], Path]
SHARES = (0.7, 0.1, 0.2)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, lines: list[str]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return write_file


def blocks(first: int, end: int, key: str = "5") -> list[str]:
    """Lines of the blocks ``first`` to ``end - 1``; each has its own number as its last key."""
    return [f"blk_{number},{key} {number}" for number in range(first, end)]


def numbered(num_sessions: int, label: int = LABEL_NORMAL, start: int = 0) -> Sessions:
    rows = [[5, number] for number in range(start, start + num_sessions)]
    return Sessions.from_lists(rows, [f"blk_{row[1]}" for row in rows], label)


def ids(sessions: Sessions) -> list[str]:
    return sessions.ids.tolist()


def keys_belong_to_ids(sessions: Sessions) -> bool:
    return all(f"blk_{sessions.keys(place)[-1]}" == name for place, name in enumerate(ids(sessions)))


@pytest.mark.parametrize("seed", range(4))
def test_sessions_are_split_whole_and_completely(seed: int) -> None:
    splits = split_by_session(numbered(100), numbered(7, LABEL_ABNORMAL, 100), SHARES, seed)
    for one, other in combinations(splits.values(), 2):
        assert not set(ids(one)) & set(ids(other))
    everything = [name for part in splits.values() for name in ids(part)]
    assert sorted(everything) == sorted(f"blk_{number}" for number in range(107))
    assert all(keys_belong_to_ids(part) for part in splits.values())


def test_abnormal_sessions_are_all_tested_and_only_tested() -> None:
    splits = split_by_session(numbered(100), numbered(7, LABEL_ABNORMAL, 100), SHARES, seed=0)
    assert set(splits["train"].labels) == set(splits["val"].labels) == {LABEL_NORMAL}
    labels = dict(zip(ids(splits["test"]), splits["test"].labels.tolist(), strict=True))
    assert {name for name, label in labels.items() if label == LABEL_ABNORMAL} == {
        f"blk_{number}" for number in range(100, 107)
    }
    assert list(labels.values()).count(LABEL_NORMAL) == 20


@pytest.mark.parametrize(
    ("num_sessions", "shares", "expected"),
    [
        (10, SHARES, (7, 1, 2)),
        (90, SHARES, (63, 9, 18)),
        (100, (0.29, 0.01, 0.7), (29, 1, 70)),
        (4000, SHARES, (2800, 400, 800)),
        (13, (0.5, 0.25, 0.25), (6, 3, 4)),
        (3, (0.34, 0.33, 0.33), (1, 1, 1)),
    ],
)
def test_shares(num_sessions: int, shares: tuple[float, ...], expected: tuple[int, ...]) -> None:
    splits = split_by_session(numbered(num_sessions), None, shares, seed=0)
    assert tuple(len(splits[name]) for name in ("train", "val", "test")) == expected


def test_same_seed_same_split_other_seed_another() -> None:
    first, again, other = (split_by_session(numbered(100), None, SHARES, seed) for seed in (3, 3, 4))
    for name in ("train", "val", "test"):
        assert ids(first[name]) == ids(again[name])
        assert set(ids(first[name])) != set(ids(other[name]))


def test_the_split_is_drawn_not_cut() -> None:
    splits = split_by_session(numbered(100), None, SHARES, seed=0)
    assert set(ids(splits["train"])) != {f"blk_{number}" for number in range(70)}


@pytest.mark.parametrize(
    "split",
    [(0.7, 0.3), (0.7, 0.1, 0.1), (0.8, 0.3, -0.1), (0.8, 0.0, 0.2), (1.0,), (), (0.4, 0.2, 0.2, 0.2)],
)
def test_bad_shares_are_refused(split: tuple[float, ...]) -> None:
    with pytest.raises(
        UserError, match=re.escape(f"data.split={list(split) or split}: give three positive shares")
    ):
        check_fractions(split)
    with pytest.raises(UserError, match=r"data\.split="):
        split_by_session(numbered(50), None, split, seed=0)


def test_good_shares_pass() -> None:
    assert check_fractions([0.6, 0.2, 0.2]) == (0.6, 0.2, 0.2)


@pytest.mark.parametrize("num_sessions", [0, 1, 2, 3])
def test_too_few_sessions_to_split(num_sessions: int) -> None:
    with pytest.raises(UserError, match=f"^{num_sessions} normal sessions are too few for data"):
        split_by_session(numbered(num_sessions), None, SHARES, seed=0)


# -- files of normal and of abnormal sessions ----------------------------------------------------------


def test_lists_of_files_are_read_in_order(write: Write) -> None:
    sessions = read_all([write("b.txt", ["blk_1,5 9"]), str(write("a.txt", ["blk_2,9", "blk_3,7 5"]))], [])
    assert ids(sessions) == ["blk_1", "blk_2", "blk_3"]
    assert [sessions.keys(place) for place in range(3)] == [["5", "9"], ["9"], ["7", "5"]]


def test_normal_and_abnormal_files(write: Write, split_files: Callable[..., Any]) -> None:
    normal = [write("n1.txt", blocks(0, 15)), write("n2.txt", blocks(15, 20))]
    splits, _ = split_files(normal, write("abnormal.txt", blocks(20, 23, "E9")), SHARES, seed=1)
    assert [len(splits[name]) for name in ("train", "val", "test")] == [14, 2, 7]
    assert splits["train"].labels.tolist() == [LABEL_NORMAL] * 14
    assert splits["test"].labels.tolist() == [LABEL_NORMAL] * 4 + [LABEL_ABNORMAL] * 3
    assert ids(splits["test"])[4:] == ["blk_20", "blk_21", "blk_22"]
    assert splits["test"].keys(5) == ["E9", "21"]
    assert all(keys_belong_to_ids(part) for part in splits.values())


def test_a_normal_file_alone(write: Write, split_files: Callable[..., Any]) -> None:
    splits, _ = split_files(write("normal.txt", blocks(0, 20)), None, SHARES, seed=1)
    assert set(splits["test"].labels.tolist()) == {LABEL_NORMAL}
    assert not has_both_classes(splits["test"])


def test_a_block_in_two_files_is_refused(write: Write, split_files: Callable[..., Any]) -> None:
    one, two = write("one.txt", blocks(0, 10)), write("two.txt", blocks(9, 20))
    message = re.escape(f"block blk_9 stands in {one} and in {two}; a block is one session")
    with pytest.raises(UserError, match=message):
        read_all([one, two], [])
    with pytest.raises(UserError, match=r"block blk_9 stands in data\.normal and in data\.abnormal"):
        split_files(one, two, SHARES, seed=0)


def test_a_file_given_twice_is_refused(write: Write) -> None:
    one, two = write("one.txt", blocks(0, 10)), write("two.txt", blocks(10, 20))
    with pytest.raises(UserError, match=re.escape(f"{one} is given twice")):
        read_all([one, two, str(one)], [])


def test_an_empty_list_of_files_is_refused() -> None:
    with pytest.raises(UserError, match="no file"):
        read_all([], [])


def test_disjoint_parts_pass() -> None:
    check_disjoint({"a": numbered(5), "b": numbered(5, start=5)})
    with pytest.raises(UserError, match="block blk_4 stands in a and in b"):
        check_disjoint({"a": numbered(5), "b": numbered(5, start=4)})


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([0, 1], True), ([0, 0], False), ([1, 1], False), ([0, 1, -1], False), ([-1, -1], False), ([], False)],
)
def test_detection_needs_both_classes_and_no_unknown(labels: list[int], expected: bool) -> None:
    sessions = numbered(len(labels)).with_labels(np.asarray(labels, dtype=np.int8))
    assert has_both_classes(sessions) is expected


def test_real_sessions_split_by_class(hdfs_folder: Path, split_files: Callable[..., Any]) -> None:
    folder = hdfs_folder / "loghub_sequences"
    splits, _ = split_files(folder / "normal.txt", folder / "abnormal.txt", SHARES, seed=0)
    assert [len(splits[name]) for name in ("train", "val", "test")] == [3908, 558, 1117 + 16838]
    assert int((splits["test"].labels == LABEL_ABNORMAL).sum()) == 16838
    everything = [name for part in splits.values() for name in ids(part)]
    assert len(everything) == len(set(everything)) == 5583 + 16838


@pytest.mark.parametrize("split", [0.7, "abc", None])
def test_shares_that_are_no_list_are_refused(split: object) -> None:
    with pytest.raises(UserError, match=rf"data\.split={split}: give three positive shares"):
        check_fractions(split)
